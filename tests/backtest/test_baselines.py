"""The simple rules and their tuning in hindsight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detector.backtest.alarms import alarms_after
from detector.backtest.baselines import SCALES, baselines, tuned_factor
from detector.backtest.silences import Silences
from detector.core.clock import DAY_S


def some(days, returned, mean_days):
    """Give silences of one client after its third gap."""
    count = len(days)
    return Silences(
        client=np.zeros(count, np.int64),
        begin_s=np.zeros(count),
        end_s=np.asarray(days) * DAY_S,
        returned=np.asarray(returned),
        gaps=np.full(count, 3),
        own_mean_days=np.asarray(mean_days),
        mean_days=np.asarray(mean_days),
        log_start_s=0.0,
        log_end_s=1000 * DAY_S,
    )


def test_fixed_days_are_tuned_to_the_false_alerts(silences):
    """Of Ann's watched gaps of 10, 10 and 40 days and Bob's of 5, one false alert is allowed: the limit is ten days."""
    rules = {rule.name: rule for rule in baselines(silences, 1)}

    fixed = rules["fixed days"]
    assert fixed.factor == pytest.approx(10)
    assert (fixed.score.alerts, fixed.score.false_alerts) == (2, 1)
    assert fixed.score.delay.days_median == pytest.approx(10)
    assert fixed.score.delay.alerted == 1  # Ann's last silence is not longer than ten days


def test_fourteen_days_are_not_tuned(silences):
    """They are what people do now: whatever false alerts come of it."""
    (everybody,) = [rule for rule in baselines(silences, 0) if not rule.tuned]

    assert (everybody.factor, everybody.score.alerts, everybody.score.false_alerts) == (14, 2, 1)


def test_scales_are_what_their_names_say(silences):
    """At Ann's silence after five gaps of ten days."""
    m = silences.mean_days[5]
    found = {name: float(scale(silences)[5]) for name, scale in SCALES.items()}

    assert found == pytest.approx({"t / sqrt(m)": m**0.5, "k x mean": 10, "k x shrunk mean": m, "fixed days": 1})


def test_nothing_to_tune_on_leaves_the_tuned_rules_out(silences):
    """With as many false alerts as there are silences that ended, every limit is low enough."""
    assert [rule.name for rule in baselines(silences, 4)] == ["14 days for all"]


positive = st.floats(0.01, 1000, allow_nan=False)


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(arrays(float, n, elements=positive), arrays(float, n, elements=positive), st.integers(0, n - 1))))  # fmt: skip  # noqa: E501
def test_tuning_never_gives_more_false_alerts_than_allowed(drawn):
    """And with less of a limit there would be more of them, or as many as without ties."""
    days, scale, allowed = drawn
    found = some(days, np.ones(len(days), bool), scale)

    factor = tuned_factor(found, scale, allowed)

    assert int(alarms_after(found, factor * scale).false.sum()) <= allowed
    assert int(alarms_after(found, factor * (1 - 1e-6) * scale).false.sum()) > allowed
