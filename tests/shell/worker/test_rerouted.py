"""Producers with another partitioner than Kafka's: their records find their shards, on a real Kafka."""

import json
import time

import pytest
from confluent_kafka import Producer

from detector.core.primitives.partitioner import partition_of
from detector.core.wire.reroute import REROUTED
from detector.shell.config.settings import Settings
from detector.shell.kafka import topics
from tests import kafka as broker
from tests.faults import durable
from tests.workers import DAY_S, DONE_S_MAX, START_S, log_of, working

CLIENTS = [f"client-{n}" for n in range(8)]


@pytest.fixture
async def settings(kafka, app_id, tmp_path):
    """Give the settings of an installation whose topics exist."""
    found = Settings(bootstrap_servers=kafka, app_id=app_id, settle_s=1, data_dir=tmp_path)
    await topics.create(found)
    return found


def calls(first, count):
    """Give calls of each client, day by day, as values by client."""
    return [
        (client, json.dumps({
            "event_id": f"{client}-{n}", "client_id": client, "kind": "call", "at": START_S + n * DAY_S,
            "direction": "inbound",
        }).encode())
        for n in range(first, first + count)
        for client in CLIENTS
    ]  # fmt: skip


def produce_astray(settings, topic, records):
    """Produce each to the partition behind that of its client."""
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    for client, value in records:
        partition = (partition_of(client, settings.partitions) + 1) % settings.partitions
        producer.produce(topic, value, client, partition=partition)
    assert producer.flush(broker.REPLY_SECONDS_MAX) == 0


def known(settings):
    """Give the shard of each client and the ids of its last contacts, as they are durable."""
    return {
        name: (p, shard.table.recent_ids(row))
        for p, shard in enumerate(durable.restored(settings))
        for row, name in enumerate(shard.table.names)
    }


def wait_for(settings, worker, expected):
    """Wait until the state knows this of all clients."""
    give_up_at = time.monotonic() + DONE_S_MAX
    while (found := known(settings)) != expected:
        assert worker.poll() is None, "the worker ended"
        assert time.monotonic() < give_up_at, found
        time.sleep(0.2)


def last_of(settings, count):
    """Say what is to be known after so many calls of each client."""
    return {
        client: (partition_of(client, settings.partitions), [f"{client}-{n}" for n in range(count - 3, count)])
        for client in CLIENTS
    }


def test_misrouted_records_are_applied_in_their_own_shards_once_and_in_order(settings):
    """Across a restart, with one warning per source and shard, and without a rejection."""
    first, second = calls(0, 4), calls(4, 3)
    produce_astray(settings, settings.topic("calls"), first)
    with working(settings) as worker:
        wait_for(settings, worker, last_of(settings, 4))
    with working(settings) as worker:
        produce_astray(settings, settings.topic("calls"), second)
        wait_for(settings, worker, last_of(settings, 7))
    assert durable.values(settings, settings.rerouted_topic) == sorted(value for _, value in first + second)
    assert durable.values(settings, settings.rejected_topic) == []
    warned = [line for line in log_of(settings).read_text().splitlines() if "they are rerouted" in line]
    places = {(json.loads(line)["topic"], json.loads(line)["partition"]) for line in warned}
    assert {topic for topic, _ in places} == {settings.topic("calls")}
    assert len(warned) == 2 * len(places)


def test_what_is_misrouted_in_the_reroute_topic_is_rejected(settings):
    """Nothing goes round in circles."""
    records = calls(0, 1)
    produce_astray(settings, settings.topic(REROUTED), records)
    give_up_at = time.monotonic() + DONE_S_MAX
    with working(settings) as worker:
        while len(found := durable.values(settings, settings.rejected_topic)) < len(records):
            assert worker.poll() is None, "the worker ended"
            assert time.monotonic() < give_up_at, found
            time.sleep(0.2)
    assert {json.loads(value)["reason"] for value in found} == {"misrouted"}
    assert {json.loads(value)["topic"] for value in found} == {settings.rerouted_topic}


@pytest.fixture
async def patient(kafka, app_id, tmp_path):
    """Give an installation of one shard in which records may be on their way for an hour."""
    found = Settings(bootstrap_servers=kafka, app_id=app_id, partitions=1, settle_s=3600, data_dir=tmp_path)
    await topics.create(found)
    return found


@pytest.mark.parametrize("age_s", [100 * DAY_S, 120])
def test_nobody_waits_for_records_that_never_go_astray(patient, age_s):
    """A history and what is new are applied as they are read, however long what is rerouted may be on its way."""
    producer, first_s = Producer({"bootstrap.servers": patient.bootstrap_servers}), time.time() - age_s
    for kind in ("email", "call", "order"):
        for number, (client, value) in enumerate(calls(0, 10)):
            event = json.loads(value) | {"kind": kind, "event_id": f"{kind} {client}", "at": first_s + number}
            producer.produce(patient.topic(f"{kind}s"), json.dumps(event), client, partition=0)
    assert producer.flush(broker.REPLY_SECONDS_MAX) == 0
    with working(patient) as worker:
        give_up_at = time.monotonic() + DONE_S_MAX
        while known(patient).keys() != set(CLIENTS):
            assert worker.poll() is None, log_of(patient).read_text()
            assert time.monotonic() < give_up_at
            time.sleep(0.1)
