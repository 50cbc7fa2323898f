"""Sources with very different lag: the one that is ahead is not read further, and memory stays bounded."""

import json
import time
from contextlib import contextmanager
from urllib.request import urlopen

import pytest
from confluent_kafka import Producer
from prometheus_client.parser import text_string_to_metric_families

from detector.shell.worker.pauses import Pauses
from tests import kafka as broker
from tests.faults import durable
from tests.workers import DAY_S, DONE_S_MAX, START_S, replayed, wait_for, working

MOST = 1000  # records that may wait
AHEAD = 150_000  # more than may be in flight (60,000) and come with one fetch (20,000) before fetching stops
EMAILS_PER_DAY, CLIENTS = 300, 20
UNCHANGED_S = 3  # a worker that reads takes thousands of records in this time


@pytest.fixture
async def settings(installed):
    """Make an installation of one shard that lets few records wait, and serves its metrics."""
    return await installed(partitions=1, chunk_records=100, waiting_records_max=MOST, http_port=broker.free_port())


def interaction(name, client, kind, at):
    """Build the value of a record."""
    return json.dumps({"event_id": name, "client_id": client, "kind": kind, "at": at, "direction": "inbound"}).encode()


def emails():
    """Build the emails of clients who write on a day each, one client after the other, again and again."""
    for n in range(AHEAD):
        client = f"client-{n // EMAILS_PER_DAY % CLIENTS}"
        yield interaction(f"email-{n}", client, "email", START_S + n * DAY_S / EMAILS_PER_DAY)


def emails_read(settings):
    """Return how many emails the worker says that it has read; 0 if it does not answer yet."""
    try:
        with urlopen(f"http://127.0.0.1:{settings.http_port}/metrics", timeout=broker.REPLY_SECONDS_MAX) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
    except OSError:
        return 0
    samples = (sample for family in families for sample in family.samples)
    return sum(
        sample.value
        for sample in samples
        if sample.name == "ghosting_interactions_total" and sample.labels["source"] == "emails"
    )


def read_until_it_stops(settings):
    """Wait until the worker has read more emails than may wait, and reads no more; return how many it has read."""
    broker.wait_until(lambda: emails_read(settings) > MOST, "more emails are read than may wait", DONE_S_MAX)
    count, since_s = emails_read(settings), time.monotonic()
    while time.monotonic() - since_s < UNCHANGED_S:
        time.sleep(0.1)
        if (now := emails_read(settings)) != count:
            count, since_s = now, time.monotonic()
    return count


@contextmanager
def uncommitted(settings, value):
    """Write an order that nobody can read before the block has ended: its source stays incomplete until then."""
    producer = Producer({
        "bootstrap.servers": settings.bootstrap_servers,
        "transactional.id": f"{settings.app_id}-orders",
        "transaction.timeout.ms": 1000 * DONE_S_MAX,
    })  # fmt: skip
    producer.init_transactions(broker.REPLY_SECONDS_MAX)
    producer.begin_transaction()
    producer.produce(settings.topic("orders"), value, "client-0", partition=0)
    assert producer.flush(broker.REPLY_SECONDS_MAX) == 0
    yield
    producer.commit_transaction(broker.REPLY_SECONDS_MAX)


def test_a_source_far_ahead_waits(settings):
    """While orders are incomplete, emails are not read to their end; afterwards all comes out as in a replay."""
    values = list(emails())
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers, "queue.buffering.max.messages": AHEAD})
    for value in values:
        producer.produce(settings.topic("emails"), value, json.loads(value)["client_id"], partition=0)
    assert producer.flush(broker.REPLY_SECONDS_MAX) == 0
    order = interaction("order", "client-0", "order", START_S + DAY_S)
    expected, _ = replayed(settings, [*values, order])
    assert len(expected) >= CLIENTS
    with working(settings) as process:
        with uncommitted(settings, order):
            assert MOST < read_until_it_stops(settings) < AHEAD
        wait_for(process, settings, len(expected))
    assert durable.values(settings, settings.alerts_topic, settings.history_topic) == expected


def test_fetching_pauses_above_the_bound_and_resumes_below_half_of_it():
    """A source is paused once, and resumed once; another source is left alone."""
    pauses = Pauses(waiting_max=10_000)
    changes = [
        pauses.update({"emails": waiting, "calls": 10_000}) for waiting in (10_000, 10_001, 20_000, 5000, 4999, 0)
    ]
    assert [sorted(change.pause) for change in changes] == [[], ["emails"], [], [], [], []]
    assert [sorted(change.resume) for change in changes] == [[], [], [], [], ["emails"], []]
