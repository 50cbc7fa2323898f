"""Gaps and contacts have the distribution that was asked for."""

import numpy as np
import pytest

from detector.simulate import GAP_DISTRIBUTIONS, Firm, Mix, simulate
from detector.simulate.gap_distributions import draw_contacts, draw_gaps


def stream(seed=1):
    """Make a stream of random numbers."""
    return np.random.Generator(np.random.PCG64(seed))


@pytest.mark.parametrize("distribution", GAP_DISTRIBUTIONS)
def test_gaps_have_mean_one(distribution):
    """Whatever the distribution and the irregularity, a client's mean gap is its mean gap."""
    for irregularity in (0.15, 0.5, 1.2):
        assert draw_gaps(distribution, irregularity, 200_000, stream()).mean() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("distribution", ["gamma", "lognormal", "weibull"])
def test_gaps_spread_as_asked(distribution):
    """The irregularity is the standard deviation over the mean."""
    for irregularity in (0.15, 0.5, 1.2):
        assert draw_gaps(distribution, irregularity, 200_000, stream()).std() == pytest.approx(irregularity, rel=0.05)


def test_pauses_and_tails_are_longer():
    """Of one irregularity, pauses and a heavy tail make longer longest gaps than the other distributions."""
    longest = {
        distribution: np.quantile(draw_gaps(distribution, 0.3, 100_000, stream()), 0.995)
        for distribution in GAP_DISTRIBUTIONS
    }
    assert min(longest["pauses"], longest["heavy_tail"]) > 1.5 * max(
        longest[distribution] for distribution in GAP_DISTRIBUTIONS[:3]
    )


def test_contacts_keep_to_active_days():
    """No contact falls on a day without activity, and half the activity gives half the contacts."""
    activity = np.concatenate([np.ones(4000), np.zeros(1000), np.full(4000, 0.5)])
    days = np.array([day for day, _ in draw_contacts("gamma", 0.5, 4.0, activity, stream())])
    assert not ((days >= 4000) & (days < 5000)).any()
    assert (days < 4000).sum() == pytest.approx(1000, rel=0.1)
    assert (days >= 5000).sum() == pytest.approx(500, rel=0.1)


def test_contacts_are_in_order_and_within_the_day():
    """Contacts come in the order of time; the fraction of the day's hours is 0 to less than 1."""
    contacts = draw_contacts("lognormal", 0.8, 0.4, np.ones(500), stream())
    assert contacts == sorted(contacts)
    assert all(0 <= fraction < 1 for _, fraction in contacts)


def test_without_activity_there_is_no_contact():
    """Nothing happens in a span of weekends."""
    assert draw_contacts("gamma", 0.5, 1.0, np.zeros(2), stream()) == []


def test_clockwork_is_visible_in_the_events():
    """A weekly clockwork client without orders is heard every week, give or take a day and a weekend."""
    firm = Firm(
        clients=5,
        law="gamma",
        mean_gap_days_min=7,
        mean_gap_days_max=7,
        irregularity_min=0.05,
        irregularity_max=0.05,
        mix=Mix(email=0, meeting=0, message=0, order=0, ticket=0),
        ghosting_share=0,
        fading_share=0,
        pausing_share=0,
        seasonal_share=0,
        moving_share=0,
    )
    calls = [event for event in simulate(firm).events if event["direction"] == "inbound" and "automated" not in event]
    for number in range(1, 6):
        days = np.array(
            [np.datetime64(call["at"][:10]) for call in calls if call["client_id"] == f"client-000{number}"]
        )
        assert 50 <= len(days) <= 54
        assert np.diff(days).astype(int).min() >= 4
        assert np.diff(days).astype(int).max() <= 10
