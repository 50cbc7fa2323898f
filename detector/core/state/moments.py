"""Alerts whose outcomes are waited for, and what was learned of those that are known: of one shard.

A moment lies in a slot. The moments of a client are a chain, the newest first, so that a contact finds them; all
together are a heap by the end of their present stage. Memory is bounded: a moment takes 74 bytes as it is stored and
98 with the heap and the chains, and `MOMENTS_MAX` of them wait at most (26 MB). A moment that would be one too many
teaches nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from detector.core.clock import DAY_S
from detector.core.layout import MOMENT, Records
from detector.core.model import return_chance
from detector.core.primitives import heap
from detector.core.primitives.grow import grown
from detector.core.primitives.hashing import Integers

MOMENTS_MAX = 2**18
NONE = 0  # instead of a slot: slot 0 is never used
HEAP_SIZE, SLOTS_USED, FREE, POSTERIOR_CHANGED, ROWS_CHANGED, RATES_CHANGED = range(6)  # places in `Waiting.counts`
_SLOTS_AT_FIRST, _ROWS_AT_FIRST = 64, 64

Numbers = np.ndarray[Any, np.dtype[Any]]


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
def link(waiting: Waiting, row: int) -> int:
    """Take a slot for a moment of a client; there is room for it (`Moments.reserve`)."""
    slot = waiting.counts[FREE]
    if slot == NONE:
        slot = waiting.counts[SLOTS_USED]
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
def _restore(waiting: Waiting, stored: Records, rows: Numbers) -> None:
    for k in range(len(stored)):
        slot = link(waiting, rows[k])
        waiting.moments[slot] = stored[k]
        push(waiting, slot)


class Moments:
    """The moments of a shard, with room to grow."""

    def __init__(self) -> None:
        self.waiting = Waiting(
            return_chance.new_posterior(),
            return_chance.new_own_rates(1),
            np.zeros(_SLOTS_AT_FIRST, MOMENT).view(np.recarray),
            np.zeros(_SLOTS_AT_FIRST, heap.ENTRY).view(np.recarray),
            np.zeros(_SLOTS_AT_FIRST, np.uint32),
            np.zeros(_SLOTS_AT_FIRST, np.uint32),
            np.zeros(_ROWS_AT_FIRST, np.uint32),
            np.zeros(_ROWS_AT_FIRST, np.bool_),
            np.zeros(1, np.bool_),
            np.zeros(RATES_CHANGED + 1, np.int64),
        )
        self.waiting.counts[SLOTS_USED] = 1

    @property
    def count(self) -> int:
        """How many wait."""
        return int(self.waiting.counts[HEAP_SIZE])

    @property
    def next_end_s(self) -> float:
        """When the next stage is over; infinite if nothing waits."""
        return float(self.waiting.heap[0].due_s) if self.count else np.inf

    def reserve(self, moments: int, rows: int, segments: int) -> Waiting:
        """What kernels work on, with room for so many more moments, for so many clients and segments in all."""
        waiting = self.waiting
        slots = int(waiting.counts[SLOTS_USED]) + min(moments, MOMENTS_MAX + 1 - int(waiting.counts[SLOTS_USED]))
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
            waiting = waiting._replace(
                newest=grown(waiting.newest, room), row_changed=grown(waiting.row_changed, room)
            )
        if segments > len(waiting.rates):
            more = return_chance.new_own_rates(segments - len(waiting.rates))
            waiting = waiting._replace(
                rates=np.concatenate([waiting.rates, more]).view(np.recarray),
                rate_changed=grown(waiting.rate_changed, segments),
            )
        self.waiting = waiting
        return waiting
