"""Instants are moved into opening hours, forwards and backwards, and left alone when they are open."""

from hypothesis import given
from hypothesis import strategies as st

from detector.simulate.hours import DAY_S, EVENING, HOUR_S, OFFICE, is_weekend

FRIDAY, MONDAY = 4, 7
hours_of_someone = st.sampled_from((OFFICE, EVENING))
instants = st.integers(0, 100 * DAY_S)


def at(day, hour, minute=0):
    """Give the instant of a time of day."""
    return day * DAY_S + hour * HOUR_S + minute * 60


def test_after_hours_means_next_morning():
    """Friday evening's work is done on Monday morning, early mail at opening, and the minute is kept."""
    assert OFFICE.at_or_after(at(FRIDAY, 20, 15)) == at(MONDAY, 8, 15)
    assert OFFICE.at_or_after(at(FRIDAY, 5, 30)) == at(FRIDAY, 8, 30)
    assert OFFICE.at_or_after(at(FRIDAY, 18)) == at(MONDAY, 8)


def test_before_hours_means_the_evening_before():
    """What must be done before Monday morning is done on Friday in the last hour."""
    assert OFFICE.at_or_before(at(MONDAY, 7, 15)) == at(FRIDAY, 17, 15)
    assert OFFICE.at_or_before(at(FRIDAY, 18)) == at(FRIDAY, 17)


@given(hours=hours_of_someone, instant_s=instants)
def test_moved_instants_are_open_and_on_the_right_side(hours, instant_s):
    """Both ways lead into the hours of a weekday, never across the instant, and leave an open instant alone."""
    after, before = hours.at_or_after(instant_s), hours.at_or_before(instant_s)
    assert before <= instant_s <= after
    for moved in (before, after):
        assert not is_weekend(moved // DAY_S)
        assert hours.opens_s <= moved % DAY_S < hours.closes_s
        assert hours.at_or_after(moved) == hours.at_or_before(moved) == moved


@given(hours=hours_of_someone, fraction=st.floats(0, 1, exclude_max=True))
def test_a_fraction_of_the_hours_is_open(hours, fraction):
    """Any fraction of a Monday's hours is open."""
    assert hours.at_or_after(hours.instant(0, fraction)) == hours.instant(0, fraction)
