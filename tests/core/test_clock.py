"""Operational time: the identity where every day counts, and a clock that stands still on closed days."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.core.clock import (
    DAY_S,
    NEVER_S,
    NO_TIME_OFF,
    TimeOff,
    calendar,
    deadline_s,
    elapsed_days,
    to_epoch_s,
    to_operational_days,
)

MONDAY = 20_058  # days since the epoch: 2024-12-02
INSTANTS = st.floats((MONDAY - 40) * DAY_S, (MONDAY + 40) * DAY_S)
CLOSED = st.sets(st.integers(MONDAY - 50, MONDAY + 50))


def slow_days(at_s, closed):
    """Count the days that count one by one, and the part of the last one."""
    day = math.floor(at_s / DAY_S)
    whole = day - sum(other < day for other in closed)
    return whole + (0 if day in closed else at_s / DAY_S - day)


@given(st.floats(0, NEVER_S))
def test_where_every_day_counts_it_is_event_time_to_the_last_bit(at_s):
    """A calendar without closed days is the identity, so that nothing is paid for it."""
    assert to_operational_days(at_s, NO_TIME_OFF) == at_s / DAY_S
    assert to_epoch_s(at_s / DAY_S, NO_TIME_OFF) == at_s / DAY_S * DAY_S


@given(INSTANTS, CLOSED)
def test_closed_days_take_no_time(at_s, closed):
    """Operational time is the count of open days, and of the part of an open day."""
    assert to_operational_days(at_s, TimeOff(calendar(closed))) == pytest.approx(slow_days(at_s, closed))


@given(INSTANTS, INSTANTS, CLOSED)
def test_the_clock_never_goes_back(first_s, second_s, closed):
    """A later instant has no earlier operational time."""
    days = elapsed_days(min(first_s, second_s), max(first_s, second_s), TimeOff(calendar(closed)))
    assert 0 <= days <= abs(first_s - second_s) / DAY_S + 1e-9


@given(INSTANTS, CLOSED, st.floats(0, 60))
def test_a_deadline_never_lies_in_closed_time(last_s, closed, days):
    """A deadline comes after its days have passed, not more than a second later, and on an open day."""
    off = TimeOff(calendar(closed))
    at_s = deadline_s(last_s, days, off)
    assert math.floor(at_s / DAY_S) not in closed
    assert days - 1e-6 <= elapsed_days(last_s, at_s, off) <= days + 1.5 / DAY_S


def test_a_deadline_at_the_beginning_of_closed_days_moves_to_their_end():
    """Five days after a Monday noon that is followed by a closed weekend it is the next Monday noon."""
    off = TimeOff(calendar([MONDAY + 5, MONDAY + 6]))
    noon_s = (MONDAY + 0.5) * DAY_S
    assert deadline_s(noon_s, 5.0, off) == noon_s + 7 * DAY_S
    assert deadline_s(MONDAY * DAY_S, 5.0, off) == (MONDAY + 7) * DAY_S


def test_a_deadline_that_is_rounded_into_closed_days_moves_to_their_end():
    """The second after the last one of a Friday lies in the weekend, so it is the beginning of Monday."""
    off = TimeOff(calendar([MONDAY + 5, MONDAY + 6]))
    assert deadline_s((MONDAY + 4) * DAY_S, 1 - 0.25 / DAY_S, off) == (MONDAY + 7) * DAY_S


def test_a_deadline_beyond_all_time_is_never():
    """What would come after the last instant that a row can hold does not come."""
    assert deadline_s(1e9, 1e9, NO_TIME_OFF) == NEVER_S
    assert deadline_s(1e9, 1e9, TimeOff(calendar([MONDAY]))) == NEVER_S
