"""Dense streams: a level that changes on one day is seen, one that stays is not, and a reader is told."""

import numpy as np
import pytest

from detector.backtest.levels import shifts
from detector.backtest.notes import notes
from detector.backtest.result import as_json

DAY_S, START_S = 86_400.0, 1_699_920_000.0  # a midnight
DAYS = 730


def times(a_day):
    """Draw the times of what happens so often on each day."""
    random = np.random.default_rng(3)
    return np.concatenate(
        [START_S + DAY_S * (day + random.uniform(size=random.poisson(a_day(day)))) for day in range(DAYS)]
    )


def found(a_day):
    """Give the day by which each change was seen, and both levels."""
    told = shifts("mails", times(a_day), START_S, START_S + DAYS * DAY_S)
    return [(round((one.seen_s - START_S) / DAY_S), one.before, one.now) for one in told]


@pytest.mark.parametrize("a_day", [lambda _: 20, lambda day: 20 if day % 7 < 5 else 1, lambda _: 0.2])
def test_a_level_that_stays_is_not_told(a_day):
    """Neither chance nor the course of the week is a change."""
    assert found(a_day) == []


def test_a_level_that_halves_is_told_once():
    """Within weeks, with what it was and is."""
    ((day, before, now),) = found(lambda day: 20 if day < 200 else 10)
    assert 200 < day < 240
    assert (before, now) == (pytest.approx(20, rel=0.1), pytest.approx(10, rel=0.3))


def test_a_gap_in_a_feed_is_told_with_its_end():
    """Down, and up again."""
    down, up = found(lambda day: 0 if 200 <= day < 240 else 20)
    assert 200 < down[0] < 215
    assert down[1] > down[2]
    assert 240 < up[0] < 270
    assert up[1] < up[2]


def test_a_log_too_short_for_a_level_has_no_change():
    """Also one of a single second, and one without a whole day."""
    assert shifts("mails", np.full(3, START_S), START_S, START_S) == []
    assert shifts("mails", times(lambda _: 20), START_S, START_S + 20 * DAY_S) == []


def test_the_reader_is_told(run, event):
    """A client of all that stops writing for good on one day is a feed that broke: notes and JSON say so."""
    events = [event(f"client-{c}", day + c / 100) for day in range(400) for c in range(20) if day < 200 or c < 4]
    told = run(events)
    (shift,) = told.shifts
    assert shift.before == pytest.approx(20, abs=0.1)
    assert shift.now < 20
    assert any("a feed that breaks" in note for note in notes(told))
    assert [one["stream"] for one in as_json(told)["log"]["level_shifts"]] == ["contacts"]
    assert as_json(told)["budgets"][0]["level_shifts"] == []


def test_a_segment_whose_alerts_become_more_is_told(run, event):
    """Alerts a day are a dense stream of each segment."""
    events = [
        event(f"client-{c}", day, segment="shops" if c % 2 else "firms")
        for day in range(0, 700, 2)
        for c in range(60)
        if day < 400 or c % 2 == 0 or (day + 7 * c) % 30 < 3
    ]
    (judged,) = run(events, budgets=(4.0,)).judged
    assert {shift.stream for shift in judged.shifts} == {"shops"}
    assert judged.shifts[0].now > judged.shifts[0].before
