"""Dense streams of a log, how many a day, and the days on which River's ADWIN sees their level change.

A level that changes on one day for all clients together is rarely the clients' doing: a feed that breaks, a new
channel, a sale. Silences around such a day say little about the clients. Single clients are far too sparse for ADWIN;
their trends have an estimator of their own (detector/core/model/trend.py).
"""

import math
from typing import NamedTuple

import numpy as np
from river.drift import ADWIN

from detector.backtest.log import Floats
from detector.core.clock import DAY_S

_DAYS_MIN = 28  # before the first change: four weeks, so that a week's course is known
_LATEST_DAYS = 14  # of which the new level is the mean


class Shift(NamedTuple):
    """A change of level: the day by which it was seen, and how many there were a day before, and in the last weeks."""

    stream: str
    seen_s: float
    before: float
    now: float


def shifts(stream: str, at_s: Floats, start_s: float, end_s: float) -> list[Shift]:
    """Return the changes of a stream's level, in order of time.

    Parameters
    ----------
    stream
        Its name.
    at_s
        When each of what is counted happened, in any order.
    start_s, end_s
        What the log spans; its first and its last day are not whole, and not counted.
    """
    first, stop = math.floor(start_s / DAY_S) + 1, math.floor(end_s / DAY_S)
    day = np.floor(at_s / DAY_S).astype(np.int64)
    counts = np.bincount(day[(day >= first) & (day < stop)] - first, minlength=max(stop - first, 0))
    adwin, changes, begin = _adwin(), list[Shift](), 0
    for seen, count in enumerate(counts.tolist(), 1):
        adwin.update(math.log1p(count))  # type: ignore[no-untyped-call] # levels differ by factors
        if adwin.drift_detected:
            latest = seen - _LATEST_DAYS
            before, now = float(counts[begin:latest].mean()), float(counts[latest:seen].mean())
            changes.append(Shift(stream, (first + seen) * DAY_S, before, now))
            adwin, begin = _adwin(), latest  # the old level is the past: ADWIN would forget it day by day
    return changes


def _adwin() -> ADWIN:
    return ADWIN(  # type: ignore[no-untyped-call]
        clock=1, min_window_length=_LATEST_DAYS // 2, grace_period=_DAYS_MIN
    )
