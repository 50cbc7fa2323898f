"""Declines, from interactions to alerts: of each of the nine signals, once, and of a steady client none."""

import itertools

import pytest

from detector.core.engine.shard import Policy, Shard
from detector.core.signals import SIGNAL_NUMBER, TRAITS
from tests.builders import DAY_S, SOURCES, START_S, by_time, data, day_of, interaction, run

# Silences and overdue replies are tested elsewhere; here they would only be in the way.
POLICY = Policy(
    sources=SOURCES, learning_gaps_min=0, false_alerts_per_client_year=1e-4, false_overdue_per_client_year=1e-6
)
STEADY, WORSE = 36, 14
SIGNALS = {  # per signal three good values in turn, and the bad one
    "contact_rate": ((6, 7, 8), 15),
    "order_rate": ((6, 7, 8), 15),
    "order_value": ((90.0, 100.0, 110.0), 30.0),
    "reply_latency": ((0.2, 0.25, 0.3), 2.0),
    "reply_length": ((450, 500, 550), 60),
    "meetings_kept": ((1, 1, 1), 0),
    "payment_delay": ((1.0, 2.0, 3.0), 30.0),
    "substance": ((1, 1, 1), 0),
    "sentiment": ((0.5, 0.6, 0.7), -0.5),
}
NAMES = pytest.mark.parametrize("name", SIGNALS)


def acts(name, values):
    """Build what a client does, such that one signal has these values."""
    if name in ("contact_rate", "order_rate"):
        days = list(itertools.accumulate([0, *values]))
        if name == "contact_rate":
            return [interaction(day) for day in days]
        written = [interaction(day + 0.5, kind="call") for day in range(days[-1])]
        return by_time(written, [interaction(day, kind="order", event_id=f"order-{day}") for day in days])
    days = [7 * week for week in range(len(values))]
    if name == "reply_latency":
        asked = [interaction(day, direction="outbound", event_id=f"ask-{day}") for day in days]
        return by_time(asked, [interaction(day + value) for day, value in zip(days, values, strict=True)])
    fields = {
        "order_value": lambda _, value: {"kind": "order", "amount": value},
        "reply_length": lambda _, value: {"length": value},
        "meetings_kept": lambda _, value: {"kind": "meeting", "outcome": "held" if value else "no_show"},
        "payment_delay": lambda at, value: {"kind": "payment", "due_at": at - value * DAY_S},
        "substance": lambda _, value: {"substantive": bool(value)},
        "sentiment": lambda _, value: {"sentiment": value},
    }[name]
    return [interaction(d, **fields(interaction(d)["at"], value)) for d, value in zip(days, values, strict=True)]


def steady(name, count):
    """Give so many good values."""
    return list(itertools.islice(itertools.cycle(SIGNALS[name][0]), count))


def last_day(interactions):
    """Say on which day the last of these is."""
    return (interactions[-1]["at"] - START_S) / DAY_S


def told_of(shard, interactions):
    """Apply interactions; -> the alerts about declines."""
    told = data(run(shard, interactions, last_day(interactions) + 0.001))
    return [one for one in told if one["type"] == "declining_trend"]


@NAMES
def test_a_decline_is_told_once(name):
    """One alert for information, with the levels before and now, since when, and what share of the first half-year."""
    good, bad = SIGNALS[name]
    shard, values = Shard(POLICY), [*steady(name, STEADY), *[bad] * WORSE]
    interactions = acts(name, values)
    (told,) = told_of(shard, interactions)
    trait = TRAITS[SIGNAL_NUMBER[name]]
    assert (told["signal"], told["transition"], told["reason"]) == (name, "opened", "trend_crossed")
    assert (told["type"], told["severity"]) == ("declining_trend", "info")
    trend = told["trend"]
    assert trend["unit"] == trait.unit
    usual = sum(good) / 3
    assert trend["before"] == pytest.approx(usual, rel=0.15)
    assert (trend["now"] - usual) / (bad - usual) > 0.4
    assert abs(day_of(trend["since"]) - last_day(acts(name, steady(name, STEADY)))) < 4 * max(usual, 7)
    assert trend["score"] > trend["threshold"] > 0
    assert STEADY < trend["values_seen"] <= STEADY + WORSE
    if name in ("payment_delay", "sentiment"):
        assert trend["ratio_to_first_half_year"] is None
    else:
        assert trend["ratio_to_first_half_year"] == pytest.approx(trend["now"] / usual, rel=0.05)
    assert shard.counts["open"] == 1


@NAMES
def test_a_steady_client_is_not_told_of(name):
    """Values that scatter as they always did are no decline; nor is it when they get better."""
    assert told_of(Shard(POLICY), acts(name, steady(name, STEADY + WORSE))) == []


@NAMES
def test_a_decline_is_over_when_the_mean_returns(name):
    """It is resolved once, by a good value, at half the threshold; since when it lasted is told again."""
    good, bad = SIGNALS[name]
    shard = Shard(POLICY)
    values = [*steady(name, STEADY), *[bad] * WORSE, *steady(name, 40)]
    opened, resolved = told_of(shard, acts(name, values))
    assert (resolved["signal"], resolved["transition"], resolved["reason"]) == (name, "resolved", "recovered")
    assert (resolved["incident_id"], resolved["severity"]) == (opened["incident_id"], "info")
    trend = resolved["trend"]
    assert trend["score"] <= trend["threshold"] / 2
    assert (trend["since"], trend["before"]) == (opened["trend"]["since"], opened["trend"]["before"])
    assert (trend["now"] - trend["before"]) * (bad - good[0]) > 0
    assert "back in the range" in resolved["explanation"]
    assert shard.counts["open"] == 0


@pytest.mark.parametrize("usual", [1, 4, 5, 6])
def test_the_end_of_a_decline_tells_since_when_it_lasted(usual):
    """Also where one very good value ends it; what gets worse after that is another decline."""
    shard, name = Shard(POLICY), "order_value"
    values = [*steady(name, STEADY), *[60.0] * 8, *[100.0] * usual, *[5000.0] * 3, *[100.0] * 8, *[5.0] * 8]
    first, end, second = told_of(shard, acts(name, values))
    assert [first["transition"], end["transition"], second["transition"]] == ["opened", "resolved", "opened"]
    assert end["trend"]["since"] == first["trend"]["since"]
    assert end["trend"]["before"] == first["trend"]["before"]
    assert second["trend"]["since"] > end["at"]
    assert second["incident_id"] != first["incident_id"]


def test_what_ends_a_silence_opens_no_decline():
    """The long gap is told by the silence that it was; if its successors are long, too, that is a decline."""
    policy = Policy(sources=SOURCES, learning_gaps_min=0)
    gaps = [*steady("contact_rate", STEADY), 9, 10, 200]
    shard, mailed = Shard(policy), acts("contact_rate", gaps)
    told = data(run(shard, mailed, last_day(mailed) + 0.001))
    assert [(one["signal"], one["transition"]) for one in told] == [
        ("contact", "opened"), ("contact", "escalated"), ("contact", "resolved"),
    ]  # fmt: skip
    later = interaction(last_day(mailed) + 15)
    (declined,) = data(run(shard, [later], last_day([later]) + 0.001))
    assert (declined["signal"], declined["transition"]) == ("contact_rate", "opened")


def test_the_rate_of_a_client_that_only_orders_is_told_as_its_contact():
    """Its orders are its contacts, and the same decline is not told twice."""
    _, bad = SIGNALS["order_rate"]
    values = [*steady("order_rate", STEADY), *[bad] * WORSE]
    only_orders = [one for one in acts("order_rate", values) if one["kind"] == "order"]
    shard = Shard(POLICY)
    assert [one["signal"] for one in told_of(shard, only_orders)] == ["contact_rate"]
    assert shard.table.trends[shard.table.trend_of[0, SIGNAL_NUMBER["order_rate"]]].count == len(values)


def test_a_client_shares_the_budget_among_its_signals():
    """Each signal gets its part of the false alerts that a client may raise, and says so."""
    values = [*steady("sentiment", STEADY), *[-0.5] * WORSE]
    (alone,) = told_of(Shard(POLICY), acts("sentiment", values))
    also = {"length": 500, "substantive": True}
    (shared,) = told_of(Shard(POLICY), [one | also for one in acts("sentiment", values)])
    # The rate of contacts is a signal of every client.
    assert alone["false_alerts_per_client_year"] == 0.5 / 2
    assert shared["false_alerts_per_client_year"] == 0.5 / 4
    assert shared["trend"]["threshold"] > alone["trend"]["threshold"]


@NAMES
def test_state_exists_only_for_the_signals_that_a_client_has(name):
    """A client takes room for what it does."""
    shard = Shard(POLICY)
    told_of(shard, acts(name, steady(name, 3)))
    has = {TRAITS[number].name for number in shard.table.trend_of[0].nonzero()[0]}
    assert has == {name, "contact_rate"} | ({"order_rate"} if name.startswith("order") else set())
    assert shard.table.trends_used[0] == 1 + len(has)


def test_a_client_that_was_never_heard_is_not_told_of():
    """Of payments that its bank makes ever later, without a word of the client: there is nothing that it could lose."""
    shard = Shard(POLICY)
    values = [*steady("payment_delay", STEADY), *[30.0] * WORSE]
    made = [one | {"direction": "none"} for one in acts("payment_delay", values)]
    assert told_of(shard, made) == []
    late = interaction(507, direction="none", kind="payment", due_at=interaction(477)["at"])
    assert told_of(shard, [interaction(500), late])
