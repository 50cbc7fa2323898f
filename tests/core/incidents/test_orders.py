"""The silence of orders alone: told of a client that is still heard otherwise, one severity lower."""

import numpy as np
import pytest

from detector.core.engine.shard import Policy, Shard
from detector.core.lifecycle import State
from tests.builders import POLICY, SOURCES, by_time, data, day_of, interaction, run

LAST_ORDER = 77


def orders(days=range(0, LAST_ORDER + 1, 7)):
    """Build an order in the shop on each of these days."""
    return [interaction(day, kind="order", channel="shop", event_id=f"order-{day}") for day in days]


def mails(first, until):
    """Build a mail a day."""
    return [interaction(day + 0.5, channel="gmail") for day in range(first, until)]


def words(told):
    """Say of which signals what was told."""
    return [(one["signal"], one["transition"]) for one in told]


def test_orders_fall_silent_while_contact_goes_on():
    """A weekly buyer that only writes is told of for information, and once more with a warning."""
    shard = Shard(POLICY)
    opened, escalated = data(run(shard, by_time(orders(), mails(0, 200)), 200))
    assert words([opened, escalated]) == [("orders", "opened"), ("orders", "escalated")]
    assert [opened["severity"], escalated["severity"]] == ["info", "warning"]
    assert [opened["reason"], escalated["reason"]] == ["deadline_passed", "silence_lasts"]
    assert opened["channels_active"] == escalated["channels_active"] == ["gmail"]
    assert opened["last_heard_channel"] is None
    assert day_of(opened["last_heard_at"]) == LAST_ORDER
    assert opened["evidence"]["gaps_seen"] == 11
    assert opened["evidence"]["longest_gap_days"] == 7
    assert opened["expected_heard_within_days"] == opened["actual_heard_within_days"]
    assert "though it was heard by gmail" in opened["explanation"]
    assert shard.counts["open"] == 1


@pytest.mark.parametrize("written", [mails(0, LAST_ORDER), []])
def test_orders_are_not_told_of_where_all_contact_is_silent(written):
    """Neither of a client that is silent altogether, nor of one that never did anything but order."""
    told = data(run(Shard(POLICY), by_time(orders(), written), 300))
    assert words(told) == [("contact", "opened"), ("contact", "escalated")]


def test_a_buyer_that_writes_instead_is_told_of_when_it_writes():
    """The silence of contact ends; that of orders, overdue already, begins to be told at this instant."""
    shard = Shard(POLICY)
    told = data(run(shard, by_time(orders(), mails(112, 113)), 113))
    assert words(told)[-2:] == [("contact", "resolved"), ("orders", "opened")]
    assert told[-1]["at"] == told[-2]["at"]
    assert day_of(told[-1]["at"]) == 112.5
    assert told[-1]["actual_heard_within_days"] == 112.5 - LAST_ORDER


def test_a_mail_does_not_wake_the_silence_of_orders_before_its_deadline():
    """Orders that are not due yet are not missed, whatever else is heard."""
    assert data(run(Shard(POLICY), by_time(orders(), mails(78, 80)), 80)) == []


def test_only_an_order_ends_the_silence_of_orders():
    """A mail, a cancelled order and one of ours leave it open; an order resolves it at the severity it had."""
    shard = Shard(POLICY)
    run(shard, by_time(orders(), mails(0, 200)), 200)
    others = [
        interaction(200.2),
        interaction(200.4, kind="order", outcome="cancelled"),
        interaction(200.5, kind="order", direction="outbound"),
    ]
    assert data(run(shard, others, 200.6)) == []
    (resolved,) = data(run(shard, [interaction(200.7, kind="order")], 201))
    assert words([resolved]) == [("orders", "resolved")]
    assert (resolved["reason"], resolved["severity"]) == ("returned", "warning")
    assert resolved["actual_heard_within_days"] == round(200.7 - LAST_ORDER, 4)
    assert resolved["probability_gone"] == 0
    assert shard.counts["open"] == 0


def test_a_learning_segment_holds_the_silence_of_orders():
    """Nobody is told, neither of the silence nor of its end."""
    shard = Shard(Policy(sources=SOURCES, learning_gaps_min=10_000))
    assert data(run(shard, by_time(orders(), mails(0, 200)), 200)) == []
    assert shard.table.clients[0].orders.incident.state == State.HELD
    assert data(run(shard, [interaction(200.7, kind="order")], 201)) == []
    assert shard.table.clients[0].orders.incident.state == State.QUIET
    assert shard.counts["held"] == 1


def test_the_escalation_of_orders_waits_while_all_contact_is_silent():
    """Once contact is silent as well, that is what is told; the orders' turn comes when the client writes again."""
    shard = Shard(POLICY)
    (opened,) = data(run(shard, by_time(orders(), mails(0, 112)), 112))
    assert words([opened]) == [("orders", "opened")]
    assert {one["signal"] for one in data(run(shard, [], 200))} == {"contact"}
    told = data(run(shard, [interaction(200)], 201))
    assert words(told) == [("contact", "resolved"), ("orders", "escalated")]
    assert day_of(told[-1]["at"]) == 200


@pytest.mark.parametrize(("before", "after"), [("email", "call"), ("call", "message"), ("meeting", "email")])
def test_a_move_from_one_channel_to_another_raises_nothing(before, after):
    """Contact is contact, by whatever way it comes."""
    moved = [interaction(7 * week, kind=before if week < 20 else after) for week in range(40)]
    assert data(run(Shard(POLICY), moved, 7 * 40)) == []


@pytest.mark.parametrize("signal", ["orders", "contact"])
@pytest.mark.parametrize("longest_days", [9, 60])
@pytest.mark.parametrize("escalate_at", [1.5, 2.5])
def test_a_silence_escalates_at_a_multiple_of_its_own_deadline(signal, longest_days, escalate_at):
    """However long the longest gap was."""
    days = np.cumsum([5, 8, 6, 8, 7, longest_days, 5, 8, 6, 8, 7, 5, 8, 6]).tolist()
    policy = Policy(sources=SOURCES, learning_gaps_min=0, false_alerts_per_client_year=5.0, escalate_at=escalate_at)
    written = mails(0, 500) if signal == "orders" else []
    told = data(run(Shard(policy), by_time(orders(days), written), 500))
    opened, escalated = [one for one in told if one["signal"] == signal][-2:]
    assert (opened["transition"], escalated["transition"]) == ("opened", "escalated")
    deadline_days = opened["expected_heard_within_days"]
    assert escalated["expected_heard_within_days"] == deadline_days == opened["actual_heard_within_days"]
    assert escalated["actual_heard_within_days"] == pytest.approx(escalate_at * deadline_days, abs=1e-4)
