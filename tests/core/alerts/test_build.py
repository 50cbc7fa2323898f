"""Alerts of many effects at once are those of each of them alone, whole, and without a hole."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.core.alerts.build import Names, build_alerts
from detector.core.clock import instants, rfc3339
from detector.core.engine.shard import Shard
from detector.core.incidents.effect import EFFECT
from detector.core.lifecycle import SIGNAL_WORDS
from tests.builders import POLICY, data, interaction, run

YEAR_9999_S = 253_402_300_799


@given(st.lists(st.floats(0, YEAR_9999_S) | st.integers(0, YEAR_9999_S).map(float) | st.just(math.nan)))
def test_many_instants_are_told_as_each_of_them(at_s):
    """In the same words, to the microsecond; none is known for what is no number."""
    assert instants(np.array(at_s)) == [None if math.isnan(one) else rfc3339(one) for one in at_s]


def effects(count):
    """Make effects of which all numbers are 0, and the words that belong to them."""
    names = Names("app", ["ann"] * count, [None] * count, ["default"] * count, [[None]] * count, [[]] * count)
    return np.zeros(count, EFFECT), names


@pytest.mark.parametrize("field", ["mean_gap_days", "longest_gap_days", "prior_weight", "false_alerts_per_client_year"])
@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_number_that_is_always_known_may_not_be_missing(field, number):
    """The encoder would write a null, which the contract does not allow."""
    made, names = effects(3)
    made[field][1] = number
    with pytest.raises(ValueError, match=field):
        list(build_alerts(made, names))


@pytest.mark.parametrize("field", ["before", "now", "score", "threshold"])
def test_nor_a_number_of_a_decline(field):
    """They are missing in the effect of a silence, where nobody reads them."""
    made, names = effects(3)
    made[field] = math.nan
    assert len(list(build_alerts(made, names))) == 3
    made["signal"][1] = SIGNAL_WORDS.index("order_value")
    with pytest.raises(ValueError, match=field):
        list(build_alerts(made, names))


def test_each_alert_is_that_of_its_effect():
    """Silences and declines of two clients, told together, are what each client's own shard tells."""
    days = [*range(0, 140, 7), *range(150, 400, 25), 900]

    def told(*clients):
        events = [interaction(day, client) for day in days for client in clients]
        return data(run(Shard(POLICY), events, 2000))

    whole = told("ann", "bob")
    assert {one["type"] for one in whole} == {"silence_exceeded", "declining_trend"}
    for client in ("ann", "bob"):
        assert [one["transition"] for one in whole if one["client_id"] == client] == [
            one["transition"] for one in told(client)
        ]
