"""How each client stands at an instant: what an alert would say then, told of all of them."""

import json

import jsonschema_rs
import pytest

from detector.core.engine.shard import Policy, Shard
from detector.core.views import outlook
from schemas.contract import documents
from schemas.outlook import Outlook

DAY_S, START_S = 86_400.0, 1.5e9
SOURCES = ("emails",)
POLICY = Policy(sources=SOURCES, learning_gaps_min=0)
CHANCES = (
    "probability_gone",
    "probability_no_contact_in_30_days",
    "probability_no_contact_in_90_days",
    "gone_after_days",
)
VALIDATOR = jsonschema_rs.validator_for(json.loads(documents()["json/outlook.json"]), validate_formats=True)


def message(day, client_id="ann", **fields):
    """Build an interaction at a day after the start."""
    given = {"event_id": f"{client_id}-{day}", "client_id": client_id, "kind": "email", "direction": "inbound"}
    return {**given, "at": START_S + day * DAY_S, **fields}


def applied(interactions, until_day, policy=POLICY):
    """Give a shard that came to a day, and the alerts on the way."""
    shard = Shard(policy)
    shard.enqueue_interactions("emails", list(enumerate(interactions)), [], len(interactions) - 1, START_S + 1e9)
    return shard, shard.advance(START_S + until_day * DAY_S).alerts


def told(shard, day):
    """Read how the clients stand, by both forms of the contract."""
    lines = list(shard.outlooks(START_S + day * DAY_S))
    for line in lines:
        Outlook.model_validate_json(line)
        VALIDATOR.validate(json.loads(line))
    return {one["client_id"]: one for one in map(json.loads, lines)}


def test_its_numbers_are_those_of_the_alert():
    """At the instant of an alert the client stands as the alert says."""
    shard, (opened, *_) = applied([message(7 * week, account_id="acme") for week in range(10)], 110)
    alert = json.loads(opened.value)["data"]
    (one,) = map(json.loads, shard.outlooks(opened.at_s))
    same = (
        "client_id", "account_id", "segment", "at", "last_heard_at", "expected_next_at", "silence_percentile",
        "probability_gone", "gone_after_days", "probability_no_contact_in_30_days", "probability_no_contact_in_90_days",
    )  # fmt: skip
    assert {name: one[name] for name in same} == {name: alert[name] for name in same}
    assert one["outlook_labels"] == alert["evidence"]["outlook_labels"] == 0
    assert one["deadline_at"] == alert["opened_at"]
    (incident,) = one["incidents"]
    assert incident["state"] == "open"
    assert {name: alert[name] for name in incident if name != "state"} == {
        name: value for name, value in incident.items() if name != "state"
    }


def test_every_client_is_told_of_in_the_order_in_which_it_was_met(monkeypatch):
    """However many fit into one step of the kernel."""
    monkeypatch.setattr(outlook, "_AT_ONCE", 2)
    names = ["eve", "bob", "ann", "dan", "cid"]
    shard, _ = applied([message(day, name) for day in (0, 7, 14, 21) for name in names], 22)
    assert list(told(shard, 22)) == names
    assert len({json.dumps({**one, "client_id": ""}) for one in told(shard, 22).values()}) == 1


def test_what_is_not_known_is_null():
    """A client with a single contact has no rhythm, one that we only wrote to has never been heard."""
    shard, _ = applied([message(0), message(1, "bob", direction="outbound")], 2)
    one, silent = told(shard, 2).values()
    for name in ("expected_next_at", "deadline_at", "silence_percentile", "account_id", *CHANCES):
        assert one[name] is silent[name] is None
    assert one["last_heard_at"] == "2017-07-14T02:40:00Z"
    assert silent["last_heard_at"] is None
    assert silent["incidents"] == []


def test_a_client_that_was_just_heard_is_not_gone():
    """Its silence has hardly begun."""
    shard, _ = applied([message(7 * week) for week in range(10)], 63.001)
    (one,) = told(shard, 63.001).values()
    assert one["silence_percentile"] == pytest.approx(0, abs=0.01)
    assert one["probability_gone"] < 0.05
    assert one["probability_no_contact_in_30_days"] < 0.2


def test_all_kinds_of_incidents_are_listed():
    """An escalated silence, an overdue reply and a decline stand side by side, each with its severity."""
    calm = [
        one
        for week in range(20)
        for one in (
            message(7 * week, kind="order", amount=1000.0 if week < 14 else 150.0),
            message(7 * week + 1, direction="outbound", event_id=f"ask-{week}"),
            message(7 * week + 1.2, event_id=f"reply-{week}"),
        )
    ]
    shard, _ = applied([*calm, message(141, direction="outbound")], 400)
    (one,) = told(shard, 400).values()
    found = {(i["type"], i["signal"]): (i["state"], i["severity"]) for i in one["incidents"]}
    assert found["silence_exceeded", "contact"] == ("escalated", "critical")
    assert found["silence_exceeded", "reply_overdue"] == ("open", "warning")
    assert found["declining_trend", "order_value"] == ("open", "info")


def test_a_held_incident_is_not_listed():
    """Nobody was told of it; the numbers are there all the same."""
    shard, alerts = applied([message(7 * week) for week in range(10)], 200, Policy(sources=SOURCES))
    (one,) = told(shard, 200).values()
    assert (alerts, one["incidents"]) == ([], [])
    assert one["deadline_at"] < one["at"]
    assert one["probability_gone"] > 0.5
