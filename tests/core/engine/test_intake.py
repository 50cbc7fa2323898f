"""Records into a shard: what is read, what is refused and why."""

import json
from typing import NamedTuple

import pytest

from detector.core.engine.intake import Intake
from detector.core.engine.shard import Policy, Shard
from detector.core.wire.records import columns_of
from detector.core.wire.routing import address_of

NOW_S = 1.7e9
TOPICS = {"emails": "ghosting.emails"}


class Record(NamedTuple):
    """A record as Kafka hands it over."""

    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple = ()
    timestamp: int | None = None


def wire(**fields):
    """Build an interaction as it travels."""
    whole = {"event_id": "e", "client_id": "ann", "kind": "email", "at": 1.6e9, "direction": "inbound"}
    return json.dumps(whole | fields).encode()


def refused(partition, partitions, *values):
    """Read records and give what was refused."""
    shard = Shard(Policy(sources=("emails",), segments_max=1))
    intake = Intake(shard, TOPICS, partition, partitions)
    counts = intake.read("emails", columns_of([Record(k, value) for k, value in enumerate(values)]), NOW_S)
    rejected = [json.loads(one) for one in shard.advance(NOW_S).rejected]
    assert (counts.read, counts.refused) == (len(values), len(rejected))
    return shard, rejected


def test_good_records_around_a_bad_one_are_applied():
    """A malformed record is refused with its place and reason; its neighbours count."""
    shard, (bad,) = refused(0, 1, wire(), b"{garbage", wire(at=1.61e9))
    assert (bad["topic"], bad["partition"], bad["offset"], bad["reason"]) == ("ghosting.emails", 0, 1, "malformed_json")
    assert shard.counts["applied"] == 2
    assert shard.applied_to("emails") == 2


def test_records_read_before_are_passed_over():
    """Kafka may hand records over again after a restart; they count once."""
    shard = Shard(Policy(sources=("emails",)))
    intake = Intake(shard, TOPICS, 0, 1)
    assert intake.read("emails", columns_of([Record(0, wire())]), NOW_S).read == 1
    assert intake.read("emails", columns_of([Record(0, wire())]), NOW_S).read == 0


@pytest.mark.parametrize(
    "value",
    [b"?", b"[1]", b'{"client_id": 1, "kind": "call"}', b'{"kind": "call"}', b'{"client_id": "", "kind": "call"}'],
)
def test_what_cannot_be_read_goes_to_the_first_source(value):
    """A record without a readable client or kind has a place where it will be refused."""
    assert address_of(value, first="emails", route=str.upper, partitions=4) == ("emails", 0, None)


def test_a_cloudevent_goes_where_its_data_goes():
    """A structured CloudEvent has the address of the plain interaction; the subject may name the client."""
    plain = address_of(b'{"client_id": "ann", "kind": "call"}', first="a", route=str.upper, partitions=4)
    event = {"specversion": "1.0", "subject": "ann", "data": {"kind": "call"}}
    assert address_of(json.dumps(event).encode(), first="a", route=str.upper, partitions=4) == plain
