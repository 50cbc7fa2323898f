"""Will this client come back? The outlook model "cure/1", learned from what clients did after earlier alerts.

A silence of `t` days is either a long gap or a departure. With S(t) = P(gap > t) and m the client's mean gap, the odds
of a departure are `lambda m / 365.25 / S(t)`. The rate of departures a client-year, lambda, is learned:
`ln lambda = weights . x + the segment's own`, with x = (1, -ln S(t) - 4, ln(gaps / 10), ln(m / 14)). Who has left is
not heard. Who has not comes back as its rhythm says: P(not heard for h more days) = G + (1 - G) S(t + h) / S(t).

Three stages follow: days (0, 30], (30, 90] and (90, H] after the moment, each with a bias on its log-odds. The seven
numbers (four weights, three biases) have a Gaussian posterior. Each label moves it by one extended-Kalman step: a stage
is over, and the client was silent all through it or was heard in it. When a stage is learned is decided elsewhere
(engine.outcomes), and matters: always when it is over, never when the client returns.

The letters of the formulas: z = log-odds, q = probability, h = slopes of z in the seven numbers, g = P(departed).
"""

import math
from typing import Any

import numpy as np
from numba import njit

from detector.core.clock import DAY_S, DAYS_PER_YEAR, NEVER_S, TimeOff, elapsed_days
from detector.core.layout import NO_LABEL, NUMBERS, OWN_RATE, POSTERIOR, STAGES, Records
from detector.core.model import rhythm

STAGE_DAYS = (30.0, 90.0)  # the ends of the first two stages; the last one ends at H
GONE_DAYS_MIN, GONE_DAYS_MAX, GONE_DEADLINES = 90.0, 365.0, 3.0
WEIGHTS = np.array([-1.8, -0.45, -0.45, -0.5, 0.3, 0.1, -0.6])  # beforehand: random effects over six real logs
SDS = np.array([1.0, 0.2, 0.3, 0.2, 0.4, 0.4, 0.4])
VARIANCES = SDS**2
SEGMENT_VARIANCE = 0.5**2
_KEPT_PER_DAY = 1 - 0.002  # of what is known beyond the prior; half in 346 days, so that the variance is bounded
_FACTS = 4  # weights; the other numbers are the biases of the stages
_Y_CENTER, _GAPS_CENTER, _MEAN_CENTER = 4.0, 10.0, 14.0
_Y_MAX, _SURVIVAL_MIN = 12.0, 1e-12
_RATIO_MIN, _RATIO_MAX, _RATIO_FALL = 1e-6, 0.9999, 0.9999
_LOG_ODDS_MAX, _STEP_MAX, _Q_MIN = 30.0, 1.0, 1e-6
_BAND_Z = 1.2816  # eight in ten lie between

Posterior = Any  # one record of layout.POSTERIOR, seen from Numba
OwnRate = Any  # one record of layout.OWN_RATE
Facts = Any  # one record of layout.FACTS
Silence = Any  # one record of layout.SILENCE
Population = Any  # one record of layout.POPULATION
Slopes = np.ndarray[Any, np.dtype[np.float64]]


def new_posterior() -> Records:
    """What is known before the first label: one record."""
    posterior = np.zeros(1, POSTERIOR).view(np.recarray)
    posterior.weights[0] = WEIGHTS
    posterior.covariance[0] = np.diag(VARIANCES)
    posterior.day, posterior.recent_labels = -np.inf, NO_LABEL
    return posterior


def new_own_rates(count: int) -> Records:
    """The same of so many segments: nothing sets them apart yet."""
    rates = np.zeros(count, OWN_RATE).view(np.recarray)
    rates.variance, rates.day = SEGMENT_VARIANCE, -np.inf
    return rates


@njit(cache=True, error_model="numpy")
def gone_after_days(deadline_days: float) -> float:
    """The horizon H: a client that was not heard for so many days more counts as gone."""
    return max(GONE_DAYS_MIN, min(GONE_DEADLINES * deadline_days, GONE_DAYS_MAX))


@njit(cache=True, error_model="numpy")
def fill_facts(
    facts: Facts, silence: Silence, population: Population, at_s: float, deadline_days: float, off: TimeOff
) -> None:
    """Write what the chance of a return depends on at an instant; a mean gap of 0 = too few gaps are known."""
    facts.mean_gap_days, facts.gone_after_days = 0.0, math.nan
    if silence.gaps < rhythm.GAPS_MIN or silence.last_s == 0:
        return
    days = max(elapsed_days(silence.last_s, at_s, off), 1 / DAY_S)
    by = rhythm.measure(silence, population)
    y = rhythm.minus_log_survival(population, by, days)
    facts.gaps, facts.mean_gap_days = silence.gaps, rhythm.mean_gap_days(silence, population)
    facts.survival, facts.gone_after_days = math.exp(-y), gone_after_days(deadline_days)
    for stage in range(STAGES):
        further = elapsed_days(at_s, min(at_s + stage_days(facts, stage) * DAY_S, float(NEVER_S)), off)
        facts.lasting[stage] = math.exp(y - rhythm.minus_log_survival(population, by, days + further))


@njit(cache=True, error_model="numpy")
def stage_days(facts: Facts, stage: int) -> float:
    """How many days after the moment a stage is over."""
    days: float = facts.gone_after_days if stage == STAGES - 1 else STAGE_DAYS[stage]
    return days


@njit(cache=True, error_model="numpy")
def stages_of(facts: Facts) -> int:
    """Count the stages of a moment: the last one is empty where H is 90 days."""
    return STAGES if facts.gone_after_days > STAGE_DAYS[1] + 0.5 else STAGES - 1


@njit(cache=True, error_model="numpy")
def _sigmoid(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(z, -_LOG_ODDS_MAX), _LOG_ODDS_MAX)))


@njit(cache=True, error_model="numpy")
def _lasting(facts: Facts, stage: int) -> tuple[float, float]:
    """P(a gap lasts to the start, to the end of a stage | it has lasted until now), falling strictly."""
    start = end = 1.0
    for k in range(stage + 1):
        start = end
        end = min(max(facts.lasting[k], _RATIO_MIN), _RATIO_MAX, start * _RATIO_FALL)
    return start, end


@njit(cache=True, error_model="numpy")
def log_odds(survival: float, mean_gap_days: float) -> float:
    """Log-odds of a departure at one departure a client-year."""
    return math.log(mean_gap_days / DAYS_PER_YEAR) - math.log(max(survival, _SURVIVAL_MIN))


@njit(cache=True, error_model="numpy")
def fill_x(x: Slopes, survival: float, gaps: float, mean_gap_days: float) -> None:
    """Write the facts that the rate of departures depends on."""
    x[0], x[1] = 1.0, min(-math.log(max(survival, _SURVIVAL_MIN)), _Y_MAX) - _Y_CENTER
    x[2], x[3] = math.log(gaps / _GAPS_CENTER), math.log(mean_gap_days / _MEAN_CENTER)


@njit(cache=True, error_model="numpy")
def _look(posterior: Posterior, own: OwnRate, facts: Facts, stage: int, h: Slopes) -> tuple[float, float]:
    """Log-odds that a stage is survived, and its slope in the segment's own number; `h` takes those in the seven."""
    fill_x(h, facts.survival, facts.gaps, facts.mean_gap_days)
    log_rate = 0.0
    for i in range(_FACTS):
        log_rate += float(posterior.weights[i]) * float(h[i])
    log_rate += own.log_rate
    g = _sigmoid(log_odds(facts.survival, facts.mean_gap_days) + log_rate)
    start, end = _lasting(facts, stage)
    at_start, at_end = g + (1.0 - g) * start, g + (1.0 - g) * end
    q = min(max(at_end / at_start, _Q_MIN), 1.0 - _Q_MIN)
    slope = g * (1.0 - g) * ((1.0 - end) * at_start - (1.0 - start) * at_end) / (at_start * at_start) / (q * (1.0 - q))
    for i in range(_FACTS):
        h[i] *= slope
    for k in range(STAGES):
        h[_FACTS + k] = 1.0 if k == stage else 0.0
    return math.log(q / (1.0 - q)) + posterior.weights[_FACTS + stage], slope


@njit(cache=True, error_model="numpy")
def _spread(posterior: Posterior, own: OwnRate, slope: float, h: Slopes, ph: Slopes) -> float:
    """The variance of the log-odds; `ph` takes the covariance times the slopes."""
    variance = 0.0
    for i in range(NUMBERS):
        ph[i] = 0.0
        for j in range(NUMBERS):
            ph[i] += posterior.covariance[i, j] * h[j]
    for i in range(NUMBERS):
        variance += float(ph[i]) * float(h[i])
    total: float = variance + slope * slope * own.variance
    return total


@njit(cache=True, error_model="numpy")
def fill_chances(chances: Slopes, band: Slopes, posterior: Posterior, own: OwnRate, facts: Facts) -> None:
    """Write P(not heard for 30, 90, H more days), each at most the one before, and a band around the last.

    NaN where too few gaps are known. Eight in ten times the rate that will be known one day lies in the band.
    """
    chances[:] = np.nan
    band[:] = np.nan
    if facts.mean_gap_days == 0:
        return
    h, ph, chance = np.empty(NUMBERS), np.empty(NUMBERS), 1.0
    band[:] = 1.0
    for stage in range(STAGES):
        if stage < stages_of(facts):
            z, slope = _look(posterior, own, facts, stage, h)
            variance = _spread(posterior, own, slope, h, ph)
            chance *= _sigmoid(z / math.sqrt(1.0 + math.pi * variance / 8.0))  # not sure: nearer to a half
            band[0] *= _sigmoid(z - _BAND_Z * math.sqrt(variance))
            band[1] *= _sigmoid(z + _BAND_Z * math.sqrt(variance))
        chances[stage] = chance


@njit(cache=True, error_model="numpy")
def _lost(days: float) -> float:
    """The share that is forgotten in so many days; before the first label there is nothing to forget."""
    return 1.0 - _KEPT_PER_DAY ** max(days, 0.0) if math.isfinite(days) else 0.0


@njit(cache=True, error_model="numpy")
def _forget(posterior: Posterior, own: OwnRate, day: float) -> None:
    """Move the variances back towards the prior's, by the days since the last label."""
    lost, own_lost = _lost(day - posterior.day), _lost(day - own.day)
    posterior.day, own.day = max(day, posterior.day), max(day, own.day)
    for i in range(NUMBERS):
        for j in range(NUMBERS):
            posterior.covariance[i, j] += lost * ((VARIANCES[i] if i == j else 0.0) - posterior.covariance[i, j])
    own.variance += own_lost * (SEGMENT_VARIANCE - own.variance)


@njit(cache=True, error_model="numpy")
def _step(size: float) -> float:
    return min(max(size, -_STEP_MAX), _STEP_MAX)


@njit(cache=True, error_model="numpy")
def learn(posterior: Posterior, own: OwnRate, facts: Facts, at_s: float, stage: int, silent: bool) -> None:
    """Take one label in: a stage of a moment is over, and the client was silent all through it, or was heard in it."""
    h, ph = np.empty(NUMBERS), np.empty(NUMBERS)
    z, slope = _look(posterior, own, facts, stage, h)
    _forget(posterior, own, (at_s + stage_days(facts, stage) * DAY_S) / DAY_S)
    variance = _spread(posterior, own, slope, h, ph)
    q = _sigmoid(z)
    a, error = q * (1.0 - q), (1.0 if silent else 0.0) - q
    gain = 1.0 / (1.0 + a * variance)
    for i in range(NUMBERS):
        posterior.weights[i] += _step(ph[i] * gain * error)
        for j in range(NUMBERS):
            posterior.covariance[i, j] -= ph[i] * ph[j] * a * gain
    own.log_rate += _step(slope * own.variance * gain * error)
    own.variance -= (slope * own.variance) * (slope * own.variance) * a * gain
    posterior.labels += 1
