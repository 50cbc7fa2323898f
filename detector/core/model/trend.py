"""The decline of one signal of one client: each value is judged against the client's own values before it.

The values before, forgetting, make a Normal-Inverse-Gamma; its prediction of the next value is a Student-t, which
turns the value that comes into a normal score. The trend is the exponentially weighted mean of these scores, begun
at a neutral 0: what `river.stats.EWMean` gives for 0 followed by the scores. Positive is always towards a decline.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from detector.core.clock import DAYS_PER_YEAR, TimeOff, to_operational_days
from detector.core.layout import COUNT_MAX
from detector.core.lifecycle import State
from detector.core.primitives.decay import DECAY, decayed_count
from detector.core.primitives.normal import normal_distance, normal_quantile, student_t
from detector.core.signals import (
    DECLINES,
    FADINGS,
    HAS_RATIO,
    LOG,
    LOG_COUNT,
    PRIORS,
    SCALES,
    SIGNED_LOG,
)

VALUES_MIN = 8  # no alert before the eighth value, and no baseline on fewer
BASELINE_DAYS = DAYS_PER_YEAR / 2
_SCORE_MAX = 3.0
_LOG_VALUE_MIN = 1e-3  # smaller values are taken as this: a reply within a minute and a half is a reply at once
# A value is learned as no further from its prediction than this many scales: the long way towards a decline, which
# must be learned if it lasts, the short way back, so that a burst does not raise the bar.
_LEARNED_DECLINE_MAX, _LEARNED_RISE_MAX = 2.5, 1.5
# The score that chance reaches once in A values. Fitted for this fading; for another the score's own scatter scales it.
_THRESHOLD = (-0.3955, 0.2569, -0.01162)
_THRESHOLD_FADING = 0.15
_SCATTERS = np.sqrt(FADINGS / (2 - FADINGS) * (2 - _THRESHOLD_FADING) / _THRESHOLD_FADING)
_VALUES_BETWEEN_MIN = 10.0  # below this the polynomial would call a client declined whose score is 0
_RECOVERED_AT = 0.5  # of the threshold
# A decline has begun where the score rose above this: nearly 0, but a client of always the same values is not declining
# for the rest of its life because its prior was a little better. Below every score at which an incident ends.
_DECLINING_MIN = 0.05
_QUIET = int(State.QUIET)  # as a kernel sees it

Trend = Any  # one record of layout.TREND, seen from Numba


@njit(cache=True, error_model="numpy")
def transformed(signal: int, value: float) -> float:
    """A value on the scale on which its signal is judged."""
    scale = SCALES[signal]
    if scale == LOG:
        return math.log(max(value, _LOG_VALUE_MIN))
    if scale == LOG_COUNT:
        return math.log1p(max(value, 0.0))
    if scale == SIGNED_LOG:
        return math.copysign(math.log1p(abs(value)), value)
    return value


@njit(cache=True, error_model="numpy")
def measured(signal: int, level: float) -> float:
    """A level in the signal's own unit: the inverse of `transformed`."""
    scale = SCALES[signal]
    if scale == LOG:
        return math.exp(level)
    if scale == LOG_COUNT:
        return math.expm1(level)
    if scale == SIGNED_LOG:
        return math.copysign(math.expm1(abs(level)), level)
    return level


@njit(cache=True, error_model="numpy")
def _posterior(trend: Trend) -> tuple[float, float, float]:
    """What is expected of the next transformed value: its location, a_n, and a_n times its squared scale."""
    mean, kappa, a, b = PRIORS[trend.signal]
    weight = decayed_count(trend.count)
    distance = np.float64(trend.level) - mean
    total = kappa + weight
    shift = weight * distance / total
    b_n = b + (np.float64(trend.m2) + kappa * distance * shift) / 2
    return mean + shift, a + weight / 2, b_n + b_n / total


@njit(cache=True, error_model="numpy")
def prediction(trend: Trend) -> tuple[float, float, float]:
    """The Student-t of the next transformed value: degrees of freedom, location, scale."""
    location, a_n, spread = _posterior(trend)
    return 2 * a_n, location, math.sqrt(spread / a_n)


@njit(cache=True, error_model="numpy")
def forget_decline(trend: Trend) -> None:
    """A decline is over: what is worse from now on is another."""
    trend.since_s = trend.now_count = 0
    trend.before = trend.now = 0.0


@njit(cache=True, error_model="numpy")
def is_of_another_currency(trend: Trend, currency: int) -> bool:
    """Check whether an amount is in another currency than the amounts before it; 0 = it is not said in which."""
    is_known: bool = currency != 0 and trend.currency != 0
    return is_known and trend.currency != currency


@njit(cache=True, error_model="numpy")
def begin_anew(trend: Trend) -> None:
    """Forget all values: what comes now cannot be compared with them. No incident is open."""
    trend.score = trend.level = trend.m2 = trend.baseline = 0.0
    trend.count = trend.first_day = trend.last_day = 0
    trend.currency = 0
    forget_decline(trend)


@njit(cache=True, error_model="numpy")
def _follow(trend: Trend, at_s: float, x: float, location: float) -> None:
    """Keep where the decline that the score now shows began, and the mean of the values since.

    One that was told of goes on until its end was told, too.
    """
    if trend.score <= _DECLINING_MIN and trend.state == _QUIET:
        forget_decline(trend)
        return
    if trend.now_count == 0:
        trend.since_s = int(at_s)
        trend.before = location
        trend.now = 0.0
    trend.now_count = min(int(trend.now_count) + 1, COUNT_MAX)
    trend.now += (x - np.float64(trend.now)) / trend.now_count


@njit(cache=True, error_model="numpy")
def _learn(trend: Trend, day: int, x: float, location: float, scale: float) -> None:
    """Take a transformed value into the client's own numbers."""
    if trend.count == 0:
        trend.first_day = day
    if trend.count < VALUES_MIN or day - int(trend.first_day) <= BASELINE_DAYS:
        trend.baseline += (x - np.float64(trend.baseline)) / (trend.count + 1.0)
    if trend.count > 0:
        towards = DECLINES[trend.signal]
        away = towards * (x - location)
        x = location + towards * min(max(away, -_LEARNED_RISE_MAX * scale), _LEARNED_DECLINE_MAX * scale)
    before = DECAY * decayed_count(trend.count)
    distance = x - np.float64(trend.level)
    trend.level += distance / (before + 1)
    trend.m2 = DECAY * np.float64(trend.m2) + before / (before + 1) * distance * distance
    if trend.count < COUNT_MAX:
        trend.count += 1
        trend.last_day = max(day, int(trend.last_day))


@njit(cache=True, error_model="numpy")
def learn_value(trend: Trend, at_s: float, value: float, off: TimeOff) -> float:
    """Take one value in, in the signal's unit, and return its normal score. Score first, learn second.

    The first value has nothing to be compared with: its score is 0.
    """
    x = transformed(trend.signal, value)
    location, a_n, spread = _posterior(trend)
    z = 0.0
    if trend.count > 0:
        away = DECLINES[trend.signal] * (x - location)
        z = math.copysign(min(normal_distance(away * away / (2 * spread), 2 * a_n), _SCORE_MAX), away)
    fading = FADINGS[trend.signal]
    trend.score = (1 - fading) * np.float64(trend.score) + fading * z
    _follow(trend, at_s, x, location)
    _learn(trend, int(to_operational_days(at_s, off)), x, location, math.sqrt(spread / a_n))
    return z


@njit(cache=True, error_model="numpy")
def interval_days(trend: Trend) -> float:
    """Return the mean time between two values so far, in days; the span of all values is taken as one day at least."""
    days = max(np.float64(trend.last_day) - trend.first_day, 1.0)
    interval: float = days / max(trend.count - 1.0, 1.0)
    return interval


@njit(cache=True, error_model="numpy")
def threshold(trend: Trend, budget: float) -> float:
    """The score above which the trend is a decline, for so many false alerts a year; infinite at first.

    A year has so many values of this signal as the mean time between its values so far makes it.
    """
    if trend.count < VALUES_MIN:
        return math.inf
    log_between = math.log(max(DAYS_PER_YEAR / (budget * interval_days(trend)), _VALUES_BETWEEN_MIN))
    fitted = _THRESHOLD[0] + log_between * (_THRESHOLD[1] + log_between * _THRESHOLD[2])
    scaled: float = fitted * _SCATTERS[trend.signal]
    return scaled


@njit(cache=True, error_model="numpy")
def may_cross(trend: Trend) -> bool:
    """Whether a decline is possible at all: most scores need no threshold to be seen to be below it."""
    possible: bool = trend.score > _DECLINING_MIN and trend.count >= VALUES_MIN
    return possible


@njit(cache=True, error_model="numpy")
def crossed(trend: Trend, budget: float) -> bool:
    """Whether the trend is a decline: its score is above the threshold."""
    above: bool = may_cross(trend) and trend.score > threshold(trend, budget)
    return above


@njit(cache=True, error_model="numpy")
def recovered(trend: Trend, budget: float) -> bool:
    """Whether a decline is over: its score is back to half of the threshold."""
    below: bool = trend.score <= _RECOVERED_AT * threshold(trend, budget)
    return below


@njit(cache=True, error_model="numpy")
def turns(trend: Trend, budget: float) -> bool:
    """Whether a decline opens, or one that is open ends."""
    result: bool = crossed(trend, budget) if trend.state == _QUIET else recovered(trend, budget)
    return result


@njit(cache=True, error_model="numpy")
def levels(trend: Trend) -> tuple[float, float, float]:
    """The level before the present decline and now, in the signal's unit, and now as a multiple of the first half-year.

    Without a decline both levels are the one that is expected now. The multiple is NaN as long as that half-year
    lasts, and for a signal of which no multiple makes sense.
    """
    _, location, _ = prediction(trend)
    before, now = (np.float64(trend.before), np.float64(trend.now)) if trend.now_count else (location, location)
    signal = trend.signal
    multiple = math.nan
    settled = trend.count > VALUES_MIN and int(trend.last_day) - int(trend.first_day) > BASELINE_DAYS
    if settled and HAS_RATIO[signal]:
        multiple = measured(signal, now) / max(measured(signal, np.float64(trend.baseline)), _LOG_VALUE_MIN)
    return measured(signal, before), measured(signal, now), multiple


@njit(cache=True, error_model="numpy")
def predicted(trend: Trend, probability: float) -> float:
    """The value, in the signal's unit, that the next one exceeds with this probability."""
    df, location, scale = prediction(trend)
    return measured(trend.signal, location + scale * student_t(-normal_quantile(probability), df))
