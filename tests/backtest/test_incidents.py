"""Incidents as the backtest puts them together, held to the alerts of `replay`: there is no second detector."""

import json
from datetime import datetime

import pytest

from detector.backtest.incidents import Incident
from detector.core.engine.shard import Policy
from detector.offline.dealing import Installation
from detector.offline.replay import replay

DAY_S, START_S = 86_400.0, 1_700_000_000.0


def seconds(at):
    """Read an instant of an alert."""
    return None if at is None else datetime.fromisoformat(at).timestamp()


def told(events, budget, partitions):
    """Let `replay` tell of them: the data of its alerts, by incident, in the order in which they were emitted."""
    policy = Policy(sources=("emails", "orders"), learning_gaps_min=0, false_alerts_per_client_year=budget)
    *alerts, summary = replay(
        [[json.dumps(one).encode() for one in events]],
        Installation(policy, partitions, lambda kind: "orders" if kind == "order" else "emails"),
        now_s=START_S + 5000 * DAY_S,
    )
    assert not summary.rejected
    incidents = {}
    for alert in alerts:
        data = json.loads(alert.value)["data"]
        incidents.setdefault(data["incident_id"], {})[data["transition"]] = data
    return list(incidents.values())


def by_definition(transitions, clients):
    """Read an incident of the backtest from its alerts."""
    opened, escalated, resolved = (transitions.get(name, {}) for name in ("opened", "escalated", "resolved"))
    return Incident(
        client=clients.index(opened["client_id"]),
        client_id=opened["client_id"],
        segment=opened["segment"],
        opened_s=seconds(opened["opened_at"]),
        last_heard_s=seconds(opened["last_heard_at"]),
        silent_days=opened["actual_heard_within_days"],
        expected_s=seconds(opened["expected_next_at"]["p90"]),
        mean_gap_days=opened["evidence"]["mean_gap_days"],
        gaps=opened["evidence"]["gaps_seen"],
        probability_gone=(escalated or opened)["probability_gone"],
        escalated_s=seconds(escalated.get("at")),
        resolved_s=pytest.approx(seconds(resolved["at"]), abs=1e-5) if resolved else None,
        resolved_reason=resolved.get("reason"),
    )


@pytest.mark.parametrize("partitions", [1, 3])
def test_incidents_are_those_that_replay_tells_of(firm, run, event, partitions):
    """Field by field and in the same order, under every budget, also if clients were heard too late; others counted."""
    late = [event("client-3", day, event_id=f"late-{day}", segment="shops") for day in (200, 300, 400)]
    events = [*firm, *late, event("client-5", 740.5, segment="shops")]
    found = run(events, budgets=(0.5, 4.0), partitions=partitions)

    for judged in found.judged:
        incidents = told(events, judged.budget, partitions)
        of_contact = [one for one in incidents if one["opened"]["signal"] == "contact"]
        assert len(of_contact) > 10
        assert judged.incidents == [by_definition(one, found.log.clients) for one in of_contact]
        others = [one for one in incidents if one["opened"]["signal"] != "contact"]
        names = sorted({f"{one['opened']['type']} {one['opened']['signal']}" for one in others})
        assert list(judged.others) == names != []
        for name in names:
            these = [one for one in others if name.endswith(f" {one['opened']['signal']}")]
            assert judged.others[name] == (len(these), sum("resolved" in one for one in these))


def test_an_incident_that_was_not_resolved_is_no_false_alarm(firm, run):
    """The alarms that are judged are the incidents, one by one."""
    (judged,) = run(firm).judged

    assert judged.alarms.false.tolist() == [one.resolved_s is not None for one in judged.incidents]
    assert True in judged.alarms.false
    assert False in judged.alarms.false
