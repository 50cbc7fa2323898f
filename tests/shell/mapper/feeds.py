"""Records of an invented shop on a topic, what they must become, and the process that maps them."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from contextlib import contextmanager

from confluent_kafka import Producer

from detector.core.wire.reroute import RecordPlace
from detector.mapping import library
from detector.mapping.firm import Firm
from detector.mapping.run import map_record
from detector.shell.config.settings import PREFIX
from detector.shell.mapper.placing import Origin, Placing
from tests import kafka as broker
from tests.faults import durable

AT = "2026-03-09T10:00:00Z"


def order(number, client=None):
    """Return an order as the API of Shopify gives it; the id is above 2^53."""
    return {
        "id": 9_007_199_254_740_993 + number,
        "admin_graphql_api_id": f"gid://shopify/Order/{9_007_199_254_740_993 + number}",
        "processed_at": f"2026-03-{1 + number % 28:02d}T{number % 24:02d}:15:00Z",
        "created_at": f"2026-03-{1 + number % 28:02d}T{number % 24:02d}:15:00Z",
        "cancelled_at": None,
        "test": False,
        "total_price": "49.90",
        "currency": "EUR",
        "customer": {"id": client or 800_000_000_000_000_000 + number % 17},
        "email": f"buyer-{number % 17}@customer.example",
        "source_name": "web",
        "financial_status": "paid",
    }


def delivery(topic, body):
    """Return a webhook of Shopify as a capture of it holds it."""
    return json.dumps({"headers": {"X-Shopify-Topic": topic, "X-Shopify-Triggered-At": AT}, "body": body}).encode()


def feed(count):
    """Return the values of a topic: orders, a merge, drops, tombstones and what cannot be mapped."""
    values = [delivery("orders/create", order(number)) for number in range(count)]
    values[3::50] = [None] * len(values[3::50])
    values[5::40] = [b"{nope"] * len(values[5::40])
    values[7::30] = [delivery("products/update", {"id": 1})] * len(values[7::30])
    merge = {"status": "completed", "customer_kept_id": 11, "customer_deleted_id": 12}
    values[9::60] = [delivery("customers/merge", merge)] * len(values[9::60])
    return values


def produce(settings, topic, values, partitions):
    """Write values to a topic, to one partition after the other; return each with its place."""
    producer, offsets, places = Producer({"bootstrap.servers": settings.bootstrap_servers}), defaultdict(int), []
    for number, value in enumerate(values):
        partition = number % partitions
        producer.produce(topic, value, partition=partition)
        places.append((value, partition, offsets[partition]))
        offsets[partition] += 1
    assert producer.flush(broker.REPLY_SECONDS_MAX) == 0
    return places


def mapped_offline(settings, topic, places, preset="shopify"):
    """Return what the records become without Kafka: the records of each topic, sorted."""
    mapper, placing, written = library.load(preset, Firm()).mapper, Placing(settings), defaultdict(list)
    for value, partition, offset in places:
        origin = Origin(RecordPlace(topic, partition, offset), None, value)
        for to, to_partition, key, record in placing.of(map_record(mapper, value), origin):
            written[to].append((to_partition, key, record))
    return {name: sorted(records, key=repr) for name, records in written.items()}


def mapped_by_kafka(settings):
    """Return what is committed on the topics that mappings write to."""
    written = {
        topic: [(record.partition, record.key, record.value) for record in durable.committed(settings, topic)]
        for topic in settings.mapped_topics
    }
    return {name: sorted(records, key=repr) for name, records in written.items() if records}


@contextmanager
def process(settings, *arguments, log, **environment):
    """Run `ghosting` with these settings; nothing is left of it at the end."""
    given = {PREFIX + name.upper(): str(getattr(settings, name)) for name in settings.model_fields_set}
    with log.open("ab") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "detector", *arguments],
            env={**os.environ, **given, **environment},
            cwd=broker.RUN.parents[2],
            stdout=output,
            stderr=output,
        )
    try:
        yield started
    finally:
        started.kill()
        started.wait()
