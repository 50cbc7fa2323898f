"""Alerts whose outcomes are waited for, and what was learned of those that are known: of one shard.

A moment lies in a slot. The moments of a client are a chain, the newest first, so that a contact finds them; all
together are a heap by the end of their present stage. Memory is bounded: a moment takes 74 bytes as it is stored and
98 with the heap and the chains, and `MOMENTS_MAX` of them wait at most (26 MB). A moment that would be one too many
teaches nothing.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from detector.core.clock import DAY_S
from detector.core.layout import MOMENT, OWN_RATE, POSTERIOR, Records
from detector.core.model import return_chance
from detector.core.primitives import heap
from detector.core.primitives.grow import grown
from detector.core.primitives.hashing import Integers
from detector.core.state.interned import InternedNames

MOMENTS_MAX = 2**18
NONE = 0  # instead of a slot: slot 0 is never used
HEAP_SIZE, SLOTS_USED, FREE, POSTERIOR_CHANGED, ROWS_CHANGED, RATES_CHANGED = range(6)  # places in `Waiting.counts`
_SLOTS_AT_FIRST, _ROWS_AT_FIRST = 64, 64

Numbers = np.ndarray[Any, np.dtype[Any]]


class Taught(NamedTuple):
    """What other histories taught: one record of POSTERIOR, and by segment one of OWN_RATE."""

    posterior: Records
    rates: Mapping[str, Records]


class Waiting(NamedTuple):
    """What kernels see."""

    posterior: Records  # one record
    rates: Records  # by segment
    moments: Records  # by slot
    heap: Records
    rows: np.ndarray[Any, np.dtype[np.uint32]]  # by slot, the client
    following: np.ndarray[Any, np.dtype[np.uint32]]  # by slot, the next one of the same client, or of the free ones
    newest: np.ndarray[Any, np.dtype[np.uint32]]  # by client
    row_changed: np.ndarray[Any, np.dtype[np.bool_]]  # by client, since it was last written
    rate_changed: np.ndarray[Any, np.dtype[np.bool_]]  # by segment
    counts: Integers


@njit(cache=True, error_model="numpy")
def end_s(moment: Any) -> float:  # noqa: ANN401 - a record of layout.MOMENT, seen from Numba
    """When the present stage of a moment is over."""
    end: float = moment.at_s + return_chance.stage_days(moment.facts, moment.stage) * DAY_S
    return end


@njit(cache=True, error_model="numpy")
def mark_row(waiting: Waiting, row: int) -> None:
    """Note that a client has other moments than were written."""
    waiting.row_changed[row] = True
    waiting.counts[ROWS_CHANGED] = 1


@njit(cache=True, error_model="numpy")
def is_full(waiting: Waiting) -> bool:
    """Check whether every slot is taken; as long as there may be more slots, `Moments.reserve` has made them."""
    full: bool = waiting.counts[FREE] == NONE and waiting.counts[SLOTS_USED] == len(waiting.moments)
    return full


@njit(cache=True, error_model="numpy")
def link(waiting: Waiting, row: int) -> int:
    """Take a slot for a moment of a client; there is room for it (`Moments.reserve`)."""
    slot = int(waiting.counts[FREE])
    if slot == NONE:
        slot = int(waiting.counts[SLOTS_USED])
        waiting.counts[SLOTS_USED] += 1
    else:
        waiting.counts[FREE] = waiting.following[slot]
    waiting.rows[slot] = row
    waiting.following[slot] = waiting.newest[row]
    waiting.newest[row] = slot
    mark_row(waiting, row)
    return slot


@njit(cache=True, error_model="numpy")
def unlink(waiting: Waiting, slot: int) -> None:
    """Nothing of this moment is waited for any more."""
    row = waiting.rows[slot]
    if waiting.newest[row] == slot:
        waiting.newest[row] = waiting.following[slot]
    else:
        before = waiting.newest[row]
        while waiting.following[before] != slot:
            before = waiting.following[before]
        waiting.following[before] = waiting.following[slot]
    waiting.following[slot] = waiting.counts[FREE]
    waiting.counts[FREE] = slot
    mark_row(waiting, row)


@njit(cache=True, error_model="numpy")
def push(waiting: Waiting, slot: int) -> None:
    """Wait for the end of a moment's present stage."""
    moment = waiting.moments[slot]
    heap.push(waiting.heap, waiting.counts[HEAP_SIZE], end_s(moment), moment.number, slot)
    waiting.counts[HEAP_SIZE] += 1


@njit(cache=True, error_model="numpy")
def _put(waiting: Waiting, stored: Records, rows: Numbers) -> None:
    for k in range(len(stored)):
        slot = link(waiting, rows[k])
        waiting.moments[slot] = stored[k]
        push(waiting, slot)


@njit(cache=True, error_model="numpy")
def _collect(waiting: Waiting, rows: Numbers, ends: Integers, records: Records) -> None:
    """Copy the moments of clients, the oldest of each first; `ends` says behind which one each client's end."""
    for k in range(len(rows)):
        place, slot = ends[k], waiting.newest[rows[k]]
        while slot != NONE:
            place -= 1
            records[place] = waiting.moments[slot]
            slot = waiting.following[slot]


@njit(cache=True, error_model="numpy")
def _count(waiting: Waiting, rows: Numbers) -> Integers:
    counts = np.zeros(len(rows), np.int64)
    for k in range(len(rows)):
        slot = waiting.newest[rows[k]]
        while slot != NONE:
            counts[k] += 1
            slot = waiting.following[slot]
    return counts


class Moments:
    """The moments of a shard, with room to grow, and its posterior.

    Parameters
    ----------
    taught
        What other histories taught, if any did.
    """

    def __init__(self, taught: Taught | None = None) -> None:
        self._stored: dict[str, bytes] = {}  # of clients, until `begin`
        self._stored_rates: dict[int, Any] = {}  # of segments, the same
        self._taught = {} if taught is None else taught.rates
        self.waiting = Waiting(
            return_chance.new_posterior() if taught is None else taught.posterior.copy(),
            return_chance.new_own_rates(0),
            np.zeros(_SLOTS_AT_FIRST, MOMENT).view(np.recarray),
            np.zeros(_SLOTS_AT_FIRST, heap.ENTRY).view(np.recarray),
            np.zeros(_SLOTS_AT_FIRST, np.uint32),
            np.zeros(_SLOTS_AT_FIRST, np.uint32),
            np.zeros(_ROWS_AT_FIRST, np.uint32),
            np.zeros(_ROWS_AT_FIRST, np.bool_),
            np.zeros(0, np.bool_),
            np.zeros(RATES_CHANGED + 1, np.int64),
        )
        self.waiting.counts[SLOTS_USED] = 1

    @property
    def posterior(self) -> Records:
        """What was learned: one record."""
        return self.waiting.posterior

    @property
    def count(self) -> int:
        """How many wait."""
        return int(self.waiting.counts[HEAP_SIZE])

    @property
    def next_end_s(self) -> float:
        """When the next stage is over; infinite if nothing waits."""
        return float(self.waiting.heap[0].due_s) if self.count else np.inf

    def ends_before(self, until_s: float) -> Numbers:
        """When stages that are over before an instant are over, in no order."""
        ends_s: Numbers = self.waiting.heap.due_s[: self.count]
        return ends_s[ends_s < until_s]

    def add_segment(self, number: int, name: str) -> None:
        """Have a rate of its own for a segment, and for those of lower numbers."""
        waiting, new = self.waiting, number + 1 - len(self.waiting.rates)
        if new > 0:
            self.waiting = waiting = waiting._replace(
                rates=np.concatenate([waiting.rates, return_chance.new_own_rates(new)]).view(np.recarray),
                rate_changed=grown(waiting.rate_changed, number + 1),
            )
        if name in self._taught:
            waiting.rates[number] = self._taught[name]

    def reserve(self, moments: int, rows: int) -> Waiting:
        """What kernels work on, with room for so many more moments, and for so many clients in all."""
        waiting = self.waiting
        slots = min(int(waiting.counts[SLOTS_USED]) + moments, MOMENTS_MAX + 1)
        if slots > len(waiting.moments):
            room = min(max(slots, len(waiting.moments) + len(waiting.moments) // 2), MOMENTS_MAX + 1)
            waiting = waiting._replace(
                moments=grown(waiting.moments, room),
                heap=grown(waiting.heap, room),
                rows=grown(waiting.rows, room),
                following=grown(waiting.following, room),
            )
        if rows > len(waiting.newest):
            room = max(rows, len(waiting.newest) + len(waiting.newest) // 2)
            waiting = waiting._replace(newest=grown(waiting.newest, room), row_changed=grown(waiting.row_changed, room))
        self.waiting = waiting
        return waiting

    # What is durable.

    def take_posterior(self) -> bytes | None:
        """Return the stored form of the posterior if it changed since the last call."""
        counts = self.waiting.counts
        changed, counts[POSTERIOR_CHANGED] = bool(counts[POSTERIOR_CHANGED]), 0
        return self.posterior.tobytes() if changed else None

    def take_rates(self) -> list[tuple[int, bytes]]:
        """Return segments whose rates changed since the last call, with their stored form."""
        waiting = self.waiting
        if not waiting.counts[RATES_CHANGED]:
            return []
        numbers = np.flatnonzero(waiting.rate_changed).tolist()
        waiting.rate_changed[:] = waiting.counts[RATES_CHANGED] = 0
        return [(number, waiting.rates[number].tobytes()) for number in numbers]

    def take_rows(self) -> list[tuple[int, bytes | None]]:
        """Return clients whose moments changed since the last call, with their stored form; None = there are none."""
        waiting = self.waiting
        if not waiting.counts[ROWS_CHANGED]:
            return []
        rows = np.flatnonzero(waiting.row_changed)
        waiting.row_changed[rows], waiting.counts[ROWS_CHANGED] = False, 0
        return [(row, octets or None) for row, octets in zip(rows.tolist(), self.encode(rows), strict=True)]

    def encode(self, rows: Integers) -> list[bytes]:
        """Return the stored form of the moments of each of these clients."""
        ends = np.cumsum(_count(self.waiting, rows))
        records = np.zeros(int(ends[-1]) if len(ends) else 0, MOMENT).view(np.recarray)
        _collect(self.waiting, rows, ends, records)
        octets, stops = records.tobytes(), (ends * MOMENT.itemsize).tolist()
        return [octets[start:stop] for start, stop in pairwise([0, *stops])]

    def load_posterior(self, value: bytes) -> None:
        """Load what was learned."""
        self.posterior[0] = np.frombuffer(value, POSTERIOR)[0]

    def load_rate(self, number: int, value: bytes) -> None:
        """Load what was learned of a segment; its name may follow later."""
        self._stored_rates[number] = np.frombuffer(value, OWN_RATE)[0]

    def load_client(self, client_id: str, value: bytes) -> None:
        """Load the moments of a client, instead of those that were loaded before."""
        np.frombuffer(value, MOMENT)  # raises if it is damaged
        self._stored[client_id] = value

    def forget(self, client_id: str) -> None:
        """Forget what was loaded of a client."""
        self._stored.pop(client_id, None)

    def begin(self, names: InternedNames) -> None:
        """All records are loaded: wait for what they wait for. A client that is not known was erased."""
        stored = {client_id: value for client_id, value in self._stored.items() if client_id in names}
        self._stored = {}
        for number, rate in self._stored_rates.items():
            self.waiting.rates[number] = rate
        records = np.frombuffer(b"".join(stored.values()), MOMENT)
        sizes = [len(value) // MOMENT.itemsize for value in stored.values()]
        waiting = self.reserve(len(records), len(names))
        _put(waiting, records.view(np.recarray), np.repeat(names.numbers(list(stored)), sizes))
        waiting.row_changed[:] = waiting.counts[ROWS_CHANGED] = 0
