"""What becomes of a client: its outcome, and how active that makes it on each day.

The chance of leaving and the season are parameters of the firm; `Course` holds what came of them for one client.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detector.simulate.client import Client
from detector.simulate.firm import FADING_SIGNALS, FadingSignal, Firm
from detector.simulate.hours import SATURDAY, WEEK_DAYS

Outcome = Literal["stays", "ghosts", "fades", "pauses", "seasonal", "moves"]

# When an outcome begins, as shares of the span: late enough for a rhythm to be known, early enough to be noticed.
# Ghosts leave until shortly before the end, so that some silences are still open and fresh.
GHOSTING_BEGINS = 0.40, 0.98
FADING_BEGINS = 0.30, 0.75
PAUSE_BEGINS = 0.30, 0.60
MOVE_BEGINS = 0.30, 0.70

FADING_DAYS = 60, 150
FADED_ACTIVITY = 0.25
"""Activity at the end of a full fade, just before it falls to nil: gaps four times as long."""
PAUSE_GAPS = 6, 12
"""Length of a pause in mean gaps of the client ..."""
PAUSE_DAYS_MIN = 28
"""... but at least this long ..."""
PAUSE_SPAN_MAX = 0.30
"""... and at most this share of the span, so that the return is seen."""
OFF_SEASON_DAYS = 90
OFF_SEASON_ACTIVITY = 0.2
SEASONS_DAYS = 365
SEASON_LOW_DAY = 213
"""Day of the year on which the firm's season is at its lowest: the first of August."""
_FADE_ENTIRE = frozenset(FADING_SIGNALS)


@dataclass(frozen=True)
class Course:
    """The course of a client's days; they are counted as in `hours`.

    Parameters
    ----------
    outcome
        What becomes of the client.
    activity
        How active the client is on each day: 1 as ever, 0 not at all (weekends, pauses, and when it has gone).
    begins
        Day on which the outcome begins; None for a client that stays.
    ends
        Day on which it is complete: the client has gone, is back, or is in season again.
    fading
        The signals that fade, if the outcome is a fade.
    fade_depth
        How far they fade, from 0 to 1.

    """

    outcome: Outcome
    activity: NDArray[np.float64]
    begins: int | None = None
    ends: int | None = None
    fading: frozenset[FadingSignal] = _FADE_ENTIRE
    fade_depth: float = 1.0

    def decline(self, signal: FadingSignal, day: int) -> float:
        """Return how far a signal has faded by a day, from 0 to 1."""
        if self.outcome != "fades" or self.begins is None or self.ends is None or signal not in self.fading:
            return 0.0
        return self.fade_depth * min(max((day - self.begins) / (self.ends - self.begins), 0.0), 1.0)

    def has_moved(self, day: int) -> bool:
        """Return whether the client has changed its channel."""
        return self.outcome == "moves" and self.begins is not None and day >= self.begins

    def active_day(self, day: int) -> int | None:
        """Return the first active day from this one on, if there is one."""
        active = np.flatnonzero(self.activity[day:])
        return day + int(active[0]) if len(active) else None


def draw_course(firm: Firm, client: Client, rng: np.random.Generator, own_rng: np.random.Generator) -> Course:
    """Draw the outcome of a client and its course.

    Parameters
    ----------
    firm, client
        Which firm, and which of its clients.
    rng
        The client's stream.
    own_rng
        Another stream of the client: for what only some firms have, so that nothing else is drawn differently.

    """
    outcome = _draw_outcome(firm, client, rng.random())
    days = np.arange(firm.last_day + 1)
    activity = np.where((days % WEEK_DAYS >= SATURDAY) | (days < firm.first_day), 0.0, 1.0)
    activity *= _season(firm, days, own_rng)

    def between(low: float, high: float) -> int:
        return firm.first_day + int(firm.days * rng.uniform(low, high))

    def leaving_between(low: float, high: float) -> int:
        return firm.first_day + int(firm.days * _leaving_share(firm.loyalty, low, high, rng.uniform(low, high)))

    if outcome == "ghosts":
        begins = leaving_between(*GHOSTING_BEGINS)
        activity[begins:] = 0
        return Course(outcome, activity, begins, begins)
    if outcome == "fades":
        begins = leaving_between(*FADING_BEGINS)
        ends = begins + int(rng.integers(*FADING_DAYS))
        course = Course(outcome, activity, begins, ends, _draw_fading(firm, own_rng), firm.fade_depth)
        activity *= [1 - (1 - FADED_ACTIVITY) * course.decline("contact_rate", day) for day in days.tolist()]
        activity[ends:] = 0
        return course
    if outcome == "pauses":
        begins = between(*PAUSE_BEGINS)
        length = max(client.mean_gap_days * rng.uniform(*PAUSE_GAPS), PAUSE_DAYS_MIN)
        ends = begins + int(min(length, PAUSE_SPAN_MAX * firm.days))
        activity[begins:ends] = 0
        return Course(outcome, activity, begins, ends)
    if outcome == "seasonal":
        begins = firm.first_day + int(rng.integers(SEASONS_DAYS))
        activity[(days - begins) % SEASONS_DAYS < OFF_SEASON_DAYS] *= OFF_SEASON_ACTIVITY
        return Course(outcome, activity, begins, begins + OFF_SEASON_DAYS)
    if outcome == "moves":
        return Course(outcome, activity, between(*MOVE_BEGINS))
    return Course(outcome, activity)


def leaving_factor(firm: Firm, mean_gap_days: float) -> float:
    """Return how much likelier than the firm's average a client of this mean gap is to leave.

    A client has had so many gaps as its mean gap fits into its time, and loyalty makes the chance to leave fall with
    their number to the power of `loyalty`. The average over all clients stays what the shares ask for.

    Examples
    --------
    >>> leaving_factor(Firm(), 90.0)
    1.0
    >>> round(leaving_factor(Firm(loyalty=0.5), 90.0), 2), round(leaving_factor(Firm(loyalty=0.5), 1.5), 2)
    (2.35, 0.3)

    """
    loyalty, least, most = firm.loyalty, firm.mean_gap_days_min, firm.mean_gap_days_max
    if loyalty == 0 or least == most:
        return 1.0
    # The mean of m ** loyalty for an m that is log-uniform from the least to the most.
    average = (most**loyalty - least**loyalty) / (loyalty * math.log(most / least))
    return float(mean_gap_days**loyalty / average)


def _draw_outcome(firm: Firm, client: Client, chance: float) -> Outcome:
    staying = firm.pausing_share, firm.seasonal_share, firm.moving_share
    leaving = firm.ghosting_share + firm.fading_share
    factor = leaving_factor(firm, client.mean_gap_days)
    if leaving * factor > 1 - math.fsum(staying):
        factor = max((1 - math.fsum(staying)) / leaving, 0.0)
    shares: tuple[tuple[Outcome, float], ...] = (
        ("ghosts", firm.ghosting_share * factor),
        ("fades", firm.fading_share * factor),
        ("pauses", firm.pausing_share),
        ("seasonal", firm.seasonal_share),
        ("moves", firm.moving_share),
    )
    for outcome, share in shares:
        if chance < share:
            return outcome
        chance -= share
    return "stays"


def _leaving_share(loyalty: float, low: float, high: float, uniform: float) -> float:
    """Turn a share of the span that is uniform from low to high into one with density share ** -loyalty."""
    if loyalty == 0:
        return uniform
    quantile = (uniform - low) / (high - low)
    power = 1 - loyalty
    if abs(power) < 1e-9:  # noqa: PLR2004 - the limit of the other formula
        return float(low * (high / low) ** quantile)
    return float((low**power + quantile * (high**power - low**power)) ** (1 / power))


def _season(firm: Firm, days: NDArray[np.int64], own_rng: np.random.Generator) -> NDArray[np.float64] | float:
    """Return what the firm's season makes of each day: 1 on average, least around the client's own low day."""
    if firm.season_depth == 0:
        return 1.0
    low = SEASON_LOW_DAY + own_rng.uniform(-1, 1) * firm.season_spread_days
    day_of_year = firm.monday.timetuple().tm_yday + days
    wave: NDArray[np.float64] = 1 - firm.season_depth * np.cos(2 * math.pi * (day_of_year - low) / SEASONS_DAYS)
    return wave


def _draw_fading(firm: Firm, own_rng: np.random.Generator) -> frozenset[FadingSignal]:
    """Draw the signals that fade together."""
    if firm.fading_signals == len(FADING_SIGNALS):
        return _FADE_ENTIRE
    return frozenset(own_rng.choice(np.array(FADING_SIGNALS), firm.fading_signals, replace=False).tolist())
