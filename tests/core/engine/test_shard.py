"""A shard: interactions in, alerts and durable state out, however the input is cut."""

import math

import numpy as np
import pytest

from detector.core.engine.positions import POSITION_KEY
from detector.core.engine.shard import Policy, Shard
from detector.core.incidents.outbox import TREND_NUMBERS
from detector.core.layout import LAYOUT, TREND, new_clients, new_segments
from detector.core.lifecycle import REASON_WORDS, SEVERITY_WORDS, SIGNAL_WORDS, TRANSITION_WORDS, State
from detector.core.state.codec import encode_clients
from detector.core.state.table import ACCOUNT_KEY, CHANNEL_KEY, CLIENT_KEY, SEGMENT_KEY, UnknownLayoutError
from tests.builders import (
    DAY_S,
    NOW_S,
    POLICY,
    SOURCES,
    START_S,
    by_time,
    data,
    interaction,
    known,
    read_all,
    run,
    weekly,
)

VERSION = bytes([LAYOUT])
TRENDLESS = np.zeros(1, TREND), np.zeros(1, TREND_NUMBERS).view(np.recarray)
(NOBODY,) = encode_clients(new_clients(1), *TRENDLESS, np.arange(1))


def test_a_silence_is_opened_escalated_and_resolved():
    """A weekly client that stops is told of once, once more when it gets worse, and once when it is back."""
    shard = Shard(POLICY)
    opened, escalated = data(run(shard, weekly(10, account_id="acme", channel="whatsapp"), 300))
    (resolved,) = data(run(shard, [interaction(310)], 311))
    assert [opened["transition"], escalated["transition"], resolved["transition"]] == [
        "opened",
        "escalated",
        "resolved",
    ]
    assert [opened["severity"], escalated["severity"], resolved["severity"]] == ["warning", "critical", "critical"]
    assert len({opened["incident_id"], escalated["incident_id"], resolved["incident_id"]}) == 1
    assert opened["account_id"] == "acme"
    assert opened["last_heard_channel"] == "whatsapp"
    assert opened["evidence"]["last_interaction_ids"] == ["ann-49", "ann-56", "ann-63"]
    assert opened["expected_heard_within_days"] == opened["actual_heard_within_days"]
    assert escalated["actual_heard_within_days"] >= 2 * 7
    assert resolved["reason"] == "returned"
    assert resolved["actual_heard_within_days"] == 310 - 63
    assert shard.counts["open"] == 0


def test_a_deadline_fires_at_its_own_instant_when_the_client_comes_back_later():
    """A return after the deadline is told of together with the opening before it, in this order."""
    shard = Shard(POLICY)
    told = data(run(shard, [*weekly(10), interaction(130)], 131))
    assert told[0]["transition"] == "opened"
    assert told[-1]["transition"] == "resolved"
    assert told[0]["at"] < told[-1]["at"]


def test_an_event_that_arrives_late_takes_the_alert_back():
    """A contact from before the deadline that is read after it resolves the silence as a late event."""
    shard = Shard(POLICY)
    run(shard, weekly(10), 200)
    (resolved,) = data(run(shard, [interaction(64)], 200))[:1]
    assert resolved["reason"] == "late_event"
    assert "arrived late" in resolved["explanation"]


def test_a_contact_repeated_at_the_same_instant_says_nothing_new():
    """The last contact read again after its silence was opened and escalated changes nothing."""
    shard = Shard(POLICY)
    run(shard, weekly(10), 300)
    assert data(run(shard, [interaction(63, event_id="another")], 400)) == []
    assert shard.counts["late"] == 1


def test_an_event_older_than_the_last_contact_is_counted_and_not_learned():
    """There are no negative gaps."""
    shard = Shard(POLICY)
    run(shard, weekly(4), 25)
    before = shard.table.clients[0].contact.gaps
    run(shard, [interaction(3, event_id="another")], 26)
    assert shard.counts["late"] == 1
    assert shard.table.clients[0].contact.gaps == before


@pytest.mark.parametrize("fields", [{"direction": "outbound"}, {"automated": True}])
def test_what_the_client_did_not_do_is_no_contact(fields):
    """Our own and automated messages do not end a silence."""
    shard = Shard(POLICY)
    run(shard, weekly(10), 200)
    assert data(run(shard, [interaction(201, **fields)], 202)) == []
    assert shard.counts["open"] == 1


def test_a_learning_segment_holds_its_alerts():
    """While a segment has too few gaps nobody is told, neither of the silence nor of its end; both are counted."""
    shard = Shard(Policy(sources=SOURCES, learning_gaps_min=100))
    assert data(run(shard, weekly(10), 300)) == []
    assert shard.table.clients[0].contact.incident.state == State.HELD
    assert data(run(shard, [interaction(310)], 311)) == []
    assert shard.table.clients[0].contact.incident.state == State.QUIET
    assert shard.counts["held"] == 1


def test_what_was_held_is_durable():
    """A silence that nobody was told of while its segment learned is not told of after a restart either."""
    learning, restored = Shard(Policy(sources=SOURCES, learning_gaps_min=8)), Shard(Policy(sources=SOURCES))
    states = dict(run(learning, weekly(10), 64).states)
    outcome = run(learning, [], 300)
    assert learning.counts["held"] == 1
    restored.restore((states | dict(outcome.states)).items())
    assert restored.table.clients[0].contact.incident.state == State.HELD
    assert restored.advance(START_S + 300 * DAY_S).alerts == []


def test_the_last_segment_given_holds_and_has_its_own_budget():
    """A client is judged by the segment that was named last."""
    shard = Shard(Policy(sources=SOURCES, learning_gaps_min=0, segment_budgets={"key": 4.0}))
    (opened, *_) = data(run(shard, [*weekly(9), interaction(63, segment="key")], 300))
    assert opened["segment"] == "key"
    assert opened["false_alerts_per_client_year"] == 4.0


def test_a_segment_may_begin_with_what_is_known_of_it():
    """A prior is fitted like what was learned, and obeys the budget of the settings."""
    prior = new_segments(1)[0]
    prior.contact.completed[3, 20] = 500
    shard = Shard(Policy(sources=SOURCES, prior={"key": prior}))
    run(shard, [interaction(1, segment="key")], 2)
    known_before = shard.table.segments[shard.table.segment("key")].contact
    assert known_before.fitted_gaps == 500
    assert known_before.budget == 1.0


def test_segments_are_bounded():
    """An interaction that names one segment too many has no room; a known one always has."""
    shard = Shard(Policy(sources=SOURCES, segments_max=2))
    assert shard.can_take_segment(interaction(1))
    assert shard.can_take_segment(interaction(1, segment="a"))
    assert not shard.can_take_segment(interaction(1, segment="b"))


def test_a_step_ends_where_enough_clients_fall_due():
    """Where room is for one client before a step's last second, the way is gone in steps, and all is told."""
    histories = by_time(*(weekly(10 + n, client) for n, client in enumerate("abc")))
    whole, shard, end_s, told = Shard(POLICY), Shard(POLICY), START_S + 300 * DAY_S, []
    expected = run(whole, histories, 300).alerts
    told.append(run(shard, histories, 85).alerts)
    assert shard.within_reach_s(START_S + 86 * DAY_S, 1) == START_S + 86 * DAY_S
    assert shard.within_reach_s(end_s, 100) == end_s
    while shard.clock_s < end_s:
        told.append(shard.advance(shard.within_reach_s(end_s, 1)).alerts)
    assert len(told) > 3
    assert max(map(len, told)) <= 2
    assert [alert for some in told for alert in some] == expected


def test_the_clock_of_an_empty_shard_stands_still():
    """History may be loaded into a worker that has been waiting for it."""
    shard = Shard(POLICY)
    assert shard.advance(NOW_S).states == []
    assert shard.clock_s == -math.inf


def test_nothing_new_is_nothing_to_write():
    """An idle shard asks for no transaction."""
    shard = Shard(POLICY)
    run(shard, weekly(4), 25)
    run(shard, [], 60)
    assert not any(run(shard, [], 60.5))


def test_a_rejection_comes_with_the_position_behind_it():
    """What was refused is handed out once, together with a position."""
    shard = Shard(POLICY)
    outcome = run(shard, [], 1, rejected=[(0, b"bad")])
    assert outcome.rejected == [b"bad"]
    assert outcome.states[-1][0] == POSITION_KEY
    assert shard.applied_to("emails") == 0


def test_many_clients_find_room():
    """The table grows beyond its first size and keeps what it knew."""
    shard = Shard(POLICY)
    run(shard, [interaction(0.1 + k / 1e6, f"client-{k}") for k in range(1500)], 1)
    assert len(shard.table.names) == 1500
    assert shard.table.clients[0].contacts == shard.table.clients[1499].contacts == 1


def compacted(outcomes, order):
    """Give the last record of each key, as compaction leaves them, in some order."""
    last = {key: value for outcome in outcomes for key, value in outcome.states}
    return sorted(last.items(), key=lambda record: order(record[0]))


@pytest.mark.parametrize("order", [lambda key: key, lambda key: key[::-1], lambda key: [-byte for byte in key]])
def test_compacted_state_restores_in_any_order(order):
    """Compaction keeps the last record of each key, wherever that stands: the restored shard knows the same."""
    shard, restored = Shard(POLICY), Shard(POLICY)
    fields = {"ann": {"segment": "key"}, "bob": {"segment": "small", "account_id": "b"}, "cyd": {"channel": "fax"}}
    outcomes = [
        run(shard, [interaction(7 * week + 0.1 * n, name, **fields[name])], 7 * week + 1)
        for week in range(9)
        for n, name in enumerate(fields)
    ]
    restored.restore(compacted(outcomes, order))
    assert known(restored) == known(shard)
    assert data(run(restored, [], 300)) == data(run(shard, [], 300))


def test_a_segment_is_durable_before_a_later_one():
    """A segment that was met, but whose interaction still waits, keeps its number over a restart."""
    shard, restored = Shard(POLICY), Shard(POLICY)
    shard.enqueue_interactions("orders", [(0, interaction(50, "bob", segment="later"))], [], 0, NOW_S)
    outcome = run(shard, [interaction(1, "ann", segment="sooner")], 2)
    restored.restore(outcome.states)
    assert known(restored) == known(shard)
    assert list(restored.table.segment_names) == list(shard.table.segment_names)


@pytest.mark.parametrize("cuts", [[201], [199, 201], [200, 200.5, 201]])
def test_an_alert_is_taken_back_after_it_was_raised_and_before_the_next(cuts):
    """A late event ends a silence that began after it; what its own deadline asks for is told after that."""
    shard = Shard(POLICY)
    read_all(shard, {"emails": [*weekly(10), interaction(200, "bob"), interaction(65)], "orders": []})
    outcomes = [shard.advance(START_S + day * DAY_S) for day in cuts]
    told = [(one["transition"], one["at"]) for outcome in outcomes for one in data(outcome)]
    assert [transition for transition, _ in told] == ["opened", "escalated", "resolved", "opened", "escalated"]
    assert told[2][1] < told[0][1]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (CLIENT_KEY + b"ann", b"\x63old"),
        (CLIENT_KEY + b"ann", VERSION + b"short"),
        (SEGMENT_KEY + b"0", VERSION + b"short"),
        (CHANNEL_KEY + b"0", VERSION + b"fax\xff"),
        (CHANNEL_KEY + b"7", VERSION),
        (ACCOUNT_KEY + b"seven", VERSION + b"acme"),
        (b"unheard of\0", VERSION),
        (POSITION_KEY, b"\x63{}"),
        (POSITION_KEY, VERSION + b"{"),
        (POSITION_KEY, VERSION + b"[]"),
        (POSITION_KEY, b""),
        (CLIENT_KEY + b"ann", b""),
        (CLIENT_KEY + b"ann", b"\x04short"),
        (CLIENT_KEY + b"ann", VERSION + NOBODY + b'["an id too many"]'),
        (CLIENT_KEY + b"ann", VERSION + NOBODY + b"7"),
    ],
)
def test_state_of_another_layout_is_refused(key, value):
    """What cannot be read is never guessed at."""
    with pytest.raises(UnknownLayoutError, match="layout"):
        Shard(POLICY).restore([(key, value)])


def test_a_source_that_is_no_longer_configured_is_forgotten():
    """A position may name a source that the settings dropped."""
    shard, fewer = Shard(POLICY), Shard(Policy(sources=("emails",)))
    fewer.restore(run(shard, weekly(4), 25).states)
    assert fewer.read_to("emails") == 3
    assert fewer.front_s("emails") == START_S + 21 * DAY_S
    assert fewer.waiting("emails") == 0


def test_a_shard_that_keeps_no_states_tells_the_same():
    """What is replayed need not be made durable; the alerts do not depend on it."""
    durable, fleeting = Shard(POLICY), Shard(POLICY, keeps_states=False)
    told = run(durable, weekly(20), 400)
    untold = run(fleeting, weekly(20), 400)
    assert told.alerts == untold.alerts != []
    assert [key for key, _ in untold.states] == []


def test_a_shard_that_builds_no_alerts_hands_out_what_they_are_built_of():
    """Effect by effect what the alerts say, once, and everything else as it is with alerts."""
    telling, mute = Shard(POLICY), Shard(POLICY, builds_alerts=False)
    events = [*weekly(20), interaction(300), *weekly(20, "bob")]
    told, untold = run(telling, events, 400), run(mute, events, 400)

    assert untold.alerts == []
    assert told.effects == []
    words = {"signal": SIGNAL_WORDS, "transition": TRANSITION_WORDS, "reason": REASON_WORDS, "severity": SEVERITY_WORDS}
    numbers = ("emitted_s", "at_s", "opened_s")
    assert len(told.alerts) > 4
    assert sorted(
        [
            [effect[name].item() for name in numbers] + [words[name][effect[name]] for name in words]
            for effect in np.concatenate(untold.effects)
        ]
    ) == sorted([getattr(alert, name) for name in (*numbers, *words)] for alert in told.alerts)
    assert telling.counts == mute.counts
    assert untold.states == told.states
    assert mute.advance(START_S + 400 * DAY_S).effects == []
