"""The population part of the silence rule R-tail-O: a segment's completed gaps become one survival table and one slope.

Gaps of all clients are comparable once divided by their client's own mean gap: `u = ln(gap / own mean)`. A segment
keeps a histogram of `u` in bins of rhythm; `refit` turns it into `P(gap > t) = exp(-table[ln t - location])`, shrunk
towards a heavy-tailed default (Lomax, tail index 3.5, mean 1) for as long as there are few gaps. Open silences never
enter.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from detector.core.layout import RHYTHM_BINS, U_BINS, U_MIN, U_STEP, Records

Population = Any  # one record of layout.POPULATION, seen from Numba

GRID = U_MIN + U_STEP * np.arange(U_BINS + 1)
_TAIL_INDEX = 3.5
_DEFAULT_SURVIVAL = (1 + np.exp(GRID) / (_TAIL_INDEX - 1)) ** -_TAIL_INDEX
DEFAULT_HAZARD = 1 - _DEFAULT_SURVIVAL[1:] / _DEFAULT_SURVIVAL[:-1]
DEFAULT_GAP_DAYS = 14.0
DEFAULT_SLOPE = -0.1

# How many gaps (or clients) each default is worth.
_POOL_PRIOR_GAPS, _RHYTHM_PRIOR_GAPS, _SLOPE_PRIOR_GAPS, _CENTER_PRIOR_GAPS, _PRIOR_CLIENTS = (
    50.0,
    200.0,
    200.0,
    20.0,
    20.0,
)
_SLOPE_MIN, _SLOPE_MAX = -0.6, 0.3
_HAZARD_MIN = 1e-9


@njit(cache=True, error_model="numpy")
def hazard(completed: np.ndarray, prior: np.ndarray, pseudo_count: float) -> np.ndarray:
    """P(the gap ends in a bin | it reached the bin), with `pseudo_count` gaps of the prior's hazard mixed in."""
    result = np.empty(U_BINS)
    at_risk = 0.0
    for k in range(U_BINS - 1, -1, -1):
        at_risk += completed[k]
        result[k] = (completed[k] + pseudo_count * prior[k]) / (at_risk + pseudo_count)
    return result


@njit(cache=True, error_model="numpy")
def minus_log_survival(hazards: np.ndarray) -> np.ndarray:
    """-ln P(gap > edge) at each edge of the grid."""
    result = np.zeros(U_BINS + 1)
    for k in range(U_BINS):
        result[k + 1] = result[k] - math.log1p(-min(max(hazards[k], _HAZARD_MIN), 1 - _HAZARD_MIN))
    return result


@njit(cache=True, error_model="numpy")
def quantile(table: np.ndarray, y: float) -> float:
    """The u at which the table reaches y; beyond the grid its last step goes on."""
    low, k = 1, U_BINS
    while low < k:  # bisection; Numba's np.searchsorted is slower
        middle = (low + k) // 2
        if table[middle] < y:
            low = middle + 1
        else:
            k = middle
    u: float = U_MIN + U_STEP * (k - 1) + U_STEP * (y - table[k - 1]) / (table[k] - table[k - 1])
    return u


@njit(cache=True, error_model="numpy")
def _shifted(completed: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """All rhythms in one histogram, each moved by its shift in u; a count between two bins is split linearly."""
    result = np.zeros(U_BINS)
    for g in range(RHYTHM_BINS):
        steps = shift[g] / U_STEP
        whole = math.floor(steps)
        part = steps - whole
        for k in range(U_BINS):
            result[min(max(k + whole, 0), U_BINS - 1)] += completed[g, k] * (1 - part)
            result[min(max(k + whole + 1, 0), U_BINS - 1)] += completed[g, k] * part
    return result


@njit(cache=True, error_model="numpy")
def _slope(completed: np.ndarray, counts: np.ndarray, pool: np.ndarray, distance: np.ndarray) -> float:
    """How the tail quantiles of a rhythm bin move with its distance from the centre, in ln(mean gap)."""
    y_far, y_near = -math.log(0.05), -math.log(0.2)
    pooled = minus_log_survival(pool)
    far, near = quantile(pooled, y_far), quantile(pooled, y_near)
    moved, spread = _SLOPE_PRIOR_GAPS * DEFAULT_SLOPE, _SLOPE_PRIOR_GAPS
    for g in range(RHYTHM_BINS):
        if counts[g] > 0:
            table = minus_log_survival(hazard(completed[g], pool, _RHYTHM_PRIOR_GAPS))
            move = (quantile(table, y_near) - near + quantile(table, y_far) - far) / 2
            moved += counts[g] * move * distance[g]
            spread += counts[g] * distance[g] * distance[g]
    return min(max(moved / spread, _SLOPE_MIN), _SLOPE_MAX)


@njit(cache=True, error_model="numpy")
def _refit(population: Population) -> None:
    """Make the table, the slope and the prior gap anew from the sums. The same sums give the same fit."""
    completed = population.completed
    counts, pooled, total, log_sum = np.zeros(RHYTHM_BINS), np.zeros(U_BINS), 0.0, 0.0
    for g in range(RHYTHM_BINS):  # loops, because NumPy's sums along an axis take seconds to compile
        for k in range(U_BINS):
            counts[g] += completed[g, k]
            pooled[k] += completed[g, k]
        total += counts[g]
        log_sum += population.log_mean_sum[g]
    center = (log_sum + _CENTER_PRIOR_GAPS * math.log(DEFAULT_GAP_DAYS)) / (total + _CENTER_PRIOR_GAPS)
    share = population.settled / (population.settled + _PRIOR_CLIENTS)
    settled_log = population.settled_log_sum / max(population.settled, 1.0)
    distance = np.zeros(RHYTHM_BINS)
    for g in range(RHYTHM_BINS):
        if counts[g] > 0:
            distance[g] = population.log_mean_sum[g] / counts[g] - center
    pool = hazard(pooled, DEFAULT_HAZARD, _POOL_PRIOR_GAPS)
    slope = _slope(completed, counts, pool, distance)
    population.minus_log_survival[:] = minus_log_survival(
        hazard(_shifted(completed, -slope * distance), DEFAULT_HAZARD, _POOL_PRIOR_GAPS)
    )
    population.slope = slope
    population.log_center = center
    population.prior_gap_days = math.exp(share * settled_log + (1 - share) * math.log(DEFAULT_GAP_DAYS))
    population.fitted_gaps = total


@njit(cache=True, error_model="numpy")
def refit(segments: Records, number: int) -> None:
    """Fit the populations of a segment anew."""
    _refit(segments[number].contact)
    _refit(segments[number].orders)
    _refit(segments[number].reply)
