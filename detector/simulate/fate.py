"""What becomes of a client: its fate, and what that makes of each of its days."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detector.simulate.client import Client
from detector.simulate.firm import Firm
from detector.simulate.hours import SATURDAY, WEEK_DAYS

Fate = Literal["stays", "ghosts", "fades", "pauses", "seasonal", "moves"]

# When a fate begins, as shares of the span: late enough for a rhythm to be known, early enough for it to be noticed.
# Ghosts leave until shortly before the end, so that some silences are still open and fresh.
GHOSTING_BEGINS = 0.40, 0.98
FADING_BEGINS = 0.30, 0.75
PAUSE_BEGINS = 0.30, 0.60
MOVE_BEGINS = 0.30, 0.70

FADING_DAYS = 60, 150
FADED_ACTIVITY = 0.25
"""Activity at the end of a fade, just before it falls to nil: gaps four times as long."""
PAUSE_GAPS = 6, 12
"""Length of a pause in mean gaps of the client ..."""
PAUSE_DAYS_MIN = 28
"""... but at least this long ..."""
PAUSE_SPAN_MAX = 0.30
"""... and at most this share of the span, so that the return is seen."""
OFF_SEASON_DAYS = 90
OFF_SEASON_ACTIVITY = 0.2
SEASONS_DAYS = 365


@dataclass(frozen=True)
class Course:
    """The course of a client's days; they are counted as in `hours`.

    Parameters
    ----------
    fate
        What becomes of the client.
    activity
        How active the client is on each day: 1 as ever, 0 not at all (weekends, pauses, and when it has gone).
    begins
        Day on which the fate begins; None for a client that stays.
    ends
        Day on which it is complete: the client has gone, is back, or is in season again.

    """

    fate: Fate
    activity: NDArray[np.float64]
    begins: int | None = None
    ends: int | None = None

    def decline(self, day: int) -> float:
        """Tell how far a fade has come, from 0 to 1."""
        if self.fate != "fades" or self.begins is None or self.ends is None:
            return 0.0
        return min(max((day - self.begins) / (self.ends - self.begins), 0.0), 1.0)

    def has_moved(self, day: int) -> bool:
        """Tell whether the client has changed its channel."""
        return self.fate == "moves" and self.begins is not None and day >= self.begins

    def active_day(self, day: int) -> int | None:
        """Give the first active day from this one on, if there is one."""
        active = np.flatnonzero(self.activity[day:])
        return day + int(active[0]) if len(active) else None


def draw_course(firm: Firm, client: Client, rng: np.random.Generator) -> Course:
    """Draw the fate of a client and its course."""
    fate = _draw_fate(firm, rng.random())
    days = np.arange(firm.last_day + 1)
    activity = np.where((days % WEEK_DAYS >= SATURDAY) | (days < firm.first_day), 0.0, 1.0)

    def somewhere(low: float, high: float) -> int:
        return firm.first_day + int(firm.days * rng.uniform(low, high))

    if fate == "ghosts":
        begins = somewhere(*GHOSTING_BEGINS)
        activity[begins:] = 0
        return Course(fate, activity, begins, begins)
    if fate == "fades":
        begins = somewhere(*FADING_BEGINS)
        ends = begins + int(rng.integers(*FADING_DAYS))
        course = Course(fate, activity, begins, ends)
        activity *= [1 - (1 - FADED_ACTIVITY) * course.decline(day) for day in days.tolist()]
        activity[ends:] = 0
        return course
    if fate == "pauses":
        begins = somewhere(*PAUSE_BEGINS)
        length = max(client.mean_gap_days * rng.uniform(*PAUSE_GAPS), PAUSE_DAYS_MIN)
        ends = begins + int(min(length, PAUSE_SPAN_MAX * firm.days))
        activity[begins:ends] = 0
        return Course(fate, activity, begins, ends)
    if fate == "seasonal":
        begins = firm.first_day + int(rng.integers(SEASONS_DAYS))
        activity[(days - begins) % SEASONS_DAYS < OFF_SEASON_DAYS] *= OFF_SEASON_ACTIVITY
        return Course(fate, activity, begins, begins + OFF_SEASON_DAYS)
    if fate == "moves":
        return Course(fate, activity, somewhere(*MOVE_BEGINS))
    return Course(fate, activity)


def _draw_fate(firm: Firm, chance: float) -> Fate:
    shares: tuple[tuple[Fate, float], ...] = (
        ("ghosts", firm.ghosting_share),
        ("fades", firm.fading_share),
        ("pauses", firm.pausing_share),
        ("seasonal", firm.seasonal_share),
        ("moves", firm.moving_share),
    )
    for fate, share in shares:
        if chance < share:
            return fate
        chance -= share
    return "stays"
