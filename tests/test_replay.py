"""A file through the same shards as a worker's."""

import json

from detector.core.shard import Policy
from detector.replay import replay
from tests.contract import held

START_S, DAY_S = 1.5e9, 86_400.0


def test_an_alert_is_taken_back_after_it_was_raised():
    """A contact that comes too late resolves the silence; its alert follows the opening, though it is older."""
    days = [("ann", 7 * week) for week in range(10)] + [("bob", 200), ("ann", 65)]
    values = [
        {"event_id": f"{name}{day}", "client_id": name, "kind": "email", "at": START_S + day * DAY_S}
        | {"direction": "inbound"}
        for name, day in days
    ]
    emitted, rejected = [], []
    summary = replay(
        [[json.dumps(value).encode() for value in values]],
        policy=Policy(sources=("emails",), learning_gaps_min=0),
        partitions=1,
        until_s=None,
        now_s=START_S + 1000 * DAY_S,
        route=lambda kind: "emails",
        emit=emitted.append,
        reject=rejected.append,
    )
    told = [json.loads(value)["data"] for value in held(emitted)]
    assert rejected == []
    assert [one["transition"] for one in told[:3]] == ["opened", "escalated", "resolved"]
    assert told[2]["reason"] == "late_event"
    assert told[2]["at"] < told[0]["at"]
    assert summary.records == summary.applied == 12
