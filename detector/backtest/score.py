"""Alarms judged by what the clients did afterwards: false alerts against the promise, and how late the true ones were.

Works on the alarms of any rule. A figure that cannot be computed from a log is None. docs/backtest.md defines them all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from detector.backtest.alarms import Alarms
from detector.backtest.log import Bools, Floats, Ints
from detector.backtest.silences import Silences
from detector.core.clock import DAY_S, DAYS_PER_YEAR
from detector.core.model.rhythm import GAPS_MIN

RHYTHM_EDGES_DAYS = (4, 14, 45)
HISTORY_EDGES_GAPS = (6, 13, 30)
THIRDS = ("first", "second", "last")
_YEAR_S, _WEEK_S = DAYS_PER_YEAR * DAY_S, 7 * DAY_S


@dataclass(frozen=True)
class Rate:
    """False alerts in some part of the watched time, against what the budget promises for it."""

    label: str
    false_alerts: int
    client_years: float
    nominal: float
    realised_over_nominal: float | None


@dataclass(frozen=True)
class Calibration:
    """The same for all, and by what could make a difference."""

    overall: Rate
    ended_silences: Rate
    by_rhythm: list[Rate]
    by_history: list[Rate]
    by_third: list[Rate]


@dataclass(frozen=True)
class Delay:
    """How long the last silences, which the log does not see the end of, had lasted at the alarm, as far as one was."""

    silences: int
    alerted: int
    days_median: float | None
    own_gaps_median: float | None
    missed_contacts_mean: float | None


@dataclass(frozen=True)
class Score:
    """What a rule would have meant to those who read its alarms."""

    alerts: int
    alerts_per_week: float | None
    false_alerts: int
    share_without_return: float | None
    delay: Delay


def score(silences: Silences, alarms: Alarms) -> Score:
    """Judge the alarms of a rule."""
    alerts, false_alerts = len(alarms.silence), int(alarms.false.sum())
    span_s = silences.log_end_s - silences.log_start_s
    return Score(
        alerts=alerts,
        alerts_per_week=alerts / (span_s / _WEEK_S) if span_s > 0 else None,
        false_alerts=false_alerts,
        share_without_return=(alerts - false_alerts) / alerts if alerts else None,
        delay=_delay(silences, alarms),
    )


def _delay(silences: Silences, alarms: Alarms) -> Delay:
    last = silences.watched & ~silences.returned
    alarm_days = np.full(len(last), np.inf)
    true = ~alarms.false
    np.minimum.at(alarm_days, alarms.silence[true], alarms.days[true])
    alarm_days, mean_days = alarm_days[last], silences.mean_days[last]
    alerted = np.isfinite(alarm_days)
    own_gaps = alarm_days[alerted] / mean_days[alerted]
    missed = np.minimum(alarm_days, silences.days[last]) / mean_days
    return Delay(
        silences=len(alarm_days),
        alerted=int(alerted.sum()),
        days_median=_median(alarm_days[alerted]),
        own_gaps_median=_median(own_gaps),
        missed_contacts_mean=float(missed.mean()) if len(missed) else None,
    )


def calibration(silences: Silences, alarms: Alarms, budget: float) -> Calibration:
    """Compare the false alerts of a rule with its budget.

    Parameters
    ----------
    silences, alarms
        Of one log.
    budget
        Promised false alerts per client-year.
    """
    begin_s = silences.begin_s
    until_s = silences.end_s.copy()
    np.minimum.at(until_s, alarms.silence, alarms.at_s(silences))
    until_s = np.where(silences.watched, np.maximum(until_s, begin_s), begin_s)
    false = alarms.silence[alarms.false]
    false_at_s = alarms.at_s(silences)[alarms.false]
    watched_s = until_s - begin_s

    def rate(label: str, false_alerts: int, seconds: Floats) -> Rate:
        years = float(seconds.sum()) / _YEAR_S
        nominal = budget * years
        return Rate(label, false_alerts, years, nominal, false_alerts / nominal if nominal else None)

    def rates(groups: Iterator[tuple[str, Bools]]) -> list[Rate]:
        return [rate(label, int(group[false].sum()), watched_s[group]) for label, group in groups]

    ended = silences.watched & silences.returned
    bounds_s = np.linspace(silences.log_start_s, silences.log_end_s, len(THIRDS) + 1)
    # The last third includes the end of the log.
    third_of_false = np.clip(np.searchsorted(bounds_s, false_at_s, side="right") - 1, 0, len(THIRDS) - 1)
    return Calibration(
        overall=rate("all", len(false), watched_s),
        ended_silences=rate("silences that ended", len(false), (silences.end_s - begin_s)[ended]),
        by_rhythm=rates(_by_rhythm(silences)),
        by_history=rates(_by_history(silences)),
        by_third=[
            rate(
                label,
                int((third_of_false == k).sum()),
                np.maximum(np.minimum(until_s, bounds_s[k + 1]) - np.maximum(begin_s, bounds_s[k]), 0.0),
            )
            for k, label in enumerate(THIRDS)
        ],
    )


def _by_rhythm(silences: Silences) -> Iterator[tuple[str, Bools]]:
    first, *_, last = RHYTHM_EDGES_DAYS
    labels = [f"< {first} days", *(f"{low}-{high} days" for low, high in pairwise(RHYTHM_EDGES_DAYS)), f"> {last} days"]
    return _groups(labels, np.searchsorted(RHYTHM_EDGES_DAYS, silences.mean_days, side="right"))


def _by_history(silences: Silences) -> Iterator[tuple[str, Bools]]:
    edges = GAPS_MIN, *HISTORY_EDGES_GAPS
    labels = [*(f"{low}-{high - 1} gaps" for low, high in pairwise(edges)), f"{edges[-1]} gaps and more"]
    return _groups(labels, np.searchsorted(HISTORY_EDGES_GAPS, silences.gaps, side="right"))


def _groups(labels: list[str], group: Ints) -> Iterator[tuple[str, Bools]]:
    return ((label, group == number) for number, label in enumerate(labels))


def _median(values: Floats) -> float | None:
    return float(np.median(values)) if len(values) else None
