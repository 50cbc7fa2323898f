"""How late a decline is seen: against a rule that knows what a decline looks like, and in orders of half the value.

Both rules may raise one false alarm in 200 values, as measured from the 31st value on, on clients that do not change.
The rule to compare with is the CUSUM of the likelihood ratio between the true law of the gaps and the same law at half
the rate: no rule is faster in the worst case (Moustakides 1986), and none in life knows either law.
"""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
from numba import njit

from benchmarks.accuracy.logs import Floats, Row
from detector.core.clock import DAY_S, DAYS_PER_YEAR, NO_TIME_OFF
from detector.core.layout import Records, new_trends
from detector.core.model import trend
from detector.core.signals import SIGNAL_NUMBER
from detector.simulate.gap_distributions import GapDistribution, draw_gaps

CLIENTS, ARL = 1000, 200
DAYS_BETWEEN = 7.0
IRREGULARITIES = (0.5, 0.7, 1.0)  # of gaps: standard deviation over mean
GAP_DISTRIBUTIONS: tuple[GapDistribution, ...] = (
    "gamma",
    "lognormal",
)  # their likelihood is simple
HISTORY, AHEAD = 30, 2000
SCATTERS = (0.3, 0.5, 0.7)  # of the logarithm of order values
VALUE_HISTORY, VALUE_AHEAD = 10, 200


@njit
def trend_delays(rows: Records, values: Floats, history: int, budget: float) -> Floats:
    """Values from the end of the history to the first crossing; NaN if the trend crossed before, inf if never."""
    found = np.full(len(values), math.inf)
    for c in range(len(values)):
        for k in range(values.shape[1]):
            trend.learn_value(rows[c], 1e9 + k * DAYS_BETWEEN * DAY_S, values[c, k], NO_TIME_OFF)
            if trend.crossed(rows[c], budget):
                found[c] = k + 1 - history if k >= history else math.nan
                break
    return found


@njit
def cusum_delays(log_ratios: Floats, history: int, limit: float) -> Floats:
    """The same for the CUSUM of log likelihood ratios."""
    found = np.full(len(log_ratios), math.inf)
    for c in range(len(log_ratios)):
        total = 0.0
        for k in range(log_ratios.shape[1]):
            total = max(total + log_ratios[c, k], 0.0)
            if total > limit:
                found[c] = k + 1 - history if k >= history else math.nan
                break
    return found


def log_ratios(law: GapDistribution, irregularity: float, gaps: Floats) -> Floats:
    """ln(likelihood of gaps at half the rate / at the full rate), of mean 1 at the full rate."""
    if law == "gamma":
        return (gaps / 2 - math.log(2)) / irregularity**2
    variance = math.log1p(irregularity**2)
    return math.log(2) / variance * (np.log(gaps) + variance / 2 - math.log(2) / 2)


def mean(delays: Floats, most: int) -> float:
    """Over the clients that had not crossed before; one that never crosses counts as long as it was watched."""
    return float(np.minimum(delays[~np.isnan(delays)], most).mean())


def at_equal_alarms(in_control: Callable[[float], Floats], low: float, high: float) -> float:
    """The parameter at which clients that do not change cross once in 200 values."""
    for _ in range(14):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if mean(in_control(middle), AHEAD) < ARL else (low, middle)
    return math.sqrt(low * high)


def halved_rate(law: GapDistribution, irregularity: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Delays of the trend and of the CUSUM, in gaps."""
    steady = np.array([draw_gaps(law, irregularity, HISTORY + AHEAD, rng) for _ in range(CLIENTS)])
    halved = steady.copy()
    halved[:, HISTORY:] *= 2

    def ours(gaps: Floats, between: float) -> Floats:
        rows = new_trends([SIGNAL_NUMBER["contact_rate"]] * CLIENTS)
        return trend_delays(rows, gaps * DAYS_BETWEEN, HISTORY, DAYS_PER_YEAR / (between * DAYS_BETWEEN))

    def theirs(gaps: Floats, limit: float) -> Floats:
        return cusum_delays(log_ratios(law, irregularity, gaps), HISTORY, limit)

    between = at_equal_alarms(lambda between: ours(steady, between), 11, 2000)
    limit = at_equal_alarms(lambda limit: theirs(steady, limit), 0.2, 20)
    return ours(halved, between), theirs(halved, limit)


def halved_value(scatter: float, budget: float, rng: np.random.Generator) -> Floats:
    """Delays of the trend, in weekly orders."""
    values = 100 * np.exp(scatter * rng.standard_normal((CLIENTS, VALUE_HISTORY + VALUE_AHEAD)))
    values[:, VALUE_HISTORY:] /= 2
    return trend_delays(new_trends([SIGNAL_NUMBER["order_value"]] * CLIENTS), values, VALUE_HISTORY, budget)


def rows() -> Iterator[Row]:
    """Both declines: medians are what is judged, means are told beside them."""
    rng = np.random.Generator(np.random.PCG64(1))
    told, ours_sum, theirs_sum = [], 0.0, 0.0
    for law, irregularity in itertools.product(GAP_DISTRIBUTIONS, IRREGULARITIES):
        ours, theirs = halved_rate(law, irregularity, rng)
        ours_sum, theirs_sum = ours_sum + np.nanmedian(ours), theirs_sum + np.nanmedian(theirs)
        told.append(
            f"{law} {irregularity:g}: {np.nanmedian(ours):.0f} / {np.nanmedian(theirs):.0f} gaps,"
            f" means {mean(ours, AHEAD):.1f} / {mean(theirs, AHEAD):.1f}"
        )
    ratio = ours_sum / theirs_sum
    yield Row(
        "decline: median delay for a halved rate after 30 gaps, ARL 200 / that of the CUSUM that knows the truth",
        "<= 1.5",
        f"{ratio:.2f} pooled ({'; '.join(told)})",
        bool(ratio <= 1.5),
    )
    told, worst = [], 0.0
    for between in (DAYS_PER_YEAR / DAYS_BETWEEN, float(ARL)):
        found = [halved_value(scatter, DAYS_PER_YEAR / DAYS_BETWEEN / between, rng) for scatter in SCATTERS]
        worst = max(worst, *(float(np.nanmedian(one)) for one in found))
        told.append(
            f"one false alarm in {between:.0f} values promised: "
            + " / ".join(f"{np.nanmedian(one):.0f}" for one in found)
            + ", means "
            + " / ".join(f"{mean(one, VALUE_AHEAD):.1f}" for one in found)
        )
    yield Row(
        "decline: median delay for an order value halved at once after 10 values, scatter of its logarithm "
        + " / ".join(map(str, SCATTERS)),
        "<= 13 events",
        f"{'; '.join(told)}",
        worst <= 13,
    )
