"""The simple rules that a firm could use instead, each tuned in hindsight to as many false alerts as the detector had.

A rule gives every silence a scale; it raises an alarm when the silence is longer than `factor` scales. The factor is
chosen with the whole log known, which no rule can do in life: that favours the baselines.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from detector.backtest.alarms import alarms_after
from detector.backtest.log import Floats
from detector.backtest.score import Score, score
from detector.backtest.silences import Silences

SCALES: Final[Mapping[str, Callable[[Silences], Floats]]] = {
    "t / sqrt(m)": lambda silences: np.sqrt(silences.mean_days),
    "k x mean": lambda silences: silences.own_mean_days,
    "k x shrunk mean": lambda silences: silences.mean_days,
    "fixed days": lambda silences: np.ones(len(silences.client)),
}
FIXED_DAYS: Final = 14.0


@dataclass(frozen=True)
class Baseline:
    """A rule, its factor, and what it would have meant; `tuned` to the detector's false alerts, or taken as it is."""

    name: str
    factor: float
    tuned: bool
    score: Score


def baselines(silences: Silences, false_alerts: int) -> list[Baseline]:
    """Return the baselines for a log, each allowed as many false alerts; none if there is nothing to tune them on."""
    judged = []
    for name, scale in SCALES.items():
        factor = tuned_factor(silences, scale(silences), false_alerts)
        if factor is not None:
            alarms = alarms_after(silences, factor * scale(silences))
            judged.append(Baseline(name, factor, tuned=True, score=score(silences, alarms)))
    limits = np.full(len(silences.client), FIXED_DAYS)
    everybody = score(silences, alarms_after(silences, limits))
    return [*judged, Baseline("14 days for all", FIXED_DAYS, tuned=False, score=everybody)]


def tuned_factor(silences: Silences, scale: Floats, false_alerts: int) -> float | None:
    """Return the least factor with at most so many false alerts; None if even no limit at all would not give more.

    Parameters
    ----------
    silences
        Those that can be watched and ended are what an alarm can be false about.
    scale
        Per silence.
    false_alerts
        How many are allowed.
    """
    could_be_false = silences.watched & silences.returned
    ratios = silences.days[could_be_false] / scale[could_be_false]
    if false_alerts >= len(ratios):
        return None
    # As many ratios as allowed are greater than the next smaller one; with ties, fewer. The last digits of a product
    # must not make it one more.
    return float(-np.partition(-ratios, false_alerts)[false_alerts]) * (1 + 1e-9)
