"""Operational time: the time in which rhythms are measured, in days.

Gaps are learned and deadlines set in operational time and nowhere else, through the pair of functions below. Today it
is the identity (a day is 86,400 seconds of event time); business hours, holidays and outages of a feed will bend it
here.
"""

import math
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numba import njit

DAY_S = 86_400.0
DAYS_PER_YEAR = 365.25
NEVER_S = 2**32 - 1  # an instant that does not come: the last that fits into a row, in 2106

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of UTC, as all here; to say so makes each instant in words twice as dear


@njit(cache=True, error_model="numpy")
def to_operational_days(at_s: float) -> float:
    """Operational time of an instant: days since the epoch, for epoch seconds."""
    return at_s / DAY_S


@njit(cache=True, error_model="numpy")
def to_epoch_s(operational_days: float) -> float:
    """The instant, in epoch seconds, of an operational time: the inverse of `to_operational_days`."""
    return operational_days * DAY_S


@njit(cache=True, error_model="numpy")
def deadline_s(last_s: float, days: float) -> float:
    """The instant `days` of operational time after `last_s`, rounded up to a whole second; at most NEVER_S.

    Rounded, because two processors may differ in the last bit of a logarithm, and no alert may depend on that.
    """
    return min(float(math.ceil(to_epoch_s(to_operational_days(last_s) + days))), float(NEVER_S))


def next_refit_s(at_s: float) -> float:
    """The next midnight (UTC) after an instant: when the segments' tables are made anew.

    >>> next_refit_s(0.0), next_refit_s(86399.5)
    (86400.0, 86400.0)
    """
    return (math.floor(at_s / DAY_S) + 1) * DAY_S


def rfc3339(at_s: float) -> str:
    """An instant in words, as alerts carry it: UTC, with microseconds only where there are any.

    >>> rfc3339(1262304000.0), rfc3339(1262304000.25)
    ('2010-01-01T00:00:00Z', '2010-01-01T00:00:00.250000Z')
    """
    return (_EPOCH + timedelta(seconds=at_s)).isoformat() + "Z"


def instants(at_s: np.ndarray[Any, np.dtype[Any]]) -> list[str | None]:
    """Many instants in words, a tenth as dear each as `rfc3339`, which they equal; NaN is None.

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
