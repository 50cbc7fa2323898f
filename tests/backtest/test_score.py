"""Every figure, on a log that can be judged by hand (see the fixture `silences`)."""

import numpy as np
import pytest

from detector.backtest.alarms import alarms_after, placed
from detector.backtest.score import calibration, score

DAY_S, START_S = 86_400.0, 1_700_000_000.0
YEAR = 365.25


def test_alerts_and_what_became_of_them(silences, alarms):
    """Two alerts in 100 days, one of them false."""
    found = score(silences, alarms((5, 25.0, True), (11, 16.0, False)))

    assert (found.alerts, found.false_alerts) == (2, 1)
    assert found.alerts_per_week == pytest.approx(2 / (100 / 7))
    assert found.share_without_return == pytest.approx(0.5)


def test_delay_is_that_of_the_last_silences(silences, alarms):
    """Bob was alerted after 16 days; Ann's last silence ended with the log after ten days, without an alert."""
    delay = score(silences, alarms((5, 25.0, True), (11, 16.0, False))).delay

    ann, bob = silences.mean_days[6], silences.mean_days[11]
    assert (delay.silences, delay.alerted) == (2, 1)
    assert delay.days_median == pytest.approx(16)
    assert delay.own_gaps_median == pytest.approx(16 / bob)
    assert delay.missed_contacts_mean == pytest.approx((10 / ann + 16 / bob) / 2)


def test_the_promise_is_for_the_time_watched(silences, alarms):
    """Ann is watched from day 30 to 75 and from 90 to 100, Bob from day 15 to 36: 76 days, at three a year."""
    overall = calibration(silences, alarms((5, 25.0, True), (11, 16.0, False)), 3.0).overall

    assert overall.client_years == pytest.approx((45 + 10 + 21) / YEAR)
    assert overall.nominal == pytest.approx(3 * 76 / YEAR)
    assert overall.realised_over_nominal == pytest.approx(1 / (3 * 76 / YEAR))


def test_counting_only_silences_that_ended(silences, alarms):
    """Ann's from day 30 to 90, and Bob's from day 15 to 20, whole."""
    ended = calibration(silences, alarms((5, 25.0, True), (11, 16.0, False)), 1.0).ended_silences

    assert ended.client_years == pytest.approx(65 / YEAR)


def test_parts_add_up_to_the_whole(silences, alarms):
    """Each way of parting the watched time gives all of it, and every false alert once."""
    found = calibration(silences, alarms((3, 8.0, True), (5, 25.0, True), (11, 16.0, False)), 1.0)

    for parts in (found.by_rhythm, found.by_history, found.by_third):
        assert sum(part.client_years for part in parts) == pytest.approx(found.overall.client_years)
        assert sum(part.false_alerts for part in parts) == found.overall.false_alerts == 2


def test_parts_by_history_and_third(silences, alarms):
    """The false alert of day 75 comes after five gaps, in the last third; day 33.3 and 66.7 part the log."""
    found = calibration(silences, alarms((5, 25.0, True)), 1.0)

    assert [rate.false_alerts for rate in found.by_history] == [1, 0, 0, 0]
    assert [rate.false_alerts for rate in found.by_third] == [0, 0, 1]
    ann, bob = 100 / 3 - 30, 100 / 3 - 15
    assert found.by_third[0].client_years == pytest.approx((ann + bob) / YEAR)


def test_parts_by_rhythm(silences, alarms):
    """Bob's shrunk mean gap is between 4 and 14 days, and so is Ann's but for the last, which is longer."""
    found = calibration(silences, alarms(), 1.0)

    assert silences.mean_days[6] > 14
    assert [rate.label for rate in found.by_rhythm] == ["< 4 days", "4-14 days", "14-45 days", "> 45 days"]
    assert [rate.client_years * YEAR for rate in found.by_rhythm] == pytest.approx([0, 60 + 85, 10, 0])


def test_nothing_promised_is_no_ratio(silences, alarms):
    """Where nobody was watched there is nothing to divide by."""
    found = calibration(silences, alarms(), 1.0)

    assert found.by_rhythm[0].realised_over_nominal is None
    assert score(silences, alarms()).share_without_return is None
    assert score(silences, alarms()).delay.days_median is None


def test_incidents_find_their_silences(silences):
    """An incident belongs to the last silence that had begun by its opening, in whatever order they come."""
    opened_s = START_S + DAY_S * np.array([36.0, 75.0, 30.0])

    found = placed(silences, np.array([1, 0, 0]), opened_s, np.array([False, True, True]))

    assert found.silence.tolist() == [11, 5, 3]
    assert found.days.tolist() == pytest.approx([16, 25, 0])
    assert found.at_s(silences).tolist() == pytest.approx(opened_s.tolist())


def test_a_limit_is_passed_only_by_longer_silences_that_are_watched(silences):
    """Ten days for all: Ann's forty and Bob's eighty are longer; what came before the third gap does not count."""
    found = alarms_after(silences, np.full(12, 10.0))

    assert found.silence.tolist() == [5, 11]
    assert found.false.tolist() == [True, False]
    assert found.days.tolist() == [10, 10]
