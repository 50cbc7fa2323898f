"""What a log holds of one client: contacts, the days that each silence was expected to last, and incidents."""

import json
from dataclasses import replace

import pytest

from detector.core.alerts.alert import Alert
from detector.core.clock import DAY_S, rfc3339
from detector.core.engine.shard import Policy, Shard
from detector.offline.dealing import Installation
from detector.offline.replay import replay
from detector.timeline.history import NotHeardError, _followed, history_of

START_S = 1_700_000_000.0
INSTALLATION = Installation(Policy(("emails",), learning_gaps_min=0), 1, lambda _: "emails")
NOW_S = START_S + 999 * DAY_S
END_DAY = 200


def event(client, day, **fields):
    """Make an interaction of a client on a day."""
    named = {"event_id": f"{client}-{day}", "client_id": client, "kind": "email", "direction": "inbound"}
    return {**named, "at": START_S + day * DAY_S, **fields}


def log(*events):
    """Make the lines of a log: nineteen clients that write every week for two hundred days, and these events."""
    others = [event(f"other-{k}", day + k / 100) for day in range(0, END_DAY + 1, 7) for k in range(19)]
    return [json.dumps(one).encode() for one in sorted([*others, *events], key=lambda one: one["at"])]


def history(lines, client="ann", until_s=None, **installation):
    """Return the history of a client of a log."""
    return history_of(client, [lines], INSTALLATION._replace(**installation), until_s=until_s, now_s=NOW_S)


WEEKLY = [event("ann", day) for day in range(0, 99, 7)]


def test_every_contact_begins_a_silence():
    """Silences lie between the client's own contacts; the last one lasts until the end of the log."""
    silences = history(log(*WEEKLY)).silences
    assert [(silence.begin_s - START_S) / DAY_S for silence in silences] == list(range(0, 99, 7))
    assert [silence.end_s for silence in silences[:-1]] == [silence.begin_s for silence in silences[1:]]
    assert silences[-1].end_s == history(log(*WEEKLY)).end_s == START_S + (END_DAY - 4 + 0.18) * DAY_S


def test_only_what_the_client_did_is_contact():
    """Our mails and the answers of machines are no contact; a second mail on the same day belongs to the first."""
    more = [
        event("ann", 3, direction="outbound"),
        event("ann", 4, automated="auto-replied"),
        event("ann", 7.5),
    ]
    silences = history(log(*WEEKLY, *more)).silences
    assert [(silence.begin_s - START_S) / DAY_S for silence in silences][:3] == [0, 7.5, 14]
    assert [(silence.end_s - START_S) / DAY_S for silence in silences][:2] == [7, 14]


def test_nothing_is_expected_before_the_third_gap():
    """The first three silences have no deadline; every later one has its median, nine in ten and deadline in order."""
    first, second, third, *rest = history(log(*WEEKLY)).silences
    assert {(one.median_s, one.p90_s, one.deadline_s) for one in (first, second, third)} == {(None, None, None)}
    for silence in rest:
        assert silence.begin_s < silence.median_s < silence.p90_s < silence.deadline_s


def test_incidents_are_those_of_a_replay():
    """Opening, escalation and return come at the times of the alerts that a replay of the same log writes."""
    lines = log(*WEEKLY, event("ann", 190))
    alerts = [output for output in replay([lines], INSTALLATION, now_s=NOW_S) if isinstance(output, Alert)]
    told = [json.loads(alert.value)["data"] for alert in alerts]
    at = {one["transition"]: one["at"] for one in told if one["client_id"] == "ann" and one["signal"] == "contact"}
    (incident,) = history(lines).incidents
    assert {"opened", "escalated", "resolved"} == set(at)
    for transition, at_s in zip(at, (incident.opened_s, incident.escalated_s, incident.resolved_s), strict=True):
        assert at[transition] == rfc3339(at_s)


def test_the_alert_comes_at_the_deadline():
    """The deadline that a silence began with is the time at which its incident was opened."""
    ann = history(log(*WEEKLY))
    (incident,) = ann.incidents
    assert incident.opened_s == ann.silences[-1].deadline_s
    assert incident.resolved_s is None


def test_silence_is_watched_as_far_as_asked():
    """A later end of the clock lengthens the last silence."""
    until_s = START_S + 300 * DAY_S
    assert history(log(*WEEKLY), until_s=until_s).silences[-1].end_s == until_s


def test_other_partitions_do_not_matter():
    """A client is found on whichever of several partitions it lies, with its own contacts."""
    for name in ("ann", "bob", "cleo", "dan"):
        named = [{**one, "client_id": name} for one in WEEKLY]
        assert len(history(log(*named), name, partitions=3).silences) == len(WEEKLY)


@pytest.mark.parametrize("name", ["Ångström & Söhne", 'a"b\\c', "客户-1", "$x^2$"])
def test_any_id_is_found(name):
    """An id is found however JSON writes it: with escapes or without."""
    named = [{**one, "client_id": name, "event_id": str(k)} for k, one in enumerate(WEEKLY)]
    plain = [json.dumps(one, ensure_ascii=False).encode() for one in named]
    assert len(history(log(*named), name).silences) == len(history(plain, name).silences) == len(WEEKLY)


@pytest.mark.parametrize("asked", ["Ann@Example.com", "ann@example.com ", "ANN@example.com"])
def test_an_id_that_is_spelled_in_several_ways_is_found(asked):
    """The log and the command may spell an address in different ways: it is the same client."""
    spelled = [{**one, "client_id": "ANN@Example.com" if k % 2 else "ann@example.com"} for k, one in enumerate(WEEKLY)]
    assert len(history(log(*spelled), asked).silences) == len(WEEKLY)


def test_lines_without_an_event_id_and_unreadable_ones_are_read_as_replay_does():
    """Lines are given the id that `replay` gives them, and what cannot be read is left out."""
    lines = [json.dumps({k: v for k, v in one.items() if k != "event_id"}).encode() for one in WEEKLY]
    assert len(history([*lines, b'{"client_id": "ann"', b""]).silences) == len(WEEKLY)


def test_a_client_that_was_never_heard_is_an_error():
    """The error names the client, also if only we wrote."""
    with pytest.raises(NotHeardError, match="no contact of nobody in the log"):
        history(log(*WEEKLY), "nobody")
    with pytest.raises(NotHeardError, match="no contact of ann in the log"):
        history(log(event("ann", 3, direction="outbound")))


def test_an_interaction_that_the_shard_did_not_get_is_not_heard():
    """A record that went to another partition, as its client could not be read from it, leaves no contact behind."""
    assert _followed(Shard(INSTALLATION.policy), "ann", [START_S], NOW_S) == ([], [])


def test_held_alerts_are_not_shown():
    """While a segment learns nothing is published, and so there is no incident."""
    assert history(log(*WEEKLY), policy=replace(INSTALLATION.policy, learning_gaps_min=100_000)).incidents == []
