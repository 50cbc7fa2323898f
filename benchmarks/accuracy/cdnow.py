"""Who will buy no more: buyers of CDs judged on 1997-09-30, by what they did in the 39 weeks that follow.

The data are those of Fader and Hardie (2001), all 23,570 customers, as the PyPI package `lifetimes` ships them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
from numba import njit
from scipy.stats import mannwhitneyu

from benchmarks.accuracy.logs import CDNOW, Floats, Ints, Row, found, streamed
from detector.core.clock import DAY_S
from detector.core.layout import Records
from detector.core.model import return_chance, rhythm

END_S = datetime(1997, 10, 1, tzinfo=UTC).timestamp()
HOLDOUT_DAYS = 39 * 7
GOALS = ((0, 0.755), (1, 0.720), (3, 0.715))  # by repeat purchases at least


@njit
def no_purchase(silences: Records, segments: Records, at_s: float, ahead_days: float) -> Floats:
    """P(no contact in the days ahead) of each client: it has left, or its gap lasts longer.

    By the outlook model as it begins, before any outcome is known; a customer that bought once counts as one gap.
    """
    chances, x = np.empty(len(silences)), np.empty(4)
    population = segments[0].contact
    for c in range(len(silences)):
        days = (at_s - silences[c].last_s) / DAY_S
        by = rhythm.measure(silences[c], population)
        lasted = rhythm.survival(population, by, days)
        lasts = rhythm.survival(population, by, days + ahead_days)
        gaps, mean_days = max(silences[c].gaps, 1), rhythm.mean_gap_days(silences[c], population)
        return_chance.fill_x(x, lasted, gaps, mean_days)
        log_odds = return_chance.log_odds(lasted, mean_days) + (return_chance.WEIGHTS[:4] * x).sum()
        gone = 1 / (1 + np.exp(-log_odds))
        chances[c] = gone + (1 - gone) * lasts / lasted
    return chances


def purchases() -> tuple[Ints, Floats]:
    """Customers' numbers and the days of their purchases, in order of time."""
    path = found(CDNOW, "run it by `make accuracy`, which fetches it from PyPI")
    customer, date = np.loadtxt(path, np.int64, skiprows=1, usecols=(0, 1), unpack=True)
    _, client = np.unique(customer, return_inverse=True)
    text = date.astype(str)
    days = np.array([f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in text], "datetime64[s]").astype(np.float64)
    order = np.argsort(days, kind="stable")
    return client[order], days[order]


def rows() -> Iterator[Row]:
    """The area under the curve of P(no purchase), for all customers and for those who came back."""
    client, at_s = purchases()
    before = at_s < END_S
    state = streamed(client[before], at_s[before], 1.0)
    chance = no_purchase(*state, END_S, HOLDOUT_DAYS)
    came_back = np.isin(np.arange(len(chance)), client[~before])
    areas = []
    for repeats, _ in GOALS:
        some = state.silences.gaps >= repeats
        lost, back = chance[some & ~came_back], chance[some & came_back]
        areas.append(float(mannwhitneyu(lost, back).statistic) / len(lost) / len(back))
    yield Row(
        f"AUC of P(no purchase in 39 weeks), CDNOW, {len(chance):,} customers: all / x >= 1 / x >= 3",
        ">= " + " / ".join(f"{goal:.3f}" for _, goal in GOALS),
        " / ".join(f"{area:.4f}" for area in areas),
        all(area >= goal for area, (_, goal) in zip(areas, GOALS, strict=True)),
    )
