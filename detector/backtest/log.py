"""What a backtest keeps of a log: the contacts, as columns, and a few counts that say what can be judged at all."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.core.layout import CONTACT, Batch
from detector.core.state.interned import InternedNames
from detector.core.wire.fields import DIRECTIONS, KINDS, NUMBER_OF

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_KIND, _AT, _DIRECTION, _AMOUNT = (NUMBER_OF[name] for name in ("kind", "at", "direction", "amount"))
_INBOUND, _OUTBOUND, _ORDER = DIRECTIONS.index("inbound"), DIRECTIONS.index("outbound"), KINDS.index("order")
_NO_INTS: Ints = np.empty(0, np.int64)


@dataclass(frozen=True)
class Log:
    """A log that was read.

    Parameters
    ----------
    clients
        Client ids; a client's number is its place.
    numbers
        Per shard, the numbers of its clients by their rows.
    client, at_s
        Of every contact: the client's number, and the time. In the order of the log.
    order_value
        Per client, the sum of its orders' amounts.
    start_s, end_s
        Times of the first and of the last event, of whatever kind; NaN if there is none.
    counts
        How many events: `records`, `outbound`, `orders`, `amounts` (orders with one), `rejected REASON`.
    """

    clients: list[str]
    numbers: list[Ints]
    client: Ints
    at_s: Floats
    order_value: Floats
    start_s: float
    end_s: float
    counts: Counter[str]


class LogColumns:
    """Collects a log; `log` gives what was collected.

    Parameters
    ----------
    names
        Of the clients of each shard, by their rows.
    """

    def __init__(self, names: Sequence[InternedNames]) -> None:
        self.counts = Counter[str]()
        self._names, self._clients = names, 0
        self._numbers = [[_NO_INTS] for _ in names]  # by shard, of the clients in the order of their rows
        self._contacts: list[tuple[int, Ints, Floats]] = []  # shard, rows, times
        self._amounts: list[tuple[int, Ints, Floats]] = []  # shard, rows, amounts
        self._start_s, self._end_s = np.inf, -np.inf

    def add(self, shard: int, events: Batch, fields: Floats) -> None:
        """Keep of each interaction what the figures need; there is at least one.

        Parameters
        ----------
        shard
            Number of the shard that took them in.
        events
            Their records of `layout.INTERACTION`, with the rows of their clients there.
        fields
            A row of `wire.fields` for each.
        """
        self._meet(shard)
        at_s, inbound = fields[:, _AT], fields[:, _DIRECTION] == _INBOUND
        self._start_s, self._end_s = min(self._start_s, at_s.min()), max(self._end_s, at_s.max())
        rows, contact = events["row"], events["traits"] & CONTACT > 0
        order = inbound & (fields[:, _KIND] == _ORDER)
        has_amount = order & ~np.isnan(fields[:, _AMOUNT])
        self._contacts.append((shard, rows[contact], at_s[contact]))
        self._amounts.append((shard, rows[has_amount], fields[has_amount, _AMOUNT]))
        counts = {"outbound": fields[:, _DIRECTION] == _OUTBOUND, "orders": order, "amounts": has_amount}
        self.counts.update({name: int(which.sum()) for name, which in counts.items() if which.any()})

    def _meet(self, shard: int) -> None:
        """Number the clients that are new to a shard."""
        known = sum(map(len, self._numbers[shard]))
        new = len(self._names[shard]) - known
        if new:
            self._numbers[shard].append(np.arange(self._clients, self._clients + new))
            self._clients += new

    def log(self) -> Log:
        """Return the columns as arrays."""
        numbers = [np.concatenate(parts) for parts in self._numbers]
        client, at_s = _together(self._contacts, numbers)
        ordering, amount = _together(self._amounts, numbers)
        read = self._clients > 0
        return Log(
            clients=self._ids(numbers),
            numbers=numbers,
            client=client,
            at_s=at_s,
            order_value=np.bincount(ordering, amount, minlength=self._clients).astype(np.float64),
            start_s=float(self._start_s) if read else np.nan,
            end_s=float(self._end_s) if read else np.nan,
            counts=self.counts,
        )

    def _ids(self, numbers: Sequence[Ints]) -> list[str]:
        ids = [""] * self._clients
        for names, clients in zip(self._names, numbers, strict=True):
            for number, name in zip(clients.tolist(), names.of(range(len(clients))), strict=True):
                ids[number] = name
        return ids


def _together(parts: Sequence[tuple[int, Ints, Floats]], numbers: Sequence[Ints]) -> tuple[Ints, Floats]:
    """Return the numbers of the clients, for their rows, and the values of all parts."""
    clients = [numbers[shard][rows] for shard, rows, _ in parts]
    return np.concatenate([_NO_INTS, *clients]), np.concatenate([np.empty(0), *(values for *_, values in parts)])
