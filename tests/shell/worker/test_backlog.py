"""Sources with very different lag: the one that is ahead waits, and memory stays bounded."""

import json
from types import SimpleNamespace

import pytest
from confluent_kafka import Producer

from detector.core.primitives.partitioner import partition_of
from detector.shell.config.policy import policy_of
from detector.shell.config.settings import Settings
from detector.shell.worker import shard_task
from tests import kafka as broker
from tests.faults import durable
from tests.shell.worker.test_worker import DAY_S, START_S, replayed, wait_for, working

AHEAD, MOST = 8000, 1000


@pytest.fixture
async def settings(installed):
    """Give an installation of one shard that lets few records wait."""
    return await installed(partitions=1, chunk_records=100, waiting_records_max=MOST)


def interaction(n, at, kind):
    """Give the value of a record."""
    client = f"client-{n % 20}"
    assert partition_of(client, 1) == 0
    return json.dumps(
        {"event_id": f"{kind}-{n}", "client_id": client, "kind": kind, "at": at, "direction": "inbound"}
    ).encode()


def test_a_source_far_ahead_waits(settings):
    """8,000 records of one source against 10 of another one: all come out as in a replay, though few may wait."""
    emails = [interaction(n, START_S + n * DAY_S / 10, "email") for n in range(AHEAD)]
    orders = [interaction(n, START_S + n * 70 * DAY_S, "order") for n in range(10)]
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    for name, values in (("emails", emails), ("orders", orders)):
        for value in values:
            producer.produce(settings.topic(name), value, json.loads(value)["client_id"], partition=0)
        assert producer.flush(broker.REPLY_SECONDS_MAX) == 0
    expected, _ = replayed(settings, [*emails, *orders])
    assert expected
    with working(settings) as process:
        wait_for(process, settings, len(expected))
    assert durable.values(settings, settings.alerts_topic, settings.history_topic) == expected


def test_fetching_pauses_above_the_bound_and_resumes_below_half_of_it():
    """A source is paused once, and resumed once."""
    told = []
    consumer = SimpleNamespace(
        pause_partitions=lambda tps: told.append(("pause", *tps)),
        resume_partitions=lambda tps: told.append(("resume", *tps)),
    )

    class Task(shard_task.ShardTask):
        _consumer = consumer

    task = object.__new__(Task)
    settings = Settings(app_id="app", sources=("emails",), waiting_records_max=10_000)
    task._settings, task._partition, task._paused = settings, 3, set()
    task._topics = {"emails": "app.emails"}
    for waiting in (10_000, 10_001, 20_000, 5000, 4999, 0):
        task._shard = SimpleNamespace(waiting=lambda _, waiting=waiting: waiting)
        task._pause_and_resume()
    assert told == [("pause", ("app.emails", 3)), ("resume", ("app.emails", 3))]
    assert policy_of(settings).sources == ("emails",)
