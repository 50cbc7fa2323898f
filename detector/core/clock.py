"""Operational time: the time in which rhythms are measured, in days.

Gaps are learned and deadlines set in operational time and nowhere else, through the pair of functions below. A closed
day takes no operational time: the clock stops at its beginning and goes on at its end. Where every day counts, as in
each shard today, operational time is event time in days.
"""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

DAY_S = 86_400.0
DAYS_PER_YEAR = 365.25
NEVER_S = 2**32 - 1  # an instant that does not come: the last that fits into a row, in 2106

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of UTC, as all here; with a time zone, formatting takes twice as long
_DAYS_MAX = int(NEVER_S // DAY_S) + 1

# Which days of a calendar are closed, as prefix sums: one record, which kernels hand on for nothing.
CALENDAR: Final = np.dtype(
    [
        ("closed_days", "u4"),  # 0 = none: then operational time costs one division
        ("closed_before", "u2", (_DAYS_MAX + 1,)),  # by day since the epoch: closed days before it
    ]
)

Calendar = Any  # one record of CALENDAR, seen from Numba


class TimeOff(NamedTuple):
    """What does not count as time for one client: the argument by which everything that bends time reaches a rule."""

    calendar: Calendar


def calendar(closed: Iterable[int] = ()) -> Any:  # noqa: ANN401 - one record of CALENDAR
    """Return a calendar.

    Parameters
    ----------
    closed
        Days since the epoch (UTC) that do not count.

    >>> int(calendar([2, 3]).closed_before[4])
    2
    """
    days = np.zeros(_DAYS_MAX, np.bool_)
    days[sorted(set(closed))] = True
    record = np.zeros(1, CALENDAR).view(np.recarray)
    record.closed_before[0, 1:] = np.cumsum(days)
    record.closed_days[0] = days.sum()
    return record[0]


NO_TIME_OFF: Final = TimeOff(calendar())
"""Every day counts."""


@njit(cache=True, error_model="numpy")
def to_operational_days(at_s: float, off: TimeOff) -> float:
    """Return the operational time of an instant: days since the epoch that count, for epoch seconds."""
    if off.calendar.closed_days == 0:
        return at_s / DAY_S
    day = int(at_s // DAY_S)
    before = int(off.calendar.closed_before[day])
    return float(day - before) if _is_closed(day, off) else at_s / DAY_S - before


@njit(cache=True, error_model="numpy")
def _is_closed(day: int, off: TimeOff) -> bool:
    closed: bool = off.calendar.closed_before[day + 1] > off.calendar.closed_before[day]
    return closed


@njit(cache=True, error_model="numpy")
def to_epoch_s(operational_days: float, off: TimeOff) -> float:
    """Return the last instant, in epoch seconds, that has an operational time.

    The clock stands still through a closed day, so several instants have the time of its beginning: the last is its
    end, where the clock goes on. No deadline lies in closed time.
    """
    if off.calendar.closed_days == 0:
        return operational_days * DAY_S
    whole, low, high = math.floor(operational_days), 0, _DAYS_MAX
    while low < high:  # the last day with no more than `whole` open days before it, which is an open one
        middle = (low + high + 1) // 2
        if middle - int(off.calendar.closed_before[middle]) <= whole:
            low = middle
        else:
            high = middle - 1
    return (low + operational_days - whole) * DAY_S


@njit(cache=True, error_model="numpy")
def elapsed_days(since_s: float, at_s: float, off: TimeOff) -> float:
    """Return how many days that count lie between two instants."""
    return to_operational_days(at_s, off) - to_operational_days(since_s, off)


@njit(cache=True, error_model="numpy")
def deadline_s(last_s: float, days: float, off: TimeOff) -> float:
    """Return the instant `days` of operational time after `last_s`, rounded up to a whole second; at most NEVER_S.

    Rounded, because two processors may differ in the last bit of a logarithm, and no alert may depend on that.
    """
    at_s = min(float(math.ceil(to_epoch_s(to_operational_days(last_s, off) + days, off))), float(NEVER_S))
    if off.calendar.closed_days > 0:
        while at_s < NEVER_S and _is_closed(int(at_s // DAY_S), off):  # rounding may end at a closed midnight
            at_s = min((at_s // DAY_S + 1) * DAY_S, float(NEVER_S))
    return at_s


def next_refit_s(at_s: float) -> float:
    """Return the next midnight (UTC) after an instant: when the segments' tables are made anew.

    >>> next_refit_s(0.0), next_refit_s(86399.5)
    (86400.0, 86400.0)
    """
    return (math.floor(at_s / DAY_S) + 1) * DAY_S


def rfc3339(at_s: float) -> str:
    """Format a timestamp as alerts carry it: RFC 3339 in UTC, with microseconds only where there are any.

    >>> rfc3339(1262304000.0), rfc3339(1262304000.25)
    ('2010-01-01T00:00:00Z', '2010-01-01T00:00:00.250000Z')
    """
    return (_EPOCH + timedelta(seconds=at_s)).isoformat() + "Z"


def instants(at_s: np.ndarray[Any, np.dtype[Any]]) -> list[str | None]:
    """Format many timestamps at once: the same text as `rfc3339`, ten times faster. NaN gives None.

    >>> instants(np.array([1262304000.0, 1262304000.25, math.nan]))
    ['2010-01-01T00:00:00Z', '2010-01-01T00:00:00.250000Z', None]
    """
    whole_s = np.floor(at_s)
    known = np.isfinite(whole_s)
    micros = np.rint((at_s - whole_s) * 1e6)
    seconds = np.where(known, whole_s, 0).astype("M8[s]")
    words: list[str | None] = np.datetime_as_string(seconds, "s", "UTC").tolist()
    for i in np.flatnonzero(~known | (micros > 0)).tolist():
        words[i] = rfc3339(at_s[i]) if known[i] else None
    return words
