"""The decline of one signal of one client as a River anomaly detector."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from river import base

from detector.core.clock import NO_TIME_OFF
from detector.core.layout import Records, new_trends
from detector.core.model import trend
from detector.core.signals import SIGNAL_NUMBER
from detector.estimators.outlook import Features
from schemas.incident import Signal


class Levels(NamedTuple):
    """The level of a signal in its own unit; the ratio is None while it is not known."""

    before: float
    now: float
    ratio_to_first_half_year: float | None


class Trend(base.AnomalyDetector):
    """Scores each value of a signal against the client's own values before it; a high score is a decline.

    What the detector watches is the exponentially weighted mean of these scores: `mean_score`, which is River's own
    `EWMean` of a neutral 0 and the scores.

    Parameters
    ----------
    signal
        A signal that can decline, such as `order_value`.
    false_declines_per_client_year
        The budget by which the threshold is set.
    at
        The feature that holds the time, in epoch seconds.
    value
        The feature that holds the value, in the signal's unit.

    Examples
    --------
    >>> from river.stats import EWMean
    >>> from detector.estimators import Trend
    >>> orders, mean = Trend("order_value"), EWMean(0.1)
    >>> mean.update(0.0)
    >>> for week, amount in enumerate([900.0, 1000.0, 1100.0] * 5 + [400.0] * 6):
    ...     order = {"at": 7 * 86400.0 * week, "value": amount}
    ...     mean.update(orders.score_one(order))
    ...     orders.learn_one(order)
    >>> round(orders.mean_score, 6) == round(mean.get(), 6)
    True
    >>> orders.declines, orders.mean_score > orders.threshold
    (True, True)
    >>> [round(level) for level in orders.levels[:2]]
    [998, 400]
    """

    def __init__(
        self,
        signal: Signal,
        false_declines_per_client_year: float = 0.5,
        at: str = "at",
        value: str = "value",
    ) -> None:
        if signal not in SIGNAL_NUMBER:
            raise ValueError(f"{signal!r} is not a signal that declines: choose one of {', '.join(SIGNAL_NUMBER)}")
        if not false_declines_per_client_year > 0:
            raise ValueError("false_declines_per_client_year should be above 0")
        self.signal = signal
        self.false_declines_per_client_year = false_declines_per_client_year
        self.at = at
        self.value = value
        self.rows = new_trends([SIGNAL_NUMBER[signal]])

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        for signal in SIGNAL_NUMBER:
            yield {"signal": signal}

    def resume(self, rows: Records) -> None:
        """Go on from what a shard knows of a client's trend: its row, alone."""
        self.rows = rows

    def learn_one(self, x: Features) -> None:
        """Take one value in.

        Parameters
        ----------
        x
            The time and the value; without both of them nothing is learned.
        """
        if self.at in x and self.value in x:
            trend.learn_value(self.rows[0], x[self.at], x[self.value], NO_TIME_OFF)

    def score_one(self, x: Features) -> float:
        """The value's normal score against the values before it, from -3 to 3; 0 without a value, and of the first."""
        if self.at not in x or self.value not in x:
            return 0.0
        score: float = trend.learn_value(self.rows.copy()[0], x[self.at], x[self.value], NO_TIME_OFF)
        return score

    @property
    def mean_score(self) -> float:
        """Exponentially weighted mean of the scores so far."""
        return float(self.rows[0].score)

    @property
    def threshold(self) -> float:
        """The mean score above which the trend is a decline; infinite before the eighth value."""
        return float(trend.threshold(self.rows[0], self.false_declines_per_client_year))

    @property
    def declines(self) -> bool:
        """Whether the mean score is above the threshold."""
        return bool(trend.crossed(self.rows[0], self.false_declines_per_client_year))

    @property
    def since_s(self) -> float | None:
        """When the present decline, of whatever size, began, in epoch seconds; None = there is none."""
        return float(self.rows[0].since_s) or None

    @property
    def levels(self) -> Levels:
        """The level before the present decline, now, and now as a multiple of that of the first half-year."""
        before, now, ratio = trend.levels(self.rows[0])
        return Levels(before, now, None if math.isnan(ratio) else ratio)
