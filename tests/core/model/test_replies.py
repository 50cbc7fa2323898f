"""Who owes whom an answer: overdue replies of the client, and what waits for us."""

import math

import pytest

from detector.core.clock import NO_TIME_OFF
from detector.core.engine.shard import Policy, Shard
from detector.core.layout import new_clients, new_segments
from detector.core.lifecycle import State
from detector.core.model import replies as debt
from tests.builders import DAY_S, POLICY, SOURCES, START_S, by_time, data, day_of, interaction, read_all, run

WEEKS = 12
ASKED = 7 * WEEKS


def ask(day, **fields):
    """Build a mail of ours."""
    return interaction(day, **{"event_id": f"ask-{day}", "direction": "outbound", **fields})


def conversation(weeks=WEEKS, reply_days=0.25):
    """Build a mail of ours a week, each replied to."""
    days = [7 * week for week in range(weeks)]
    return by_time([ask(day) for day in days], [interaction(day + reply_days) for day in days])


def talked(policy=POLICY, **fields):
    """Give a shard with a client that replied to all but our last mail, and what was told within three days."""
    shard = Shard(policy)
    return shard, data(run(shard, [*conversation(), ask(ASKED, **fields)], ASKED + 3))


def unanswered(shard, row=0):
    """Say since which day a reply is missing; None = it is not."""
    asked_s = shard.table.clients[row].reply.last_s
    return (asked_s - START_S) / DAY_S if asked_s else None


def test_a_reply_is_overdue_by_the_clients_own_reply_times():
    """A client that replies within hours is told of within days; once, with a warning, and never escalated."""
    shard, (opened,) = talked()
    assert (opened["signal"], opened["transition"], opened["reason"]) == ("reply_overdue", "opened", "deadline_passed")
    assert (opened["type"], opened["severity"]) == ("silence_exceeded", "warning")
    assert day_of(opened["unanswered_since"]) == ASKED
    assert opened["expected_heard_within_days"] == opened["actual_heard_within_days"]
    assert 0.25 < opened["expected_heard_within_days"] < 3
    assert opened["evidence"]["gaps_seen"] == WEEKS
    assert opened["evidence"]["longest_gap_days"] == 0.25
    later = data(run(shard, [], 300))
    assert {one["signal"] for one in later} == {"contact"}


def test_a_slow_client_is_given_more_time():
    """The deadline follows the client's own reply times."""
    shard = Shard(POLICY)
    assert data(run(shard, [*conversation(reply_days=3), ask(ASKED)], ASKED + 3)) == []
    (opened, *_) = data(run(shard, [], ASKED + 40))
    assert opened["signal"] == "reply_overdue"
    assert opened["expected_heard_within_days"] > 3


def test_overdue_replies_have_a_budget_of_their_own():
    """Fewer false alerts ask for a later deadline; the budget is told."""
    _, (often,) = talked(Policy(sources=SOURCES, learning_gaps_min=0, false_overdue_per_client_year=4.0))
    _, (seldom,) = talked()
    assert often["false_alerts_per_client_year"] == 4.0
    assert seldom["false_alerts_per_client_year"] == 0.5
    assert often["expected_heard_within_days"] < seldom["expected_heard_within_days"]


def test_nothing_is_overdue_before_the_third_reply():
    """Two replies are no habit."""
    shard = Shard(POLICY)
    assert data(run(shard, [*conversation(weeks=2), ask(14)], 60)) == []
    assert unanswered(shard) == 14


def test_a_learning_segment_holds_overdue_replies():
    """While the segment has seen too few replies nobody is told, neither of the delay nor of its end."""
    shard, told = talked(Policy(sources=SOURCES, learning_gaps_min=100))
    assert told == []
    assert shard.table.clients[0].reply.incident.state == State.HELD
    assert data(run(shard, [interaction(ASKED + 4)], ASKED + 5)) == []
    assert shard.table.clients[0].reply.incident.state == State.QUIET
    assert unanswered(shard) is None


def test_a_reply_ends_what_was_overdue():
    """The reply resolves it, and says how long it took."""
    shard, (opened,) = talked()
    (resolved,) = data(run(shard, [interaction(ASKED + 4)], ASKED + 5))
    assert (resolved["signal"], resolved["transition"], resolved["reason"]) == ("reply_overdue", "resolved", "returned")
    assert resolved["incident_id"] == opened["incident_id"]
    assert resolved["actual_heard_within_days"] == 4
    assert "after 4.0 days" in resolved["explanation"]
    assert unanswered(shard) is None


@pytest.mark.parametrize(
    ("asked", "heard", "replied"),
    [("a", "a", True), ("a", "b", False), ("a", None, True), (None, "b", True), (None, None, True)],
)
def test_a_reply_is_of_the_same_conversation_where_both_are_known(asked, heard, replied):
    """Where either says nothing of its thread, any later inbound interaction is the reply."""
    shard = Shard(POLICY)
    asked, heard = ({"thread_id": thread} if thread else {} for thread in (asked, heard))
    question, call = ask(ASKED, **asked), interaction(ASKED + 0.3, kind="call", **heard)
    run(shard, [*conversation(), question, call], ASKED + 0.4)
    assert (unanswered(shard) is None) == replied


def test_once_told_anything_heard_ends_what_was_overdue():
    """A mail in another thread resolves it, and counts as the reply: the next question can become overdue, too."""
    shard, _ = talked(thread_id="a")
    (resolved,) = data(run(shard, [interaction(ASKED + 4, thread_id="b")], ASKED + 5))
    assert (resolved["signal"], resolved["transition"]) == ("reply_overdue", "resolved")
    assert unanswered(shard) is None
    assert shard.table.clients[0].reply.gaps == WEEKS + 1
    run(shard, [ask(ASKED + 7, thread_id="b")], ASKED + 7.1)
    assert unanswered(shard) == ASKED + 7


def test_the_first_unanswered_message_counts():
    """A reminder does not put the clock back."""
    shard = Shard(POLICY)
    run(shard, [ask(1), ask(2)], 3)
    assert unanswered(shard) == 1


@pytest.mark.parametrize(
    ("fields", "asks"),
    [
        ({}, True),
        ({"kind": "message"}, True),
        ({"kind": "call", "outcome": "voicemail"}, True),
        ({"kind": "call", "outcome": "answered"}, False),
        ({"kind": "meeting"}, False),
        ({"automated": True}, False),
        ({"outcome": "bounced"}, False),
        ({"outcome": "failed"}, False),
        ({"substantive": False}, False),
        ({"direction": "none"}, False),
    ],
)
def test_what_asks_for_a_reply(fields, asks):
    """What people wrote and what arrived does; what a machine sent, bounced, or is administrative does not."""
    shard = Shard(POLICY)
    run(shard, [ask(1, **fields)], 2)
    assert (unanswered(shard) is not None) == asks


@pytest.mark.parametrize("fields", [{"automated": True}, {"direction": "outbound", "kind": "call"}])
def test_what_is_no_reply(fields):
    """An out-of-office note and our own next call leave the question open."""
    shard = Shard(POLICY)
    run(shard, [ask(1), interaction(2, **fields)], 3)
    assert unanswered(shard) == 1


def test_a_message_of_ours_that_is_read_late_asks_nothing():
    """The client acted after it already."""
    shard = Shard(POLICY)
    run(shard, [interaction(10)], 11)
    run(shard, [ask(9)], 12)
    assert unanswered(shard) is None
    run(shard, [ask(11)], 12)
    assert unanswered(shard) == 11


def owing(answers):
    """Give a shard in which we answered so often within a tenth of a day, and left the last mail unanswered."""
    shard = Shard(POLICY)
    written = [interaction(7 * week) for week in range(answers + 1)]
    answered = [ask(7 * week + 0.1, kind="call") for week in range(answers)]
    return data(run(shard, by_time(written, answered), 7 * answers + 150))


def test_a_client_that_waits_for_us_is_told_as_such():
    """The silence may be ours: its message is older than nine in ten of those that we answered."""
    opened, escalated = owing(30)
    for told in (opened, escalated):
        assert day_of(told["waiting_on_us_since"]) == 7 * 30
        assert told["unanswered_since"] is None
        assert "waits for our answer longer than usual: the silence may be ours." in told["explanation"]


def test_nothing_is_said_of_our_own_habit_before_the_twentieth_answer():
    """Nineteen answers are no habit."""
    assert {one["waiting_on_us_since"] for one in owing(19)} == {None}


def test_an_unanswered_message_of_ours_is_told_with_the_silence():
    """What we asked and when is part of the alert."""
    shard = Shard(POLICY)
    told = data(run(shard, [*(interaction(7 * week) for week in range(10)), ask(64)], 200))
    assert [day_of(one["unanswered_since"]) for one in told] == [64, 64]
    assert "Our message of 2017-09-16 is unanswered." in told[0]["explanation"]


def answered(days):
    """Give a segment to whose clients we answered after so many days each."""
    client, segments = new_clients(1)[0], new_segments(1)
    for k, waited in enumerate(days):
        debt.await_our_reply(client, START_S + k * DAY_S)
        debt.learn_our_reply(client, segments[0], START_S + (k + waited) * DAY_S, NO_TIME_OFF)
    return client, segments


def test_our_answer_days_are_those_of_nine_in_ten():
    """Of log-normal answer times; unknown before the twentieth."""
    assert debt.our_answer_days(answered([0.5] * 19)[1][0]) == math.inf
    assert debt.our_answer_days(answered([0.5] * 20)[1][0]) == pytest.approx(0.5)
    mixed = debt.our_answer_days(answered([0.25, 0.5] * 200)[1][0])
    spread = math.log(2) / 2
    assert mixed == pytest.approx(math.exp((math.log(0.25) + math.log(0.5)) / 2 + 1.2816 * spread), rel=0.01)


def test_the_first_message_that_we_owe_an_answer_counts():
    """A second mail does not put our clock back; nor does an answer from before it, read late, count."""
    client, segments = answered([])
    debt.await_our_reply(client, START_S)
    debt.await_our_reply(client, START_S + DAY_S)
    assert client.awaiting_reply_s == START_S
    debt.learn_our_reply(client, segments[0], START_S - 1, NO_TIME_OFF)
    assert client.awaiting_reply_s == START_S
    debt.learn_our_reply(client, segments[0], START_S + 2 * DAY_S, NO_TIME_OFF)
    assert client.awaiting_reply_s == 0
    assert segments[0].answers == 1


def test_how_long_our_answers_take_is_as_of_midnight():
    """An alert says the same whether or not answers to others, given after its deadline, were read with it."""
    others = [f"client-{k}" for k in range(45)]
    quick = by_time(*([interaction(7 * week, "bob"), ask(7 * week + 0.1, client_id="bob")] for week in range(29)))
    written = [interaction(100, other) for other in others]
    weekly_mails = [interaction(7 * week) for week in range(28)]
    whole, cut = Shard(POLICY), Shard(POLICY)
    for shard in (whole, cut):
        run(shard, by_time(quick, written, weekly_mails), 200)
    due_day = (whole.table.clients[whole.table.names.number("ann")].contact.incident.next_s - START_S) / DAY_S
    slow = [ask(due_day + 0.01, client_id=other, event_id=f"ask-{other}") for other in others]
    read_all(cut, {"emails": [None] * (cut.read_to("emails") + 1) + slow})
    told = data(cut.advance(START_S + (due_day + 0.005) * DAY_S))
    told += data(run(cut, [], due_day + 0.02))
    assert told == data(run(whole, slow, due_day + 0.02))
    (opened,) = [one for one in told if one["client_id"] == "ann"]
    assert day_of(opened["waiting_on_us_since"]) == 0


def test_a_conversation_that_died_does_not_blind_us():
    """Of a client with fewer than three replies anything heard is the reply, or its first question stays open."""
    shard = Shard(POLICY)
    dead = [ask(0, thread_id="dead")]
    alive = [event for event in conversation() if event["at"] > START_S + 6 * DAY_S]
    alive = [event | {"thread_id": f"alive-{event['at'] // (7 * DAY_S)}"} for event in alive]
    run(shard, [*dead, *alive], ASKED)
    assert shard.table.clients[0].reply.gaps == WEEKS - 1
