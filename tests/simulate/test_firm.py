"""Parameters that cannot be simulated are refused with the name and the rule."""

import math
from datetime import UTC, datetime

import pytest

from detector.simulate import Firm, Mix, Outage

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001  (that it has no time zone is the point)
MAY, JUNE = datetime(2025, 5, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"clients": 0}, "clients must be 1 or more"),
        ({"days": 0}, "days must be 1 to 3660"),
        ({"days": 3661}, "days must be 1 to 3660"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"end": NAIVE}, "end needs a time zone"),
        ({"end": datetime(2000, 1, 1, tzinfo=UTC)}, "end must be in 2001 or later"),
        ({"ghosting_share": -0.1}, "ghosting_share must be 0 to 1"),
        ({"evening_share": math.nan}, "evening_share must be 0 to 1"),
        ({"ghosting_share": 0.9, "fading_share": 0.9}, "the shares of the outcomes must not add up to more than 1"),
        ({"key_account_share": 0.6, "small_share": 0.6}, "key_account_share and small_share must not add up"),
        ({"law": "poisson"}, "law must be one of mixed, gamma, lognormal, weibull, pauses, heavy_tail"),
        ({"mean_gap_days_min": 0.0}, "mean_gap_days_min must be 0.1 or more"),
        ({"mean_gap_days_min": 9.0, "mean_gap_days_max": 8.0}, "mean_gap_days_max not less than it"),
        ({"irregularity_min": 0.0}, "irregularity_min and _max must be 0.05 to 3.0"),
        ({"irregularity_max": 9.0}, "irregularity_min and _max must be 0.05 to 3.0"),
        ({"mix": Mix(*[0.0] * 6)}, "mix needs weights of 0 or more"),
        ({"mix": Mix(call=-1.0)}, "mix needs weights of 0 or more"),
        ({"loyalty": -0.1}, "loyalty must be 0 to 2"),
        ({"loyalty": math.nan}, "loyalty must be 0 to 2"),
        ({"fade_depth": 1.1}, "fade_depth must be 0 to 1"),
        ({"fading_signals": 0}, "fading_signals must be 1 to 8"),
        ({"fading_signals": 9}, "fading_signals must be 1 to 8"),
        ({"season_depth": 1.0}, "season_depth must be 0 to 0.95"),
        ({"season_spread_days": 200.0}, "season_spread_days must be 0 to 183"),
        ({"time_zone": "Berlin"}, "time_zone 'Berlin' is not known"),
    ],
)
def test_wrong_parameters_are_named(wrong, rule):
    """A wrong parameter is a ValueError that says which one and what it must be."""
    with pytest.raises(ValueError, match=rule):
        Firm(**wrong)


@pytest.mark.parametrize(
    ("source", "start", "end", "rule"),
    [
        ("fax", MAY, JUNE, "outage source must be one of emails, calls, orders, not 'fax'"),
        ("calls", NAIVE, JUNE, "outage start and end need a time zone"),
        ("calls", MAY, NAIVE, "outage start and end need a time zone"),
        ("calls", JUNE, JUNE, "outage must end after it starts"),
    ],
)
def test_wrong_outages_are_named(source, start, end, rule):
    """A wrong outage is a ValueError that says what it must be."""
    with pytest.raises(ValueError, match=rule):
        Outage(source, start, end)


def test_shares_may_add_up_to_one():
    """All clients of a firm may have an outcome other than to stay, and rounding does not forbid it."""
    Firm(ghosting_share=0.1, fading_share=0.2, pausing_share=0.3, seasonal_share=0.3, moving_share=0.1)


def test_days_are_counted_from_a_monday_in_the_firms_time_zone():
    """A span that starts on a Sunday evening in UTC starts on Monday in Ho Chi Minh City."""
    firm = Firm(days=7, end=datetime(2026, 1, 11, 20, tzinfo=UTC), time_zone="Asia/Ho_Chi_Minh")
    assert (firm.monday.isoformat(), firm.first_day, firm.last_day) == ("2026-01-05", 0, 7)
