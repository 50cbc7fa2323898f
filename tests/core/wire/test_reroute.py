"""A record that came to another partition than its client's: sent on in its turn, and applied there once."""

import json
from typing import NamedTuple

import pytest

from detector.core.engine.intake import Intake
from detector.core.engine.shard import Policy, Shard
from detector.core.primitives.partitioner import partition_of
from detector.core.wire.records import columns_of
from detector.core.wire.reroute import ORIGIN, REROUTED, WRITTEN, RecordPlace, origin_of

NOW_S = 1.7e9
SOURCES = ("emails", "calls")
TOPICS = {source: f"ghosting.{source}" for source in (*SOURCES, REROUTED)}
HOME, ASTRAY = partition_of("ann", 4), (partition_of("ann", 4) + 1) % 4


class Record(NamedTuple):
    """A record as Kafka hands it over."""

    offset: int
    value: bytes | None
    key: bytes | None = b"ann"
    headers: tuple = ()
    timestamp: int | None = None


def wire(at, **fields):
    """Build an interaction as it travels."""
    whole = {"event_id": f"e{at}", "client_id": "ann", "kind": "email", "at": at, "direction": "inbound"}
    return json.dumps(whole | fields).encode()


def shard_of(partition, **policy):
    """Give a shard and its intake."""
    shard = Shard(Policy(sources=SOURCES, **policy))
    return shard, Intake(shard, TOPICS, partition, 4)


def advanced(shard, until_s=NOW_S):
    """Let all sources be complete up to an instant."""
    return shard.advance(until_s)


def arrived(rerouted):
    """Give what was sent on as its own shard reads it."""
    return [Record(k, one.value, one.key, tuple(one.headers)) for k, one in enumerate(rerouted)]


def test_a_record_is_sent_on_as_it_is_and_applied_in_its_own_shard():
    """Value, key and headers are those that were produced; the shard that it came to learns nothing."""
    astray, intake = shard_of(ASTRAY)
    intake.read("emails", columns_of([Record(7, wire(1.6e9), headers=(("trace", b"1"),))]), NOW_S)
    (one,) = advanced(astray).rerouted
    assert (one.partition, one.key, one.value) == (HOME, b"ann", wire(1.6e9))
    assert one.headers == [
        ("trace", b"1"),
        (ORIGIN, f"ghosting.emails/{ASTRAY}/7".encode()),
        (WRITTEN, b"1700000000.0"),
    ]
    assert astray.counts["applied"] == len(astray.table.names) == 0
    home, intake = shard_of(HOME)
    intake.read(REROUTED, columns_of(arrived([one])), NOW_S)
    assert advanced(home).rerouted == []
    assert home.counts["applied"] == 1
    assert home.table.recent_ids(0) == [f"e{1.6e9}"]


def test_a_record_is_sent_on_in_its_turn_with_the_position_behind_it():
    """It waits for the frontier like an interaction; what lies before it is durable with it, not earlier."""
    shard, intake = shard_of(ASTRAY)
    intake.read("emails", columns_of([Record(0, wire(1.6e9))]), NOW_S)
    assert advanced(shard, 1.5e9).rerouted == []
    assert shard.applied_to("emails") == -1
    outcome = advanced(shard)
    assert len(outcome.rerouted) == 1
    assert shard.applied_to("emails") == 0
    again = Shard(Policy(sources=SOURCES))
    again.restore(outcome.states)
    assert again.read_to("emails") == 0


def test_records_of_several_sources_are_sent_on_in_the_order_of_time():
    """What one partition sends on is in event order, whatever source it came from."""
    shard, intake = shard_of(ASTRAY)
    intake.read("emails", columns_of([Record(0, wire(1.6e9)), Record(1, wire(1.62e9))]), NOW_S)
    intake.read("calls", columns_of([Record(0, wire(1.61e9))]), NOW_S)
    assert [json.loads(one.value)["at"] for one in advanced(shard).rerouted] == [1.6e9, 1.61e9, 1.62e9]


def test_a_record_is_sent_on_once_only():
    """What comes to the wrong partition again, by way of the reroute topic, is rejected with where it was produced."""
    shard, intake = shard_of(ASTRAY)
    origin = ((ORIGIN, b"ghosting.calls/2/40"),)
    intake.read(REROUTED, columns_of([Record(0, wire(1.6e9), headers=origin)]), NOW_S)
    outcome = advanced(shard)
    (rejected,) = map(json.loads, outcome.rejected)
    assert outcome.rerouted == []
    assert rejected["reason"] == "misrouted"
    assert (rejected["topic"], rejected["partition"], rejected["offset"]) == ("ghosting.calls", 2, 40)


def test_what_its_own_shard_refuses_is_named_by_where_it_was_produced():
    """A segment too many is found at home; the rejection names the source."""
    shard, intake = shard_of(HOME, segments_max=1)
    origin = ((ORIGIN, b"ghosting.calls/2/40"),)
    intake.read(REROUTED, columns_of([Record(0, wire(1.6e9, segment="new"), headers=origin)]), NOW_S)
    (rejected,) = map(json.loads, advanced(shard).rejected)
    assert (rejected["reason"], rejected["topic"], rejected["offset"]) == ("segment_limit", "ghosting.calls", 40)


@pytest.mark.parametrize("headers", [(), (("other", b"x"),), ((ORIGIN, b"\xff/a/b"),), ((ORIGIN, b"topic"),)])
def test_a_record_that_does_not_say_where_it_comes_from_has_its_own_place(headers):
    """Somebody else may write to the reroute topic; nothing that he writes raises."""
    place = RecordPlace("ghosting.rerouted", 1, 5)
    assert origin_of(headers, place) == place


def test_rerouted_records_are_counted_by_source():
    """They are neither accepted nor rejected where they were found."""
    _, intake = shard_of(ASTRAY)
    counts = intake.read("emails", columns_of([Record(0, wire(1.6e9))]), NOW_S)
    assert (counts.read, counts.refused) == (1, 0)
    assert intake.misrouted == {"emails": 1}
    assert +intake.read_counts == {("emails", "email", "rerouted"): 1}
