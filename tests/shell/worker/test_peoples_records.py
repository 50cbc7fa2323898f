"""Records as people's own producers write them, on a real Kafka: what is kept, refused, promised and sent on."""

import itertools
import json
import time

import pytest
from confluent_kafka import Producer

from detector.core.primitives.partitioner import partition_of
from detector.shell.config.settings import Settings
from detector.shell.kafka import topics
from tests import kafka as broker
from tests.faults import durable
from tests.workers import DAY_S, DONE_S_MAX, START_S, known, log_of, rebuild, working


@pytest.fixture
async def settings(kafka, app_id, tmp_path):
    """Return the settings of an installation whose topics exist."""
    installed = Settings(
        bootstrap_servers=kafka, app_id=app_id, partitions=2, settle_s=1, learning_gaps_min=1, data_dir=tmp_path
    )
    await topics.create(installed)
    return installed


def order(client, day, **fields):
    """Build a daily order of a client as it travels."""
    event = {"event_id": f"{client}-{day}", "client_id": client, "kind": "order", "at": START_S + day * DAY_S}
    return json.dumps({**event, "direction": "inbound", **fields}).encode()


def elsewhere():
    """Return another spelling of a client's id that Kafka puts into the other partition."""
    spellings = ("".join(letters) + "@shop.example" for letters in itertools.product("aA", "nN", "nN"))
    return next(one for one in spellings if partition_of(one, 2) != partition_of("ann@shop.example", 2))


def produce(settings, records):
    """Produce keys and values as Kafka's own partitioner does."""
    config = {"bootstrap.servers": settings.bootstrap_servers, "partitioner": "murmur2_random"}
    producer = Producer(config)
    for key, value in records:
        producer.produce(settings.topic("orders"), value, key)
    assert producer.flush(broker.REPLY_SECONDS_MAX) == 0


def reports(settings):
    """Return what is on the rejected topic."""
    return [json.loads(value) for value in durable.values(settings, settings.rejected_topic)]


def test_what_people_write_is_heard_and_reported_once(settings):
    """Across a restart and a rebuild: tombstones stop no worker, cells cost no contact, spellings make no client."""
    now_s, other = time.time(), elsewhere()
    written = [(f"C-{day}", order(f"C-{day}", day, amount=80)) for day in range(200)]
    kept = [("ann@shop.example", order("ann@shop.example", day, amount="1,013.50")) for day in range(3)]
    spelled = [(other, order(other, 3, currency="usd"))]
    mistyped = [("ann@shop.example", order("ann@shop.example", 4, at=now_s + 366 * DAY_S))]
    planned = [("bob", order("bob", 0, kind="meeting", at=now_s + 20 * 3600, outcome="accepted"))]
    purge = [(f"C-{n}", None) for n in range(1000)]
    in_time = sorted([*written, *kept, *spelled], key=lambda record: json.loads(record[1])["at"])
    produce(settings, [*in_time, *mistyped, *planned, *purge])
    clients = {"ann@shop.example", "bob", *(client for client, _ in written)}
    expected = {"tombstone": 1000, "invalid_field": 4, "time_out_of_range": 1}

    def is_done():
        counts = dict.fromkeys(expected, 0)
        for report in reports(settings):
            counts[report["reason"]] += 1
        return counts == expected and known(settings).keys() >= clients

    with working(settings) as worker:
        broker.wait_until(lambda: worker.poll() is not None or is_done(), "all is durable", DONE_S_MAX)
        assert worker.poll() is None, log_of(settings).read_text()[-2000:]
    before, told = known(settings), sorted(map(json.dumps, reports(settings)))
    assert "ann@shop.example" in before
    assert other not in before
    fields = sorted(tuple(report["fields"]) for report in reports(settings) if report["kept"])
    assert fields == [("amount",), ("amount",), ("amount",), ("currency",)]

    with working(settings):
        log = log_of(settings)
        broker.wait_until(lambda: log.read_text().count('"shard at work"') == 4, "both shards work again", DONE_S_MAX)
    _, done, _ = rebuild(settings)
    assert (done["clients"], done["alerts"], done["rejected"]) == (202, 0, 0)
    assert known(settings.model_copy(update={"state_generation": 2})) == before
    assert sorted(map(json.dumps, reports(settings))) == told
    assert "shop.example" not in log_of(settings).read_text()
