"""What alerts said of a return, against what came true: judged where the log shows it, against a constant."""

import math

import numpy as np
import pytest

from detector.backtest.outlook import Moments, reliability
from detector.core.clock import DAY_S


def moments(rows):
    """Build moments of rows: the day, the day on which the client was heard, and what was said of 30 days."""
    at, heard, said = (np.array(column, float) for column in zip(*rows, strict=True))
    days = np.tile([30.0, 90.0, 90.0], (len(rows), 1))
    return Moments(at * DAY_S, heard * DAY_S, days, np.tile(said, (3, 1)).T)


def test_alerts_are_judged_by_what_followed():
    """Means, Brier scores and bins of four alerts, by hand; the constant is the share that was known at each."""
    rows = [(0, 10, 0.2), (1, math.inf, 0.7), (100, 110, 0.75), (200, 300, 1.0)]
    thirty, *_ = reliability(moments(rows), 1000 * DAY_S)
    assert (thirty.horizon, thirty.alerts) == ("30 days", 4)
    assert thirty.said == pytest.approx((0.2 + 0.7 + 0.75 + 1) / 4)
    assert thirty.true == 0.5
    assert thirty.brier == pytest.approx((0.2**2 + 0.3**2 + 0.75**2 + 0) / 4)
    shares = 0.5, 0.5, 1.5 / 3, 1.5 / 4
    assert thirty.brier_constant == pytest.approx(
        sum((share - silent) ** 2 for share, silent in zip(shares, (0, 1, 0, 1), strict=True)) / 4
    )
    assert thirty.skill == pytest.approx(1 - thirty.brier / thirty.brier_constant)
    counts = {bin_.low: (bin_.alerts, bin_.said, bin_.true) for bin_ in thirty.bins if bin_.alerts}
    assert counts == {0.2: (1, 0.2, 0), 0.7: (2, pytest.approx(0.725), 0.5), 0.9: (1, 1.0, 1)}


def test_an_alert_whose_days_end_after_the_log_has_no_part():
    """Also if its client came back: else the returns of the last month would count, and its silences not."""
    rows = [(0, 10, 0.2), (80, 85, 0.3)]
    thirty, ninety, gone = reliability(moments(rows), 100 * DAY_S)
    assert (thirty.alerts, ninety.alerts, gone.alerts) == (1, 1, 1)
    nothing, *_ = reliability(moments(rows), 29 * DAY_S)
    assert (nothing.alerts, nothing.brier, nothing.skill, nothing.bins) == (0, None, None, [])


def test_moments_are_the_openings_and_escalations_of_a_log(event, run):
    """A client that is silent for good is judged twice: as it was opened, and as it was escalated."""
    contacts = [event("ann", 7 * week) for week in range(20)] + [event("bob", day) for day in range(0, 600, 20)]
    found = run(sorted(contacts, key=lambda one: one["at"]), budgets=(1.0,))
    horizons = found.judged[0].reliability
    assert [one.alerts for one in horizons] == [2, 2, 2]
    assert [one.true for one in horizons] == [1, 1, 1]
    assert all(0 < one.said < 1 for one in horizons)
    incident, *_ = found.judged[0].incidents
    assert incident.escalated_s is not None
