"""Client ids that look like one another: `C-7` and `c-7` are two clients here, and often one outside.

Nobody can know, so they stay two clients, and are counted: whoever runs the detector is told how many there are.
"""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numba import njit

from detector.core.primitives.hashing import Integers, Text, id_number, joined

REMEMBERED: Final = 1 << 17
"""Ids that are remembered at most, 8 bytes each: a later id takes the place of an earlier one."""

Prints = np.ndarray[Any, np.dtype[np.uint64]]


class Lookalikes:
    """Counts the clients whose ids differ from an earlier one only in case or blanks.

    Of more than `REMEMBERED` ids some are forgotten, so that a few lookalikes go uncounted.

    Attributes
    ----------
    count : int
        How many there were so far.

    Examples
    --------
    >>> ids = Lookalikes()
    >>> ids.note(["C-7", "C8", "c-7", "C 8"])
    >>> ids.count
    2
    """

    def __init__(self) -> None:
        self.count = 0
        self._reported = False
        self._prints = np.zeros(REMEMBERED, np.uint64)

    def note(self, client_ids: Iterable[str]) -> None:
        """Take note of ids, each of which was not noted before."""
        text, ends = joined(["".join(client_id.casefold().split()).encode() for client_id in client_ids])
        self.count += int(_note(text, ends, self._prints))

    def report_once(self) -> int:
        """Return how many there are, the first time that there are any; 0 ever after."""
        if self._reported or not self.count:
            return 0
        self._reported = True
        return self.count


@njit(cache=True)
def _note(text: Text, ends: Integers, prints: Prints) -> int:
    """Remember a fingerprint of each folded id; return how many were there already."""
    mask, count = np.uint64(len(prints) - 1), 0
    for i in range(len(ends) - 1):
        number = id_number(text, ends[i], ends[i + 1] - ends[i])
        slot = int(np.int64(number & mask))
        count += prints[slot] == number
        prints[slot] = number
    return count
