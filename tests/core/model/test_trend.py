"""The decline of a signal: what its score is made of, what a threshold promises, and which levels are told."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.stats import EWMean
from scipy import stats

from detector.core.clock import DAY_S, NO_TIME_OFF
from detector.core.layout import TREND, new_trends
from detector.core.model import trend
from detector.core.primitives import normal
from detector.core.signals import SIGNAL_NUMBER, TRAITS
from schemas.incident import SIGNALS

UNTIMED = settings(deadline=None)  # the first call compiles
START_S = 1.5e9
NUMBERS = st.sampled_from(range(len(TRAITS)))
VALUES = {
    "days": st.floats(0.01, 400),
    "amount": st.floats(0.5, 1e7),
    "characters": st.integers(0, 20_000).map(float),
    "share": st.sampled_from([0.0, 1.0]),
    "score": st.floats(-1, 1),
}
HISTORIES = NUMBERS.flatmap(lambda k: st.tuples(st.just(k), st.lists(VALUES[TRAITS[k].unit], min_size=1, max_size=40)))


def taught(signal, values, every_days=7.0):
    """Give a trend that had these values, one every so many days, and their scores."""
    row = new_trends([signal if isinstance(signal, int) else SIGNAL_NUMBER[signal]])[0]
    return row, [
        trend.learn_value(row, START_S + k * every_days * DAY_S, value, NO_TIME_OFF) for k, value in enumerate(values)
    ]


def test_every_signal_that_can_decline_has_its_trait():
    """The table has each signal of declining_trend once."""
    assert sorted(trait.name for trait in TRAITS) == sorted(SIGNALS["declining_trend"])


def test_a_signal_keeps_its_number():
    """Stored trends name their signals by number: a number never changes, and new signals get the next ones."""
    numbers = {
        "contact_rate": 0, "order_rate": 1, "order_value": 2, "reply_latency": 3, "reply_length": 4,
        "meetings_kept": 5, "payment_delay": 6, "substance": 7, "sentiment": 8,
    }  # fmt: skip
    assert {name: SIGNAL_NUMBER[name] for name in numbers} == numbers


def test_a_trend_is_small():
    """A client may have nine of them, and there may be a million clients."""
    assert TREND.itemsize == 44


@UNTIMED
@given(HISTORIES)
def test_the_score_is_rivers_mean(history):
    """The trend's score is the EWMean of a neutral 0 and the normal scores of all values.

    As far as single precision goes: a score of 3 at most is rounded by 1.2e-7 at each value, and the mean of f = .1
    forgets, so that all roundings together stay below 1.2e-6. A threshold is 0.1 to 1.
    """
    signal, values = history
    row, scores = taught(signal, values)
    mean = EWMean(TRAITS[signal].fading)
    for z in [0.0, *scores]:
        mean.update(z)
    assert row.score == pytest.approx(mean.get(), abs=1.2e-6)


@UNTIMED
@given(HISTORIES, st.data())
def test_a_score_is_the_predictions_probability(history, data):
    """A value scores the normal value that is as improbable as the value is for SciPy's Student-t."""
    signal, values = history
    row, _ = taught(signal, values)
    df, location, scale = trend.prediction(row)
    value = data.draw(VALUES[TRAITS[signal].unit])
    exact = TRAITS[signal].decline * stats.norm.ppf(
        stats.t.cdf(trend.transformed(signal, value), df, loc=location, scale=scale)
    )
    z = trend.learn_value(row, START_S + 400 * DAY_S, value, NO_TIME_OFF)
    assert z == pytest.approx(min(max(exact, -3), 3), abs=0.031)


@UNTIMED
@given(st.floats(-3, 3), st.floats(4, 40))
def test_the_closed_forms_are_near_the_exact_ones(z, df):
    """Wallace's approximation errs by less than .031 from four degrees of freedom on, and is undone by its inverse."""
    t = normal.student_t(z, df)
    assert math.copysign(normal.normal_distance(t * t / df, df), t) == pytest.approx(z, abs=1e-9)
    assert z == pytest.approx(stats.norm.ppf(stats.t.cdf(t, df)), abs=0.031)
    assert normal.normal_quantile(float(stats.norm.cdf(z))) == pytest.approx(z, abs=5e-4)


@UNTIMED
@given(HISTORIES)
def test_transforming_is_undone(history):
    """A level is told in the unit in which the values came."""
    signal, values = history
    for value in values:
        assert trend.measured(signal, trend.transformed(signal, value)) == pytest.approx(value, rel=1e-9, abs=1e-9)


def test_the_first_value_scores_nothing():
    """There is nothing yet to compare it with."""
    row, scores = taught("order_value", [1e9])
    assert scores == [0.0]
    assert row.score == 0
    assert row.first_day == row.last_day == START_S // DAY_S


@pytest.mark.parametrize("trait", TRAITS, ids=lambda trait: trait.name)
def test_a_fall_crosses_and_a_rise_does_not(trait):
    """Each signal declines in its own direction, and in that only."""
    good, bad = {"days": (2, 20), "amount": (500, 50), "characters": (900, 60), "share": (1, 0), "score": (0.6, -0.6)}[
        trait.unit
    ]
    steady = [good, good * 1.1, good * 0.9] * 4 if trait.unit != "share" else [good] * 12
    row, _ = taught(trait.name, steady)
    assert not trend.crossed(row, 1.0)
    assert trend.crossed(taught(trait.name, [*steady, *[bad] * 8])[0], 1.0)
    assert taught(trait.name, [*[bad] * 12, *[good] * 8])[0].score < 0


def test_no_decline_before_the_eighth_value():
    """Seven values are no history, however bad the last ones were."""
    values = [1, 1, 1, 30, 30, 30, 30]
    assert trend.threshold(taught("contact_rate", values)[0], 1.0) == math.inf
    assert not trend.crossed(taught("contact_rate", values)[0], 1.0)
    assert trend.threshold(taught("contact_rate", [*values, 30])[0], 1.0) < math.inf


def test_the_threshold_follows_the_budget():
    """Fewer false alerts and more values a year both ask for a higher score; it never comes near 0."""
    weekly, _ = taught("contact_rate", [7] * 20)
    assert trend.threshold(weekly, 0.25) > trend.threshold(weekly, 1.0) > trend.threshold(weekly, 4.0)
    assert trend.threshold(taught("contact_rate", [1] * 20, every_days=1.0)[0], 1.0) > trend.threshold(weekly, 1.0)
    assert trend.threshold(taught("contact_rate", [400] * 20, every_days=400.0)[0], 4.0) > 0.1
    at_once, _ = taught("reply_latency", [1] * 20, every_days=0.0)
    assert trend.threshold(at_once, 1.0) < 2


@pytest.mark.parametrize("trait", TRAITS, ids=lambda trait: trait.name)
def test_the_threshold_holds_its_rate_in_control(trait):
    """Clients that do not change cross it about as often as the budget says, from the eighth value on.

    Thirty weekly values each of sixty clients; a trend is open until it has recovered.
    """
    rng = np.random.default_rng(7)
    clients, values, crossings, is_open = 60, 37, 0, False
    for _ in range(clients):
        row = new_trends([SIGNAL_NUMBER[trait.name]])[0]
        for k in range(values):
            normal_value = rng.standard_normal()
            value = {
                "days": 3 + 5 * normal_value if trait.name == "payment_delay" else math.exp(1 + 0.8 * normal_value),
                "amount": math.exp(5 + 0.6 * normal_value),
                "characters": math.exp(5 + 0.8 * normal_value),
                "share": float(normal_value < 1.0),
                "score": math.tanh(0.2 + 0.2 * normal_value),
            }[trait.unit]
            trend.learn_value(row, START_S + k * 7 * DAY_S, value, NO_TIME_OFF)
            was_open = k > 7 and is_open
            is_open = not trend.recovered(row, 1.0) if was_open else trend.crossed(row, 1.0)
            crossings += is_open and not was_open
    nominal = clients * (values - 7) * 7 / 365.25
    assert 0.2 < crossings / nominal < 1.6


def test_a_decline_is_over_at_half_the_threshold():
    """Between half the threshold and the threshold an incident neither opens nor ends."""
    row, _ = taught("order_value", [100, 110, 90] * 5)
    limit = trend.threshold(row, 1.0)
    row.score = 0.75 * limit
    assert not trend.crossed(row, 1.0)
    assert not trend.recovered(row, 1.0)
    row.score = 0.5 * limit
    assert trend.recovered(row, 1.0)


def test_levels_before_and_since_the_decline():
    """The level before is what was expected when the score rose, the level now the mean of what came since."""
    steady = [100, 105, 95, 100, 100, 110, 90, 115, 120]
    row, _ = taught("order_value", steady)
    assert row.score <= 0
    assert row.since_s == 0
    expected = math.exp(trend.prediction(row)[1])
    assert trend.levels(row)[:2] == pytest.approx((expected, expected))
    row, _ = taught("order_value", [*steady, 40, 60])
    assert row.since_s == START_S + 9 * 7 * DAY_S
    before, now, _ = trend.levels(row)
    assert before == pytest.approx(expected, rel=1e-6)
    assert now == pytest.approx(math.sqrt(40 * 60), rel=1e-6)
    row, _ = taught("order_value", [*steady, 40, *[300] * 8])
    assert (row.since_s, row.now_count) == (0, 0)


def test_a_slow_decline_does_not_move_the_first_half_year():
    """The first half-year stays what it was, and is told once it is over; then now is a multiple of it."""
    row, _ = taught("order_value", [100] * 26)
    assert math.isnan(trend.levels(row)[2])
    slow = [100 * 0.97**k for k in range(60)]
    row, _ = taught("order_value", [*[100] * 27, *slow])
    assert math.exp(row.baseline) == pytest.approx(100)
    before, now, multiple = trend.levels(row)
    assert multiple == pytest.approx(now / 100, rel=1e-5)
    assert multiple < before / 100 < 1


def test_the_first_half_year_has_eight_values_at_least():
    """A client that is seldom heard of has a baseline of its first eight values."""
    row, _ = taught("order_rate", [60] * 8, every_days=60.0)
    assert math.isnan(trend.levels(row)[2])
    row, _ = taught("order_rate", [60] * 8 + [120] * 8, every_days=60.0)
    assert math.exp(row.baseline) == pytest.approx(60, rel=1e-5)
    assert trend.levels(row)[2] > 1.4


@pytest.mark.parametrize("signal", ["payment_delay", "sentiment"])
def test_no_multiple_of_what_may_be_negative(signal):
    """Twice as late as two days early means nothing."""
    row, _ = taught(signal, [-0.5, 0.5] * 30)
    assert math.isnan(trend.levels(row)[2])


def test_late_values_do_not_move_the_clock_back():
    """A value that comes late counts, and the last value stays where it was."""
    row, _ = taught("sentiment", [0.1] * 3)
    last_day = row.last_day
    trend.learn_value(row, START_S, 0.1, NO_TIME_OFF)
    assert (row.last_day, row.count) == (last_day, 4)


def test_the_values_since_are_counted_up_to_their_limit():
    """A decline without end does not overflow its counter."""
    row, _ = taught("contact_rate", [1, 1, 1, 9])
    row.now_count = 65_535
    trend.learn_value(row, START_S + 60 * DAY_S, 9.0, NO_TIME_OFF)
    assert row.now_count == 65_535


def test_a_trend_of_very_many_values_keeps_their_rate():
    """Where their count stops, so does the last day: the mean time between them stays what it was."""
    row, _ = taught("sentiment", [0.1] * 30)
    row.count = 65_535
    between_days = trend.interval_days(row)
    trend.learn_value(row, START_S + 400 * DAY_S, 0.1, NO_TIME_OFF)
    assert (row.count, trend.interval_days(row)) == (65_535, between_days)


@UNTIMED
@given(HISTORIES, st.floats(0.01, 0.99))
def test_what_is_predicted_is_exceeded_with_its_probability(history, probability):
    """The prediction's quantile, in the signal's unit; it falls as the probability rises."""
    signal, values = history
    row, _ = taught(signal, values)
    df, location, scale = trend.prediction(row)
    value = trend.predicted(row, probability)
    reached = trend.transformed(signal, value) if math.isfinite(value) else math.inf
    if value > trend._LOG_VALUE_MIN:
        assert stats.t.sf((reached - location) / scale, df) == pytest.approx(probability, abs=0.01)
    assert trend.predicted(row, probability / 2) >= value
