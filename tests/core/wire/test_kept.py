"""An optional field that cannot be read does not cost the contact: what is kept, reported and counted."""

import json

import pytest

from detector.core.engine.intake import Intake
from detector.core.engine.shard import Policy, Shard
from detector.core.primitives.partitioner import partition_of
from detector.core.wire.records import RecordColumns
from detector.core.wire.reroute import ORIGIN, REROUTED
from schemas.rejection import Rejection

NOW_S = 1.7e9
SOURCES = ("emails",)
TOPICS = {"emails": "ghosting.emails", REROUTED: "ghosting.rerouted"}
BAD = {"amount": "1,013.50", "currency": "usd", "outcome": "Completed"}


def wire(at=1.6e9, **fields):
    """Build an order as it travels."""
    order = {"event_id": f"e{at}", "client_id": "ann", "kind": "order", "at": at, "direction": "inbound"}
    return json.dumps(order | fields).encode()


def columns(*values, first=0):
    """Put values into columns, with neither keys nor headers."""
    offsets = range(first, first + len(values))
    return RecordColumns(offsets, [None] * len(values), values, [()] * len(values))


def shard_of(partition=0, partitions=1, **policy):
    """Return a shard and its intake."""
    shard = Shard(Policy(sources=SOURCES, **policy))
    return shard, Intake(shard, TOPICS, partition, partitions)


def test_the_contact_counts_and_the_fields_are_reported():
    """The client is heard; one record on the rejected topic says that it was kept, and without which fields."""
    shard, intake = shard_of()
    counts = intake.read("emails", columns(wire(**BAD), wire(1.61e9)), NOW_S)
    outcome = shard.advance(NOW_S)
    assert (counts.read, counts.refused, shard.counts["applied"], shard.counts["rejected"]) == (2, 0, 2, 0)
    (report,) = outcome.rejected
    kept = Rejection.model_validate_json(report)
    assert (kept.kept, kept.reason, kept.offset) == (True, "invalid_field", 0)
    assert sorted(kept.fields) == sorted(BAD)
    assert all(f"{name}: " in kept.detail for name in BAD)
    assert intake.left_out == dict.fromkeys(BAD, 1)
    assert intake.refused == {}
    assert intake.read_counts["emails", "order", "accepted"] == 2


def test_a_report_waits_for_the_turn_of_its_record():
    """It becomes durable together with the position behind its record, so that a restart does not repeat it."""
    shard, intake = shard_of()
    intake.read("emails", columns(wire(1.6e9), wire(1.61e9, **BAD)), NOW_S)
    assert shard.advance(1.605e9).rejected == []
    assert shard.applied_to("emails") == 0
    outcome = shard.advance(NOW_S)
    assert len(outcome.rejected) == 1
    again, intake = shard_of()
    again.restore(outcome.states)
    assert intake is not None
    assert again.read_to("emails") == 1


def test_a_report_is_the_same_when_it_is_read_again():
    """The same record gives the same bytes: what was published already is recognised."""
    reports = []
    for _ in range(2):
        shard, intake = shard_of()
        intake.read("emails", columns(wire(**BAD)), NOW_S)
        reports.append(shard.advance(NOW_S).rejected)
    assert reports[0] == reports[1]


def test_a_segment_for_which_there_is_no_room_does_not_cost_the_contact():
    """The client stays in its segment."""
    shard, intake = shard_of(segments_max=1)
    counts = intake.read("emails", columns(wire(segment="new"), wire(1.61e9, segment="new", amount="x")), NOW_S)
    reports = [json.loads(report) for report in shard.advance(NOW_S).rejected]
    assert (counts.refused, shard.counts["applied"]) == (0, 2)
    assert [(report["kept"], report["reason"], report["fields"]) for report in reports] == [
        (True, "segment_limit", ["segment"]),
        (True, "invalid_field", ["amount", "segment"]),
    ]
    assert intake.left_out == {"segment": 2, "amount": 1}


def test_what_another_shard_applies_is_reported_there_with_its_first_place():
    """A record in the wrong partition is sent on as it is; its own shard leaves the field out, and names its origin."""
    home = partition_of("ann", 4)
    astray = (home + 1) % 4
    shard, intake = shard_of(astray, 4)
    intake.read("emails", columns(wire(**BAD)), NOW_S)
    outcome = shard.advance(NOW_S)
    assert outcome.rejected == []
    (sent,) = outcome.rerouted
    shard, intake = shard_of(home, 4)
    intake.read(REROUTED, RecordColumns([0], [sent.key], [sent.value], [sent.headers]), NOW_S)
    (report,) = map(json.loads, shard.advance(NOW_S).rejected)
    assert dict(sent.headers)[ORIGIN] == f"ghosting.emails/{astray}/0".encode()
    assert (report["topic"], report["partition"], report["offset"], report["kept"]) == (
        "ghosting.emails",
        astray,
        0,
        True,
    )


@pytest.mark.parametrize(
    ("cell", "field"),
    [({"amount": "1,013.50"}, "amount"), ({"currency": "usd"}, "currency"), ({"outcome": "NO ANSWER"}, "outcome")],
)
def test_a_rhythm_does_not_depend_on_optional_cells(cell, field):
    """A client whose every order has an unreadable cell has the rhythm of one without the cell."""
    shards = []
    for extra in ({}, cell):
        shard, intake = shard_of(learning_gaps_min=0)
        intake.read("emails", columns(*(wire(1.6e9 + 604_800 * week, **extra) for week in range(20))), NOW_S)
        shards.append((shard, shard.advance(NOW_S), intake))
    (plain, plain_outcome, _), (odd, odd_outcome, intake) = shards
    assert plain.table.clients[0].contact.tobytes() == odd.table.clients[0].contact.tobytes()
    assert [alert.value for alert in plain_outcome.alerts] == [alert.value for alert in odd_outcome.alerts] != []
    assert intake.left_out == {field: 20}


def test_tombstones_are_refused_and_counted_apart():
    """Who deletes keys is no bad producer: 1,000 tombstones after 200 records are no fault among the others."""
    shard, intake = shard_of()
    values = [wire(1.6e9 + k) for k in range(200)] + [None] * 1000
    counts = intake.read("emails", columns(*values), NOW_S)
    assert (counts.read, counts.refused, counts.tombstones) == (1200, 1000, 1000)
    assert intake.read("emails", columns(b"?", first=1200), NOW_S) == (1, 1, 0)
    assert intake.refused == {"tombstone": 1000, "malformed_json": 1}
    assert len(shard.advance(NOW_S).rejected) == 1001
