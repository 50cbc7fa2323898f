"""A chunk as columns: the fast way and the slow way leave the same in a shard."""

import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.core.engine.intake import Intake
from detector.core.engine.shard import Policy, Shard
from detector.core.primitives.partitioner import partition_of
from detector.core.wire.fields import DIRECTIONS, KINDS, OUTCOMES
from detector.core.wire.records import columns_of
from tests.builders import DAY_S, NOW_S, START_S, known

SLOW = {"attributes": {"any": 1}}  # nested: never read the fast way, and of no consequence
POLICY = Policy(sources=("emails",), learning_gaps_min=0, segments_max=3)

interactions = st.fixed_dictionaries(
    {
        "event_id": st.integers(0, 30).map("e{}".format),
        "client_id": st.sampled_from(["ann", "bob", "cyd", "ann ", "Dan@x", "dan@x"]),
        "kind": st.sampled_from(KINDS),
        "at": st.floats(0, 300).map(lambda day: START_S + round(day * DAY_S)) | st.just(NOW_S + DAY_S / 2),
        "direction": st.sampled_from(DIRECTIONS),
    },
    optional={
        "account_id": st.sampled_from(["acme", "apex"]),
        "channel": st.sampled_from(["shop", "fair", "email"]),
        "thread_id": st.sampled_from(["t1", "t2"]),
        "segment": st.sampled_from(["vip", "key", "one too many", "two too many"]),
        "outcome": st.sampled_from(OUTCOMES),
        "amount": st.integers(-5, 500) | st.just("1,013.50"),
        "currency": st.sampled_from(["EUR", "USD", "usd"]),
        "substantive": st.booleans(),
        "length": st.integers(0, 900),
        "automated": st.booleans(),
        "sentiment": st.sampled_from([-0.5, 0, 0.25]),
    },
)


def record(offset, value, key=None, headers=(), timestamp=None):
    """Return a record as Kafka hands it over."""
    return SimpleNamespace(offset=offset, key=key, value=value, headers=headers, timestamp=timestamp)


def shard_of(events, extra, refused=POLICY):
    """Let a shard read events that have some further fields, and go to the end of its clock."""
    shard = Shard(refused)
    intake = Intake(shard, {"emails": "t"}, 0, 1)
    records = [record(k, json.dumps(event | extra).encode()) for k, event in enumerate(events)]
    intake.read("emails", columns_of(records), NOW_S)
    return shard, intake, shard.advance(NOW_S)


@given(st.lists(interactions, max_size=40))
def test_both_ways_of_reading_come_to_the_same(events):
    """Rows, alerts, counts and refusals do not depend on how a record was read."""
    fast, fast_intake, fast_outcome = shard_of(events, {})
    slow, slow_intake, slow_outcome = shard_of(events, SLOW)
    assert fast_outcome.alerts == slow_outcome.alerts
    assert known(fast) == known(slow)
    assert fast.counts == slow.counts
    assert fast_intake.read_counts == slow_intake.read_counts
    assert len(fast_outcome.rejected) == len(slow_outcome.rejected)
    assert fast_intake.left_out == slow_intake.left_out
    assert (fast_intake.promises, fast_intake.refused) == (slow_intake.promises, slow_intake.refused)


def wire(**fields):
    """Build an interaction as it travels."""
    whole = {"event_id": "e", "client_id": "ann", "kind": "email", "at": START_S, "direction": "inbound"}
    return json.dumps(whole | fields).encode()


@pytest.mark.parametrize(
    ("of_one", "reason"),
    [
        (record(1, wire(), key=b"bob"), "key_mismatch"),
        (record(1, wire(), key=b"bo"), "key_mismatch"),
        (record(1, wire(at=NOW_S + 2 * DAY_S)), "time_out_of_range"),
        (record(1, wire(at=6e8)), "time_out_of_range"),
        (record(1, None), "tombstone"),
        (record(1, wire(length="x" * 70_000)), "too_large"),
        (record(1, wire(), headers=(("ce_specversion", b"1.0"),)), "invalid_envelope"),
    ],
)
def test_what_a_kernel_cannot_judge_is_refused_with_its_reason(of_one, reason):
    """And what lies around it is read."""
    shard = Shard(POLICY)
    intake = Intake(shard, {"emails": "t"}, 0, 1)
    around = [record(0, wire(event_id="a"), key=b"ann"), of_one, record(2, wire(event_id="b"))]
    assert intake.read("emails", columns_of(around), NOW_S)[:2] == (3, 1)
    (bad,) = shard.advance(NOW_S).rejected
    assert json.loads(bad)["reason"] == reason
    assert shard.counts["applied"] == 2


def test_fields_that_nobody_knows_are_counted():
    """Whichever way they are read."""
    shard = Shard(POLICY)
    intake = Intake(shard, {"emails": "t"}, 0, 1)
    intake.read("emails", columns_of([record(0, wire(a=1, b=None)), record(1, wire(c=1, **SLOW))]), NOW_S)
    assert intake.unknown_fields == 3


def test_many_clients_in_one_chunk_find_room():
    """All of the partition, and none of another."""
    shard = Shard(POLICY)
    intake = Intake(shard, {"emails": "t"}, 1, 2)
    names = [f"client-{k}" for k in range(5000)]
    records = [record(k, wire(event_id=name, client_id=name)) for k, name in enumerate(names)]
    own = [name for name in names if partition_of(name, 2) == 1]
    assert intake.read("emails", columns_of(records), NOW_S) == (5000, 0, 0)
    assert list(shard.table.names) == own
    assert intake.misrouted == {"emails": 5000 - len(own)}


def test_a_channel_beyond_the_bound_is_not_named():
    """It counts as any other contact."""
    shard = Shard(POLICY)
    intake = Intake(shard, {"emails": "t"}, 0, 1)
    records = [record(k, wire(event_id=f"e{k}", channel=f"channel {k}")) for k in range(300)]
    intake.read("emails", columns_of(records), NOW_S)
    shard.advance(NOW_S)
    assert shard.counts["applied"] == 300
    assert len(shard.table.channels) == 255
