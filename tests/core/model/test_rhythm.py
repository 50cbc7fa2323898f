"""The silence rule: what a deadline promises, and what a client's own long gaps change."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.clock import DAY_S, NEVER_S, NO_TIME_OFF
from detector.core.layout import new_clients, new_segments
from detector.core.model import rhythm
from detector.core.model import segment as population

SESSION_DAYS = 20 / 24
UNTIMED = settings(deadline=None)  # the first call compiles
GAPS = st.lists(st.floats(0.01, 400), min_size=4, max_size=40)


def taught(gaps, segments=None):
    """Give a client that had these gaps, in days, and its segment."""
    segments = new_segments(1) if segments is None else segments
    segments["contact"]["budget"] = 1.0
    population.refit(segments, 0)
    silence = new_clients(1)[0].contact
    at_s = 1.5e9
    rhythm.learn_contact(silence, segments[0].contact, at_s, SESSION_DAYS, NO_TIME_OFF)
    for gap in gaps:
        at_s += gap * DAY_S
        rhythm.learn_contact(silence, segments[0].contact, at_s, SESSION_DAYS, NO_TIME_OFF)
    return silence, segments[0].contact


def test_no_deadline_before_the_third_gap():
    """Two gaps are no rhythm; the third sets a deadline after the last contact."""
    assert taught([7, 7])[0].incident.next_s == NEVER_S
    silence, _ = taught([7, 7, 7])
    assert silence.last_s < silence.incident.next_s < NEVER_S


def test_deadlines_are_whole_seconds():
    """A deadline is a whole second, so that the last bit of a logarithm moves nothing."""
    silence, population_ = taught([6.3, 7.7, 8.1])
    probability = rhythm.alert_probability(silence, population_)
    deadline_s = rhythm.next_deadline_s(silence, population_, probability, NO_TIME_OFF)
    assert deadline_s == math.floor(deadline_s) == silence.incident.next_s


def test_contacts_of_one_session_are_one_contact():
    """A contact within the session moves the last contact and the deadline, and is no gap."""
    before, _ = taught([7, 7, 7])
    after, _ = taught([7, 7, 7, 0.5])
    assert after.gaps == before.gaps
    assert after.incident.next_s == before.incident.next_s + DAY_S / 2


@UNTIMED
@given(GAPS)
def test_the_deadline_keeps_its_promise(gaps):
    """P(gap > deadline) is the budget's share of a year for this rhythm."""
    silence, segment = taught(gaps)
    if silence.gaps >= rhythm.GAPS_MIN:
        alpha = rhythm.alert_probability(silence, segment)
        by = rhythm.measure(silence, segment)
        days = rhythm.outlasted_days(segment, by, -math.log(alpha))
        assert rhythm.survival(segment, by, days) == pytest.approx(alpha, rel=1e-6)


@UNTIMED
@given(GAPS, st.floats(0.1, 12))
def test_own_long_gaps_only_make_alerts_earlier(gaps, y):
    """A client's own record never allows a longer silence than its population does."""
    silence, segment = taught(gaps)
    own = rhythm.outlasted_days(segment, rhythm.measure(silence, segment), y)
    silence.longest_s = silence.second_s = silence.third_s = 0
    assert own <= rhythm.outlasted_days(segment, rhythm.measure(silence, segment), y) * (1 + 1e-9)


@UNTIMED
@given(GAPS)
def test_the_three_longest_gaps_are_kept(gaps):
    """Whatever their order, the three longest gaps of all history are known."""
    silence, _ = taught([gap + 1 for gap in gaps])
    longest_s = sorted(((gap + 1) * DAY_S for gap in gaps), reverse=True)[:3]
    assert [silence.longest_s, silence.second_s, silence.third_s] == pytest.approx(longest_s, abs=1)


def test_gaps_are_counted_up_to_their_limit():
    """More gaps than a row can count weigh what as many weigh."""
    silence, segment = taught([7] * 5)
    silence.gaps = 65_535
    rhythm.learn_gap(silence, segment, 7.0)
    assert silence.gaps == 65_535


@UNTIMED
@given(GAPS)
def test_survival_falls(gaps):
    """A longer silence is never more likely."""
    silence, segment = taught(gaps)
    by = rhythm.measure(silence, segment)
    chances = [rhythm.survival(segment, by, 10 ** (k / 5)) for k in range(-5, 15)]
    assert chances == sorted(chances, reverse=True)
    assert 0 <= chances[-1] <= chances[0] <= 1


def test_a_clockwork_client_is_missed_sooner_than_an_irregular_one():
    """Thirty regular weeks allow a shorter silence than thirty irregular ones of the same mean."""
    regular, _ = taught([7.0] * 30)
    irregular, _ = taught([1.0, 13.0] * 15)
    assert regular.incident.next_s - regular.last_s < irregular.incident.next_s - irregular.last_s


def test_no_deadline_is_before_the_median_gap():
    """However many false alerts are allowed: at most every second gap of a client raises one."""
    silence, segment = taught([30.0] * 8)
    segment.budget = 1000.0
    assert rhythm.alert_probability(silence, segment) == 0.5


@pytest.mark.parametrize(("days", "expected"), [(0.5, 0), (1, 1), (1.9, 1), (2, 2), (127, 7), (128, 8), (9999, 8)])
def test_rhythm_bins_double(days, expected):
    """Bins end at 1, 2, 4, ... 128 days."""
    assert rhythm.rhythm_bin(days) == expected


def test_completed_gaps_teach_the_segment():
    """From the fourth gap on a client's gaps are counted in its segment, and the fit follows them."""
    segments = new_segments(1)
    taught([7.0] * 30, segments)
    assert segments[0].contact.completed.sum() == 27
    assert segments[0].contact.settled == 1
    narrow = segments[0].contact.minus_log_survival.copy()
    population.refit(segments, 0)
    assert segments[0].contact.fitted_gaps == 27
    assert not np.array_equal(narrow, segments[0].contact.minus_log_survival)
    assert segments[0].contact.prior_gap_days < population.DEFAULT_GAP_DAYS


def test_a_refit_of_the_same_sums_is_the_same():
    """Refitting depends on the sums alone."""
    segments = new_segments(1)
    taught([3.0, 9.0, 4.0, 30.0, 5.0, 2.0], segments)
    population.refit(segments, 0)
    once = segments.tobytes()
    population.refit(segments, 0)
    assert segments.tobytes() == once
