"""When a client makes contact: gaps of mean one, by distribution and irregularity, and the instants they lead to."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

GapDistribution = Literal["mixed", "gamma", "lognormal", "weibull", "pauses", "heavy_tail"]
GAP_DISTRIBUTIONS: tuple[GapDistribution, ...] = ("gamma", "lognormal", "weibull", "pauses", "heavy_tail")
"""What gaps can be drawn from; "mixed" stands for one of these, drawn per client."""

PAUSE_SHARE = 1 / 25
"""Distribution "pauses": one gap in 25 ..."""
PAUSE_FACTOR = 8.0
"""... lasts eight times as long: a holiday in the life of a weekly client."""
TAIL_INDEX = 2.5
"""Distribution "heavy_tail": exponent of the Pareto factor. The variance is finite, the third moment is not."""
BLOCK = 64
"""Gaps drawn at a time."""
GRAIN = 2**20
"""Gaps are rounded to this part of a working day (a twentieth of a second)."""


def draw_gaps(
    distribution: GapDistribution, irregularity: float, count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw gaps of mean one.

    Parameters
    ----------
    distribution
        One of `GAP_DISTRIBUTIONS`.
    irregularity
        Standard deviation over mean, of the distribution without its pauses or heavy tail.
    count
        How many.
    rng
        The client's stream.

    Examples
    --------
    >>> rng = np.random.Generator(np.random.PCG64(1))
    >>> [round(float(draw_gaps(distribution, 0.5, 100_000, rng).mean()), 1) for distribution in GAP_DISTRIBUTIONS]
    [1.0, 1.0, 1.0, 1.0, 1.0]

    """
    if distribution == "lognormal":
        variance = math.log1p(irregularity**2)
        return rng.lognormal(-variance / 2, math.sqrt(variance), count)
    if distribution == "weibull":
        # The usual approximation of the shape, good to 2 % in the range in use.
        shape = irregularity**-1.086
        return rng.weibull(shape, count) / math.gamma(1 + 1 / shape)
    shape = irregularity**-2
    gaps = rng.gamma(shape, 1 / shape, count)
    if distribution == "pauses":
        gaps *= np.where(rng.random(count) < PAUSE_SHARE, PAUSE_FACTOR, 1.0)
        gaps /= 1 + PAUSE_SHARE * (PAUSE_FACTOR - 1)
    elif distribution == "heavy_tail":
        gaps *= (1 + rng.pareto(TAIL_INDEX, count)) * (1 - 1 / TAIL_INDEX)
    return gaps


def draw_contacts(
    distribution: GapDistribution,
    irregularity: float,
    mean_gap: float,
    activity: NDArray[np.float64],
    rng: np.random.Generator,
) -> list[tuple[int, float]]:
    """Draw the contacts of a client as (day, fraction of that day's hours).

    The gaps run in active time: a day counts as much as its activity, so that a contact never falls on a weekend or
    into a pause, and a day of half the activity makes the gaps twice as long.

    Parameters
    ----------
    distribution, irregularity
        As in `draw_gaps`.
    mean_gap
        In active days.
    activity
        Of each day; 1 is the usual one, 0 none.
    rng
        The client's stream.

    """
    # In whole grains, so that sums are exact and a last-bit difference between two machines' logarithms moves nothing.
    clock = np.cumsum(np.rint(activity * GRAIN).astype(np.int64))
    # The span begins somewhere within a gap.
    times = np.rint(rng.random() * draw_gaps(distribution, irregularity, 1, rng) * mean_gap * GRAIN).astype(np.int64)
    while times[-1] < clock[-1]:
        gaps = np.rint(draw_gaps(distribution, irregularity, BLOCK, rng) * mean_gap * GRAIN).astype(np.int64)
        # A grain at least: time must pass, or the loop would not end.
        times = np.concatenate([times, times[-1] + np.cumsum(np.maximum(gaps, 1))])
    times = times[times < clock[-1]]
    days = np.searchsorted(clock, times, side="right")
    # What is left until the clock's value at the end of the day, as a share of what the day gives.
    grains = np.diff(clock, prepend=0)[days]
    fractions = 1 - (clock[days] - times) / grains
    return list(zip(days.tolist(), fractions.tolist(), strict=True))
