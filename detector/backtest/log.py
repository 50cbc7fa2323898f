"""What a backtest keeps of a log: the contacts, as columns, and a few counts that say what can be judged at all."""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.interaction import Interaction

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Log:
    """A log that was read.

    Parameters
    ----------
    clients
        Client ids; a client's number is its place.
    client, at_s
        Of every inbound interaction that no machine sent: the client's number, and the time. In the order of the log.
    order_value
        Per client, the sum of its orders' amounts.
    start_s, end_s
        Times of the first and of the last event, of whatever kind; NaN if there is none.
    counts
        How many events: `records`, `outbound`, `orders`, `amounts` (orders with one), `rejected REASON`.
    """

    clients: list[str]
    client: Ints
    at_s: Floats
    order_value: Floats
    start_s: float
    end_s: float
    counts: Counter[str]


class LogColumns:
    """Collects a log; `log` gives what was collected."""

    def __init__(self) -> None:
        self.counts = Counter[str]()
        self._numbers: dict[str, int] = {}
        self._client, self._at_s = array("q"), array("d")
        self._ordering, self._amount = array("q"), array("d")
        self._start_s, self._end_s = np.inf, -np.inf

    def add(self, interactions: Sequence[Interaction]) -> None:
        """Keep of each interaction what the figures need; there is at least one."""
        times_s = [one["at"] for one in interactions]
        self._start_s = min(self._start_s, *times_s)
        self._end_s = max(self._end_s, *times_s)
        numbers = self._numbers
        for one in interactions:
            number = numbers.setdefault(one["client_id"], len(numbers))
            direction = one["direction"]
            if direction == "inbound":
                if not one.get("automated"):
                    self._client.append(number)
                    self._at_s.append(one["at"])
                if one["kind"] == "order":
                    self._add_order(number, one)
            elif direction == "outbound":
                self.counts["outbound"] += 1

    def _add_order(self, number: int, order: Interaction) -> None:
        self.counts["orders"] += 1
        if "amount" in order:
            self.counts["amounts"] += 1
            self._ordering.append(number)
            self._amount.append(order["amount"])

    def log(self) -> Log:
        """Give the columns as arrays."""
        read = bool(self._numbers)
        value = np.bincount(
            np.array(self._ordering, np.int64), np.array(self._amount, np.float64), minlength=len(self._numbers)
        )
        return Log(
            clients=list(self._numbers),
            client=np.array(self._client, np.int64),
            at_s=np.array(self._at_s, np.float64),
            order_value=value.astype(np.float64),
            start_s=float(self._start_s) if read else np.nan,
            end_s=float(self._end_s) if read else np.nan,
            counts=self.counts,
        )
