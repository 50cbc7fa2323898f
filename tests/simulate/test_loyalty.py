"""Loyal firms: the chance that a client leaves falls with the contacts that it has had."""

import math

import numpy as np
import pytest

from detector.simulate import Firm, simulate
from detector.simulate.simulation import draw_courses

CLIENTS = 6000
GAPS_EDGES = np.linspace(math.log(1.6), math.log(250), 9)


def courses(loyalty):
    """Draw who the clients of a large firm are and what becomes of them, without their events."""
    firm = Firm(clients=CLIENTS, loyalty=loyalty)
    return firm, list(draw_courses(firm))


def slope_of_leaving(firm, drawn):
    """Measure the slope of the logarithm of the daily chance to leave over the logarithm of the gaps so far."""
    days_at_risk, departures = np.zeros(len(GAPS_EDGES) - 1), np.zeros(len(GAPS_EDGES) - 1)
    for client, course in drawn:
        gone = course.outcome == "ghosts"
        # Ghosts leave between .40 and .98 of the span.
        days = np.arange(int(0.4 * firm.days), int(0.98 * firm.days))
        days = days[days <= course.begins - firm.first_day] if gone else days
        gaps = np.log(days / client.mean_gap_days)
        days_at_risk += np.histogram(gaps, GAPS_EDGES)[0]
        departures += np.histogram(gaps[-1:] if gone else [], GAPS_EDGES)[0]
    middles = (GAPS_EDGES[1:] + GAPS_EDGES[:-1]) / 2
    return np.polyfit(middles, np.log(departures / days_at_risk), 1, w=np.sqrt(departures))[0]


@pytest.mark.parametrize(("loyalty", "slope"), [(0.0, 0.0), (0.3, -0.3), (0.7, -0.7), (1.0, -1.0)])
def test_leaving_gets_rarer_with_the_gaps_so_far(loyalty, slope):
    """The chance to leave falls with the number of gaps to the power of the loyalty; without loyalty it is even."""
    firm, drawn = courses(loyalty)
    assert slope_of_leaving(firm, drawn) == pytest.approx(slope, abs=0.1)


@pytest.mark.parametrize(("loyalty", "early"), [(0.0, 0.5), (1.0, math.log(0.69 / 0.4) / math.log(0.98 / 0.4))])
def test_a_loyal_client_that_leaves_leaves_early(loyalty, early):
    """The longer a client stayed, the likelier it stays: more ghosts leave in the first half of the time than later."""
    firm = Firm(clients=CLIENTS, seed=2, loyalty=loyalty, ghosting_share=0.3)
    begins = [course.begins - firm.first_day for _, course in draw_courses(firm) if course.outcome == "ghosts"]
    # They leave between .40 and .98 of the span, and .69 is the middle.
    assert np.mean([day < 0.69 * firm.days for day in begins]) == pytest.approx(early, abs=0.03)


@pytest.mark.parametrize("loyalty", [0.3, 0.7, 1.0])
def test_as_many_leave_as_before(loyalty):
    """Loyalty decides who leaves and when, not how many: a fifth of the clients, as the shares ask for."""
    _, drawn = courses(loyalty)
    leaving = sum(course.outcome in ("ghosts", "fades") for _, course in drawn)
    assert leaving / CLIENTS == pytest.approx(0.2, abs=0.01)


def test_leaving_shares_that_do_not_fit_are_cut():
    """Where the rare clients would leave with more than certainty, they all leave, and no other share suffers."""
    firm = Firm(clients=2000, loyalty=2.0, ghosting_share=0.5, pausing_share=0.2, seasonal_share=0.0, moving_share=0.0)
    drawn = list(draw_courses(firm))
    slow = [course.outcome for client, course in drawn if client.mean_gap_days > 80]
    assert set(slow) == {"ghosts", "fades", "pauses"}
    pausing = sum(course.outcome == "pauses" for _, course in drawn)
    assert pausing / len(drawn) == pytest.approx(0.2, abs=0.03)


def test_loyalty_changes_nothing_but_who_leaves_and_when():
    """Clients with the same outcome have the same events, whatever the loyalty."""
    plain, loyal = (simulate(Firm(clients=60, days=200, loyalty=loyalty)) for loyalty in (0.0, 0.7))
    same = [
        truth.client_id
        for truth, other in zip(plain.truths, loyal.truths, strict=True)
        if truth == other and truth.outcome == "stays"
    ]
    assert len(same) > 20
    for client_id in same:
        assert [event for event in plain.events if event["client_id"] == client_id] == [
            event for event in loyal.events if event["client_id"] == client_id
        ]
