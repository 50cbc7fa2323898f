"""Find the few rows at the beginning or the end of a log that lie far from all others in time.

One mistyped year would otherwise carry the clock a year ahead, and every client would look silent; or let a log begin
ten years early. Rows are far if they are few, and if nobody at all was heard for much longer than ever in the rest. A
log of one or two clients has no such rows, because there a long silence of everybody is what the detector looks for.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np

from detector.files.times import Floats

ROWS_MIN: Final = 12
"""A shorter log has no usual distance between its rows."""
CLIENTS_MIN: Final = 3
FEW_ROWS: Final = 3
FEW_SHARE: Final = 0.01
DAY_S: Final = 86_400.0
FAR_TIMES: Final = 10.0
FAR_S: Final = 30 * DAY_S
"""An empty stretch is far if it is so many times the longest in the rest, and so long."""
SLIP_TIMES: Final = 5.0
SLIP_S: Final = 7 * DAY_S
"""The same for a time that would lie in the rest with another year, or with day and month exchanged."""
ROWS_NEAR: Final = 200
"""Among so many rows next to the stretch the clients are counted."""


class Far(NamedTuple):
    """How many of the rows in order of time are far, at the beginning and at the end, and how far at least."""

    head: int
    tail: int
    head_s: float
    tail_s: float


NONE_FAR: Final = Far(0, 0, 0.0, 0.0)


def far_rows(at_s: Floats, clients_among: Callable[[range], int], keep_until_s: float = -np.inf) -> Far:
    """Find far rows among times in order.

    Parameters
    ----------
    at_s
        Valid times, sorted.
    clients_among
        Counts the clients among some of the rows.
    keep_until_s
        No row up to this time is far at the end: the user says that the log reaches so far.
    """
    few = max(min(FEW_ROWS, len(at_s) // 10), int(len(at_s) * FEW_SHARE))
    if len(at_s) < ROWS_MIN or few < 1:
        return NONE_FAR
    steps_s = np.diff(at_s)
    longest_s = float(steps_s[few : len(steps_s) - few].max())
    head, head_s = _far_edge(-at_s[::-1], few, longest_s)
    tail, tail_s = _far_edge(at_s, few, longest_s)
    if tail and at_s[-tail] <= keep_until_s:
        tail, tail_s = 0, 0.0
    if head and clients_among(range(head, min(head + ROWS_NEAR, len(at_s)))) < CLIENTS_MIN:
        head, head_s = 0, 0.0
    if tail and clients_among(range(max(0, len(at_s) - tail - ROWS_NEAR), len(at_s) - tail)) < CLIENTS_MIN:
        tail, tail_s = 0, 0.0
    return Far(head, tail, head_s, tail_s)


def _far_edge(at_s: Floats, few: int, longest_s: float) -> tuple[int, float]:
    """Find the far rows at the end of times in order (negative ones: at the beginning); -> how many, and how far."""
    for count in range(few, 0, -1):
        stretch_s = float(at_s[-count] - at_s[-count - 1])
        far = stretch_s > max(FAR_S, FAR_TIMES * longest_s)
        if far or (stretch_s > max(SLIP_S, SLIP_TIMES * longest_s) and _are_slips(at_s, count)):
            return count, stretch_s
    return 0, 0.0


def _are_slips(at_s: Floats, count: int) -> bool:
    """Check whether each of the last rows would lie in the rest with another year, or with day and month exchanged."""
    first, last = sorted((abs(float(at_s[0])), abs(float(at_s[-count - 1]))))
    return all(
        any(first - DAY_S <= slip_s <= last + DAY_S for slip_s in _slips(abs(at))) for at in at_s[-count:].tolist()
    )


def _slips(at_s: float) -> list[float]:
    at = datetime.fromtimestamp(at_s, UTC)
    slips: list[float] = []
    for changed in (*({"year": at.year + years} for years in (-2, -1, 1, 2)), {"day": at.month, "month": at.day}):
        try:
            slips.append(at.replace(**changed).timestamp())  # type: ignore[arg-type]
        except ValueError:  # the 29th of February, or a month that does not exist
            continue
    return slips
