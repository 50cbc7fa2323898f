"""A file through the same shards as a worker's."""

import base64
import json

from detector.core.alerts.alert import Alert
from detector.core.engine.shard import Policy
from detector.core.primitives.partitioner import partition_of
from detector.offline.dealing import Installation
from detector.offline.outputs import Rejected
from detector.offline.replay import replay
from tests.contract import held

START_S, DAY_S = 1.5e9, 86_400.0


def run(batches, installation, **more):
    """Replay and return the alerts, the rejections and the summary."""
    *outputs, summary = replay(batches, installation, **more)
    alerts, rejected = ([output for output in outputs if isinstance(output, kind)] for kind in (Alert, Rejected))
    assert [*alerts, *rejected] == outputs
    return alerts, rejected, summary


def test_an_alert_is_taken_back_after_it_was_raised():
    """A contact that comes too late resolves the silence; its alert follows the opening, though it is older."""
    days = [("ann", 7 * week) for week in range(10)] + [("bob", 200), ("ann", 65)]
    values = [
        {"event_id": f"{name}{day}", "client_id": name, "kind": "email", "at": START_S + day * DAY_S}
        | {"direction": "inbound"}
        for name, day in days
    ]
    alerts, rejected, summary = run(
        [[json.dumps(value).encode() for value in values]],
        Installation(Policy(sources=("emails",), learning_gaps_min=0), 1, lambda kind: "emails"),
        now_s=START_S + 1000 * DAY_S,
    )
    told = [json.loads(value)["data"] for value in held(alert.value for alert in alerts)]
    assert rejected == []
    assert [one["transition"] for one in told[:3]] == ["opened", "escalated", "resolved"]
    assert told[2]["reason"] == "late_event"
    assert told[2]["at"] < told[0]["at"]
    assert summary.records == summary.applied == 12


def test_what_was_not_readable_as_it_was_dealt_out_finds_its_shard():
    """The client of a CloudEvent with its data in base64 is known only when it is read: it is applied at home."""
    data = {"client_id": "ann", "kind": "email", "at": START_S, "direction": "inbound"}
    event = {"specversion": "1.0", "id": "e1", "source": "crm", "type": "email"}
    value = json.dumps(event | {"data_base64": base64.b64encode(json.dumps(data).encode()).decode()}).encode()
    _, rejected, summary = run(
        [[value]], Installation(Policy(sources=("emails",)), 4, lambda kind: "emails"), now_s=START_S + DAY_S
    )
    assert partition_of("ann", 4) != 0
    assert (rejected, summary.applied, summary.clients) == ([], 1, 1)


def test_a_rejection_has_the_number_of_its_record():
    """Whichever shard refused it, and wherever it lay among the others, blank lines among them."""
    bad = {"client_id": "ann", "kind": "email", "at": "yesterday", "direction": "inbound", "event_id": "e"}
    elsewhere = {"specversion": "1.0", "id": "e1", "source": "crm", "type": "email", "data_base64": "?"}
    lines = [json.dumps({**bad, "client_id": f"client-{k}", "at": 1.5e9 + k}).encode() for k in range(20)]
    lines[3], lines[7], lines[11], lines[12] = b"nope", json.dumps(bad).encode(), b"", json.dumps(elsewhere).encode()
    _, rejected, summary = run(
        [lines[:5], lines[5:9], lines[9:]],
        Installation(Policy(sources=("emails", "calls")), 4, lambda kind: "calls"),
        now_s=START_S + DAY_S,
    )
    assert {one.number for one in rejected} == {3, 7, 12}
    assert summary.rejected == {"malformed_json": 1, "invalid_field": 1, "invalid_envelope": 1}
