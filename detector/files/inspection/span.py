"""Describe the times of a file: from when to when, in which order, and which rows lie far from the rest."""

import re
from collections import Counter
from typing import Final, NamedTuple

import numpy as np

from detector.core.clock import rfc3339
from detector.files.far import far_rows
from detector.files.likeness import unit_of
from detector.files.times import Floats
from schemas.times import AHEAD_MAX_S, AT_MIN_S

_OFFSET: Final = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2})$")
_FAR_SHOWN: Final = 5


class Span(NamedTuple):
    """The times of a file.

    Parameters
    ----------
    first, last
        The earliest and the latest time that can be, far ones left out; None = there is none.
    order
        `oldest first`, `newest first`, or `in no order`.
    out_of_order
        Rows that are older than one above them.
    unreadable
        Rows without a time that could be read.
    impossible
        Rows before 1990, or more than a day ahead of now.
    far
        Rows that lie far from all others: number of the row, and its time.
    """

    first: str | None
    last: str | None
    order: str
    out_of_order: int
    unreadable: int
    impossible: int
    far: list[tuple[int, str]]


def span_of(at_s: Floats, now_s: float, clients: int) -> Span:
    """Describe times in the order of the file."""
    timed = np.flatnonzero((at_s >= AT_MIN_S) & (at_s <= now_s + AHEAD_MAX_S))
    times = at_s[timed]
    order = np.argsort(times, kind="stable")
    far = far_rows(times[order], lambda _: clients)
    inner = times[order][far.head : len(times) - far.tail]
    places = [*range(far.head), *range(len(times) - far.tail, len(times))]
    latest = np.maximum.accumulate(times)
    out_of_order = int((times < latest).sum())
    return Span(
        first=rfc3339(float(inner[0])) if len(inner) else None,
        last=rfc3339(float(inner[-1])) if len(inner) else None,
        order=_order(times, out_of_order),
        out_of_order=out_of_order,
        unreadable=int(np.isnan(at_s).sum()),
        impossible=len(at_s) - len(timed) - int(np.isnan(at_s).sum()),
        far=[(int(timed[order[i]]) + 1, rfc3339(float(times[order[i]]))) for i in places[:_FAR_SHOWN]],
    )


def _order(times: Floats, out_of_order: int) -> str:
    if not out_of_order:
        return "oldest first"
    return "newest first" if not (times[1:] > times[:-1]).any() else "in no order"


class TimeForms:
    """Counts in which forms times are written."""

    def __init__(self) -> None:
        self.units: Counter[str] = Counter()
        self.offsets: Counter[str] = Counter()
        self.without_offset = 0

    def add(self, cell: str) -> None:
        """Look at a time that is not empty."""
        if unit := unit_of(cell):
            self.units[unit] += 1
        elif match := _OFFSET.search(cell):
            self.offsets[match[0]] += 1
        elif ":" in cell or cell.count("-") == 2 or cell.count("/") == 2:  # noqa: PLR2004 - between day, month and year
            self.without_offset += 1
