"""Seasons of the firm: the activity of its clients swings over the year, together or each at its own time."""

from collections import Counter

import numpy as np
import pytest

from detector.simulate import Firm, simulate
from detector.simulate.simulation import draw_courses

NOBODY = {f"{outcome}_share": 0.0 for outcome in ("ghosting", "fading", "pausing", "seasonal", "moving")}


def acts_by_month(simulation):
    """Count what clients did themselves, apart from payments, by month."""
    return Counter(
        event["at"][5:7]
        for event in simulation.events
        if event["direction"] == "inbound" and "automated" not in event and event["kind"] != "payment"
    )


def test_the_low_is_in_august_and_the_year_has_as_many_contacts():
    """At a depth of .6 July and August have a quarter of the contacts of January and February, in a full year."""
    flat, swinging = (acts_by_month(simulate(Firm(clients=150, season_depth=depth, **NOBODY))) for depth in (0.0, 0.6))
    summer, winter = (sum(swinging[month] for month in months) for months in (("07", "08"), ("01", "02")))
    assert summer / winter == pytest.approx(0.4 / 1.6, abs=0.08)
    assert swinging.total() == pytest.approx(flat.total(), rel=0.05)


def test_each_client_may_have_its_own_season():
    """With half a year of spread the firm as a whole is even, while each client swings as far as before."""
    firm = Firm(clients=400, season_depth=0.6, season_spread_days=183, **NOBODY)
    activities = np.array([course.activity for _, course in draw_courses(firm)])
    working = activities[:, (activities > 0).all(axis=0)]
    assert working.mean(axis=0).min() > 0.9
    assert working.min(axis=1).max() < 0.42
    assert working.max(axis=1).min() > 1.58


def test_a_season_leaves_the_outcomes_as_they_are():
    """What becomes of each client does not depend on the season."""
    flat, swinging = (
        [course.outcome for _, course in draw_courses(Firm(season_depth=depth, season_spread_days=90))]
        for depth in (0.0, 0.9)
    )
    assert flat == swinging
