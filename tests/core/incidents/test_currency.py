"""A trend of amounts belongs to one currency: it begins anew when the currency changes."""

import pytest

from detector.core.engine.shard import Policy, Shard
from detector.core.signals import SIGNAL_NUMBER
from tests.builders import SOURCES, START_S, data, interaction, run

POLICY = Policy(
    sources=SOURCES, learning_gaps_min=0, false_alerts_per_client_year=1e-4, false_overdue_per_client_year=1e-6
)
EURO = 1.95583  # levs


def orders(amounts, currency, first=0):
    """Build one order a week."""
    said = {} if currency is None else {"currency": currency}
    return [interaction(7 * (first + week), kind="order", amount=amount, **said) for week, amount in enumerate(amounts)]


def levs(count):
    """Return so many usual amounts."""
    return [(180.0, 200.0, 220.0)[k % 3] for k in range(count)]


def declines(shard, interactions, until_week):
    """Apply interactions; return the alerts about declines."""
    return [one for one in data(run(shard, interactions, 7 * until_week)) if one["type"] == "declining_trend"]


def trend_of_amounts(shard):
    """Return the trend of the value of a client's orders."""
    table = shard.table
    return table.trends[table.trend_of[0, SIGNAL_NUMBER["order_value"]]]


def test_a_country_that_joins_the_euro_declines_in_nothing():
    """The same orders in the new currency are half the number: nothing is alerted, the trend begins anew."""
    shard = Shard(POLICY)
    euros = [amount / EURO for amount in levs(20)]
    assert declines(shard, [*orders(levs(40), "BGN"), *orders(euros, "EUR", 40)], 60) == []
    assert trend_of_amounts(shard).count == 20
    assert trend_of_amounts(shard).level == pytest.approx(4.62, abs=0.05)


def test_without_a_currency_the_same_amounts_are_a_decline():
    """What nobody says cannot be heeded: amounts without a currency are compared."""
    amounts = [*levs(40), *(amount / EURO for amount in levs(20))]
    (opened,) = declines(Shard(POLICY), orders(amounts, None), 60)
    assert opened["trend"]["currency"] is None


def test_a_currency_that_was_not_given_at_first_begins_nothing_anew():
    """A feed that learns to say its currency is the same feed; one that forgets it for a while, too."""
    shard = Shard(POLICY)
    run(shard, [*orders(levs(20), None), *orders(levs(5), "EUR", 20), *orders(levs(5), None, 25)], 7 * 30)
    assert trend_of_amounts(shard).count == 30


def test_a_decline_names_its_currency():
    """In the alert's trend and in its words."""
    (opened,) = declines(Shard(POLICY), [*orders(levs(40), "BGN"), *orders([60.0] * 14, "BGN", 40)], 54)
    assert opened["trend"]["currency"] == "BGN"
    assert " BGN" in opened["explanation"]


def test_a_decline_that_is_open_ends_with_its_currency():
    """It is resolved with a reason of its own, in the numbers of the old currency."""
    shard = Shard(POLICY)
    falling = [*orders(levs(40), "BGN"), *orders([60.0] * 14, "BGN", 40)]
    opened, resolved = declines(shard, [*falling, *orders([30.0] * 3, "EUR", 54)], 57)
    assert (resolved["transition"], resolved["reason"]) == ("resolved", "currency_changed")
    assert resolved["incident_id"] == opened["incident_id"]
    assert resolved["trend"]["currency"] == "BGN"
    assert "another currency than BGN" in resolved["explanation"]
    trend = trend_of_amounts(shard)
    assert (trend.count, trend.opened_s, trend.state, trend.since_s) == (3, 0, 0, 0)


def test_the_currency_survives_a_restart():
    """A shard that was restored begins anew at the same order."""
    before, after = orders(levs(40), "BGN"), orders([100.0] * 20, "EUR", 40)
    shard, restored = Shard(POLICY), Shard(POLICY)
    outcome = run(shard, before, 7 * 40)
    restored.restore(outcome.states)
    assert trend_of_amounts(restored).currency == trend_of_amounts(shard).currency != 0
    for one in (shard, restored):
        run(one, after, 7 * 60)
    assert trend_of_amounts(restored).tobytes() == trend_of_amounts(shard).tobytes()
    assert trend_of_amounts(shard).first_day == int((START_S / 86_400) + 7 * 40)
