"""The ids of each client's last contacts: the evidence that an alert names.

All ids lie in one array of bytes. A new id takes the place of the id that it replaces if it fits, as it mostly does:
one producer's ids have one length. Else it goes to the end, and the place left behind is reclaimed when the array is
full.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from detector.core.layout import RECENT, Batch, Records
from detector.core.primitives.grow import grown
from detector.core.primitives.hashing import Integers, Text, joined

_BYTES_AT_FIRST = 256
_SIZE, _BYTE = 2, 0xFF  # bytes that say how long a stored id is, the lower one first

Numbers = np.ndarray[Any, np.dtype[Any]]


class Kept(NamedTuple):
    """Where ids lie, by row and slot, as kernels see it."""

    text: Text
    starts: np.ndarray[Any, np.dtype[np.int64]]
    sizes: np.ndarray[Any, np.dtype[np.uint16]]
    rooms: np.ndarray[Any, np.dtype[np.uint16]]  # bytes that belong to the slot; the id may need fewer
    used: np.ndarray[Any, np.dtype[np.int64]]  # bytes that belong to slots, and the length of the longest id so far


class Found(NamedTuple):
    """Ids by effect, the newest first, one behind the other."""

    text: Text
    ends: np.ndarray[Any, np.dtype[np.int64]]  # by effect and contact


@njit(cache=True)
def keep(kept: Kept, row: int, slot: int, ids: Text, start: int, size: int) -> None:
    """Keep one id; the caller has reserved its bytes (`Recent.reserve`)."""
    if kept.rooms[row, slot] < size:
        kept.starts[row, slot], kept.rooms[row, slot] = kept.used[0], size
        kept.used[0] += size
    at = kept.starts[row, slot]
    for k in range(size):
        kept.text[at + k] = ids[start + k]
    kept.sizes[row, slot] = size
    kept.used[1] = max(kept.used[1], size)


@njit(cache=True)
def keep_all(kept: Kept, batch: Batch, slots: np.ndarray, ids: Text, first: int, stop: int) -> None:
    """Keep the ids of a batch's interactions from `first` on that have a slot."""
    for i in range(first, stop):
        if slots[i] >= 0:
            keep(kept, batch[i].row, slots[i], ids, batch[i].id_start, batch[i].id_size)


@njit(cache=True)
def _write(kept: Kept, rows: Numbers, contacts: Numbers, text: Text, ends: Integers) -> None:
    """Write the stored form of each client's ids, one behind the other."""
    at = 0
    for i in range(len(rows)):
        for contact in range(max(0, contacts[i] - RECENT), contacts[i]):
            start, size = kept.starts[rows[i], contact % RECENT], int(np.int64(kept.sizes[rows[i], contact % RECENT]))
            text[at], text[at + 1] = size & _BYTE, size >> 8
            for k in range(size):
                text[at + _SIZE + k] = kept.text[start + k]
            at += _SIZE + size
        ends[i + 1] = at


@njit(cache=True)
def _read(kept: Kept, rows: Numbers, contacts: Numbers, text: Text, ends: Integers) -> bool:
    """Keep each client's ids again; check that their stored form is complete."""
    for i in range(len(rows)):
        at, stop = ends[i], ends[i + 1]
        for contact in range(max(0, contacts[i] - RECENT), contacts[i]):
            if at + _SIZE > stop:
                return False
            size = int(np.int64(text[at]) | np.int64(text[at + 1]) << 8)
            if at + _SIZE + size > stop:
                return False
            keep(kept, rows[i], contact % RECENT, text, at + _SIZE, size)
            at += _SIZE + size
        if at != stop:
            return False
    return True


@njit(cache=True)
def evidence(kept: Kept, batch: Batch, slots: np.ndarray, ids: Text, effects: Records, first: int, found: Found) -> int:
    """Collect the ids that each effect names, keeping those of the batch on the way; -> behind the last one kept.

    An effect names the ids that were known when it happened: those of the interactions before it, and no later ones.
    """
    end = 0
    for k in range(len(effects)):
        effect = effects[k]
        keep_all(kept, batch, slots, ids, first, effect.event)
        first = max(first, effect.event)
        for j in range(min(RECENT, effect.contacts)):
            slot = (effect.contacts - 1 - j) % RECENT
            start, size = kept.starts[effect.row, slot], kept.sizes[effect.row, slot]
            for i in range(size):
                found.text[end + i] = kept.text[start + i]
            found.ends[k, j] = end + size
            end += size
    return first


@njit(cache=True)
def _move(old: Kept, new: Kept) -> None:
    """Move all ids to another array, without the gaps between them."""
    for row in range(len(old.sizes)):
        for slot in range(old.sizes.shape[1]):
            keep(new, row, slot, old.text, old.starts[row, slot], old.sizes[row, slot])


class Recent:
    """Ids of the last contacts of the clients of a shard.

    Parameters
    ----------
    rows
        Capacity at first, in clients.
    """

    def __init__(self, rows: int) -> None:
        self.kept = _empty(rows, _BYTES_AT_FIRST)

    def grow(self, rows: int) -> None:
        """Grow to a capacity of so many clients."""
        kept = self.kept
        self.kept = kept._replace(
            starts=grown(kept.starts, rows), sizes=grown(kept.sizes, rows), rooms=grown(kept.rooms, rows)
        )

    def reserve(self, size: int) -> None:
        """Reserve so many more bytes for ids: kernels cannot grow arrays."""
        if self.kept.used[0] + size > len(self.kept.text):
            needed = int(self.kept.sizes.sum()) + size
            new = _empty(len(self.kept.sizes), needed + needed // 2)
            _move(self.kept, new)
            self.kept = new

    def encode(self, rows: Numbers, contacts: Numbers) -> list[bytes]:
        """Return the stored form of the ids of clients that had so many contacts: of each id its size and its bytes."""
        size = int(self.kept.sizes[rows].sum()) + len(rows) * RECENT * _SIZE
        text, ends = np.empty(size, np.uint8), np.zeros(len(rows) + 1, np.int64)
        _write(self.kept, rows, contacts.astype(np.int64), text, ends)
        whole = text.tobytes()
        return [whole[start:stop] for start, stop in pairwise(ends.tolist())]

    def load(self, rows: Numbers, contacts: Numbers, values: Sequence[bytes]) -> None:
        """Load ids from their stored form.

        Raises
        ------
        ValueError
            If it is damaged.
        """
        text, ends = joined(values)
        self.reserve(len(text))
        if not _read(self.kept, rows, contacts.astype(np.int64), text, ends):
            raise ValueError("ids are damaged")

    def ids(self, row: int, contacts: int) -> list[str]:
        """Return the ids of a client that had so many contacts, the newest last."""
        kept, found = self.kept, []
        for contact in range(max(0, contacts - RECENT), contacts):
            start, size = kept.starts[row, contact % RECENT], kept.sizes[row, contact % RECENT]
            found.append(kept.text[start : start + size].tobytes().decode())
        return found

    def evidence(
        self, effects: Records, batch: Batch, slots: np.ndarray[Any, Any], ids: Text, first: int
    ) -> tuple[list[list[str]], int]:
        """Return the ids that each effect names, the newest last, and keep those of the batch up to the last effect."""
        size = max(int(self.kept.used[1]), int(batch["id_size"].max(initial=0)))
        found = Found(np.empty(len(effects) * RECENT * size, np.uint8), np.full((len(effects), RECENT), -1, np.int64))
        kept_to = int(evidence(self.kept, batch, slots, ids, effects, first, found))
        text, start, named = found.text.tobytes(), 0, []
        for ends in found.ends.tolist():
            newest_first = []
            for end in ends:
                if end >= 0:
                    newest_first.append(text[start:end].decode())
                    start = end
            named.append(newest_first[::-1])
        return named, kept_to

    def forget(self, row: int) -> None:
        """Erase the ids of a client from memory."""
        for start, size in zip(self.kept.starts[row].tolist(), self.kept.sizes[row].tolist(), strict=True):
            self.kept.text[start : start + size] = 0
        self.kept.sizes[row] = 0


def _empty(rows: int, size: int) -> Kept:
    return Kept(
        np.zeros(size, np.uint8),
        np.zeros((rows, RECENT), np.int64),
        np.zeros((rows, RECENT), np.uint16),
        np.zeros((rows, RECENT), np.uint16),
        np.zeros(2, np.int64),
    )
