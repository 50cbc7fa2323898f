"""A call that we made and the client answered, and a meeting that we called and was held: both were there."""

import pytest

from detector.core.engine.shard import Shard
from tests.builders import DAY_S, POLICY, START_S, data, day_of, interaction, run, weekly

BOTH = pytest.mark.parametrize(
    "fields",
    [
        {"kind": "call", "direction": "outbound", "outcome": "answered"},
        {"kind": "meeting", "direction": "outbound", "outcome": "held"},
        {"kind": "meeting", "direction": "none", "outcome": "held"},
    ],
)


@BOTH
def test_a_client_that_we_talk_to_is_not_silent(fields):
    """It writes weekly and then only talks to us: nothing is alerted, its rhythm goes on."""
    shard = Shard(POLICY)
    talks = [interaction(7 * week, event_id=f"talk-{week}", **fields) for week in range(10, 20)]
    assert data(run(shard, [*weekly(10), *talks], 7 * 19 + 1)) == []
    client = shard.table.clients[0]
    assert (client.contacts, client.contact.gaps, client.contact.last_s) == (20, 19, START_S + 7 * 19 * DAY_S)


@BOTH
def test_a_talk_ends_a_silence(fields):
    """The silence is resolved when both were there."""
    shard = Shard(POLICY)
    opened, *_, resolved = data(run(shard, [*weekly(10), interaction(150, **fields)], 151))
    assert (opened["transition"], resolved["transition"], resolved["reason"]) == ("opened", "resolved", "returned")
    assert day_of(resolved["at"]) == 150


@pytest.mark.parametrize("outcome", ["missed", "busy", "voicemail"])
def test_a_call_that_was_not_answered_ends_none(outcome):
    """To call somebody is no sign of life of theirs."""
    shard = Shard(POLICY)
    call = interaction(150, kind="call", direction="outbound", outcome=outcome)
    assert "resolved" not in {alert["transition"] for alert in data(run(shard, [*weekly(10), call], 151))}


def test_our_call_answers_what_the_client_wrote():
    """The client no longer waits for us, and the time that it took us is learned."""
    shard = Shard(POLICY)
    call = {"kind": "call", "direction": "outbound", "outcome": "answered"}
    run(shard, [interaction(0), interaction(2, **call)], 3)
    client, segment = shard.table.clients[0], shard.table.segments[0]
    assert client.awaiting_reply_s == 0
    assert segment.answers == 1


def test_an_answered_call_is_a_reply_to_our_message():
    """Our message is no longer unanswered once we talked."""
    shard = Shard(POLICY)
    run(shard, [interaction(0), interaction(1, direction="outbound")], 1.5)
    assert shard.table.clients[0].reply.last_s == START_S + DAY_S
    run(shard, [interaction(2, kind="call", direction="outbound", outcome="answered")], 3)
    assert shard.table.clients[0].reply.last_s == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "meeting", "outcome": "no_show"},
        {"kind": "email", "outcome": "bounced"},
        {"kind": "payment", "outcome": "failed"},
        {"kind": "payment", "outcome": "declined"},
    ],
)
def test_what_is_no_sign_of_life_does_not_keep_a_client_alive(fields):
    """A client of which weekly only such records come is as silent as one without them."""
    signs = [interaction(7 * week, event_id=f"sign-{week}", **fields) for week in range(10, 30)]
    with_signs, without = (data(run(Shard(POLICY), [*weekly(10), *more], 7 * 30)) for more in (signs, []))
    silences = [
        [(one["signal"], one["transition"], one["at"]) for one in alerts if one["type"] == "silence_exceeded"]
        for alerts in (with_signs, without)
    ]
    assert silences[0] == silences[1] != []
