"""A client's rhythm, and how long a silence it explains: the silence rule R-tail-O.

The segment's table says how long silences of clients with this mean gap get; the client's own three longest gaps may
say that this client has never been silent for so long. The second only ever makes a deadline earlier.

In the code, `y` is -ln P(gap > t) of this client and `e` that of its population; a *knot* (e_j, y_j) says that the
client's j-th longest gap, a third as long again, is worth y_j to this client where the population gives it e_j.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from detector.core.clock import DAY_S, DAYS_PER_YEAR, TimeOff, deadline_s, elapsed_days
from detector.core.layout import COUNT_MAX, RHYTHM_BINS, U_BINS, U_MIN, U_STEP
from detector.core.model.segment import quantile
from detector.core.primitives.decay import DECAY, decayed_count

GAPS_MIN = 3  # no deadline before the third gap
SETTLED_GAPS = 5  # the gap at which a client's mean is taken into the segment's prior gap
_ALPHA_MIN, _ALPHA_MAX = 1e-6, 0.5  # P(gap > deadline) stays between: no deadline is before the median gap
_KNOT_STRETCH = 1.3  # a knot lies at this multiple of a long gap
_KNOT_E_MIN, _KNOT_E_MAX = 0.3, 12.0
_KNOT_PRIOR_GAPS, _KNOT_GAPS_MAX = 20.0, 100  # gaps that the population's view is worth; own gaps that count against it
# Where exp(-e) says that of so many gaps just as many are longer as were: by number of the knot, and by gaps.
_KNOT_E_OF = np.log((np.arange(_KNOT_GAPS_MAX + 1) + 1) / np.arange(1, 4)[:, np.newaxis])
_LOG_DAYS_MAX = 20.0

Silence = Any  # one record of layout.SILENCE, seen from Numba
Population = Any  # one record of layout.POPULATION: of all contacts, or of orders


class Measure(NamedTuple):
    """What a silence of one client is judged by; costly to make, so one is made for all questions of a moment.

    Parameters
    ----------
    where
        Where ln(gap) of the client sits on the segment's table.
    knots
        Of its three longest gaps, each (e_j, y_j); (0, 0) for one that does not set this client apart.
    """

    where: float
    knots: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


@njit(cache=True, error_model="numpy")
def mean_gap_days(silence: Silence, population: Population) -> float:
    """The client's mean gap, shrunk towards the segment's as if one gap of that length had been seen."""
    mean: float = (silence.total_days + population.prior_gap_days) / (decayed_count(silence.gaps) + 1.0)
    return mean


@njit(cache=True, error_model="numpy")
def log_own_mean(silence: Silence) -> float:
    """Logarithm of the client's own mean gap."""
    return math.log(max(silence.total_days, 1e-3) / max(decayed_count(silence.gaps), 0.01))


@njit(cache=True, error_model="numpy")
def location(silence: Silence, population: Population) -> float:
    """Where ln(gap) of this client sits on the segment's table."""
    tail: float = population.slope * (math.log(mean_gap_days(silence, population)) - population.log_center)
    return log_own_mean(silence) + tail


@njit(cache=True, error_model="numpy")
def population_e(population: Population, u: float) -> float:
    """-ln P(gap > t) of the population at u = ln t - location."""
    steps = (u - U_MIN) / U_STEP
    k = min(max(int(steps), 0), U_BINS - 1)
    table = population.minus_log_survival
    e: float = max(table[k] + (steps - k) * (table[k + 1] - table[k]), 0.0)
    return e


@njit(cache=True, error_model="numpy")
def _knot(silence: Silence, population: Population, where: float, j: int) -> tuple[float, float]:
    """The j-th knot (e_j, y_j), from 0; (0, 0) where that gap does not set this client apart."""
    longest_days = (silence.longest_s, silence.second_s, silence.third_s)[j] / DAY_S
    if longest_days <= 0:
        return 0.0, 0.0
    e = min(max(population_e(population, math.log(_KNOT_STRETCH * longest_days) - where), _KNOT_E_MIN), _KNOT_E_MAX)
    gaps = min(silence.gaps, _KNOT_GAPS_MAX)
    if e >= _KNOT_E_OF[j, gaps]:  # then y <= e
        return 0.0, 0.0
    return e, -math.log((_KNOT_PRIOR_GAPS * math.exp(-e) + j + 1) / (gaps + _KNOT_PRIOR_GAPS + 1))


@njit(cache=True, error_model="numpy")
def measure(silence: Silence, population: Population) -> Measure:
    """What the client's next silence is judged by, until it has another gap or the population another table."""
    where = location(silence, population)
    first, second = _knot(silence, population, where, 0), _knot(silence, population, where, 1)
    return Measure(where, (first, second, _knot(silence, population, where, 2)))


@njit(cache=True, error_model="numpy")
def personal_y(e: float, by: Measure) -> float:
    """From the population's -ln P to the client's, by its knots."""
    y = e
    for e_j, y_j in by.knots:
        if e_j > 0:
            y = max(y, e - e_j + y_j if e > e_j else e * y_j / e_j)
    return y


@njit(cache=True, error_model="numpy")
def population_of(y: float, by: Measure) -> float:
    """And back: the inverse of `personal_y`."""
    e = y
    for e_j, y_j in by.knots:
        if e_j > 0:
            e = min(e, y - y_j + e_j if y > y_j else y * e_j / y_j)
    return e


@njit(cache=True, error_model="numpy")
def minus_log_survival(population: Population, by: Measure, days: float) -> float:
    """-ln P(a gap of this client lasts longer than `days`)."""
    return personal_y(population_e(population, math.log(days) - by.where), by)


@njit(cache=True, error_model="numpy")
def survival(population: Population, by: Measure, days: float) -> float:
    """P(a gap of this client lasts longer than `days`)."""
    return math.exp(-minus_log_survival(population, by, days))


@njit(cache=True, error_model="numpy")
def outlasted_days(population: Population, by: Measure, y: float) -> float:
    """The days that a gap of this client outlasts with probability exp(-y): the inverse of `survival`."""
    u = quantile(population.minus_log_survival, population_of(y, by))
    return math.exp(min(u + by.where, _LOG_DAYS_MAX))


@njit(cache=True, error_model="numpy")
def alert_probability(silence: Silence, population: Population) -> float:
    """P(gap > deadline): the budget of false alerts a year, spread over the gaps of a year."""
    share: float = share_of(population.budget, mean_gap_days(silence, population))
    return share


@njit(cache=True, error_model="numpy")
def share_of(budget: float, interval_days: float) -> float:
    """A budget of false alerts a year, spread over what happens once in so many days."""
    return min(max(budget * interval_days / DAYS_PER_YEAR, _ALPHA_MIN), _ALPHA_MAX)


@njit(cache=True, error_model="numpy")
def next_deadline_s(silence: Silence, population: Population, probability: float, off: TimeOff) -> float:
    """The instant at which a silence so rare begins to exceed what the rhythm explains."""
    by = measure(silence, population)
    return deadline_s(silence.last_s, outlasted_days(population, by, -math.log(probability)), off)


@njit(cache=True, error_model="numpy")
def rhythm_bin(days: float) -> int:
    """The bin of a mean gap: below 1 day, below 2, 4, ... 128, and above."""
    return min(max(math.frexp(days)[1], 0), RHYTHM_BINS - 1)


@njit(cache=True, error_model="numpy")
def _score(silence: Silence, population: Population, gap_days: float) -> None:
    """Count in the population how this gap compares with the gaps before it."""
    mean = mean_gap_days(silence, population)
    u = math.log(gap_days) - log_own_mean(silence)
    k = min(max(int((u - U_MIN) / U_STEP), 0), U_BINS - 1)
    g = rhythm_bin(mean)
    population.completed[g, k] += 1
    population.log_mean_sum[g] += math.log(mean)


@njit(cache=True, error_model="numpy")
def _learn_gap(silence: Silence, population: Population, gap_days: float) -> None:
    """Take one completed gap into the client's own numbers."""
    silence.total_days = DECAY * silence.total_days + gap_days
    silence.gaps = min(int(silence.gaps) + 1, COUNT_MAX)
    gap_s = int(gap_days * DAY_S + 0.5)
    if gap_s > silence.longest_s:
        silence.third_s, silence.second_s, silence.longest_s = silence.second_s, silence.longest_s, gap_s
    elif gap_s > silence.second_s:
        silence.third_s, silence.second_s = silence.second_s, gap_s
    elif gap_s > silence.third_s:
        silence.third_s = gap_s
    if silence.gaps == SETTLED_GAPS:
        population.settled += 1
        population.settled_log_sum += math.log(silence.total_days / decayed_count(silence.gaps))


@njit(cache=True, error_model="numpy")
def learn_gap(silence: Silence, population: Population, gap_days: float) -> None:
    """Take one completed gap in. Score first, learn second."""
    if silence.gaps >= GAPS_MIN:
        _score(silence, population, gap_days)
    _learn_gap(silence, population, gap_days)


@njit(cache=True, error_model="numpy")
def learn_contact(silence: Silence, population: Population, at_s: float, session_days: float, off: TimeOff) -> float:
    """Take one contact in, not older than the last one; -> the gap that it completes in days, or 0.

    A contact less than a session after the last one belongs to it: only the last contact moves, and the deadline
    with it.
    """
    before_s, silence.last_s = silence.last_s, int(at_s)
    if before_s == 0:
        return 0.0
    gap_days = elapsed_days(before_s, silence.last_s, off)
    completed = gap_days > session_days
    if completed:
        learn_gap(silence, population, gap_days)
    if silence.gaps >= GAPS_MIN:
        silence.incident.next_s = next_deadline_s(silence, population, alert_probability(silence, population), off)
    return gap_days if completed else 0.0
