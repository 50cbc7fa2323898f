"""A state topic as compaction would leave it: so many clients, each once, with a history, written by shards of ours.

    fill.py BROKER APP CLIENTS      the topics of APP exist and have 4 partitions

Five contacts a client, 30 days apart, the last within the last day, so that no deadline passes soon.
"""

import gc
import hashlib
import sys
import time

from confluent_kafka import Producer

from detector.core.engine.intake import Intake
from detector.core.engine.shard import Policy, Shard
from detector.core.primitives.partitioner import partition_of
from detector.core.wire.records import columns_of
from record import Record

PARTITIONS, CONTACTS, GAP_S = 4, 5, 30 * 86_400
CHUNK = 5_000
SOURCES = ("emails", "calls", "orders")


def value_of(client_id: str, contact: int, at_s: float) -> bytes:
    """Give an event."""
    return (
        f'{{"event_id":"{client_id[:16]}-{contact:02d}","client_id":"{client_id}","kind":"email","at":{at_s:.3f},'
        '"direction":"inbound","channel":"email"}'
    ).encode()


def fill(partition: int, client_ids: list[str], now_s: float, producer: Producer, topic: str) -> None:
    """Write the state of one shard."""
    shard = Shard(Policy(sources=SOURCES))
    intake = Intake(shard, {source: source for source in SOURCES}, partition, PARTITIONS)
    offset, step_s = 0, 80_000 / len(client_ids)
    for contact in range(CONTACTS):
        first_s = now_s - 86_400 - (CONTACTS - 1 - contact) * GAP_S
        for start in range(0, len(client_ids), CHUNK):
            chunk = [
                Record(offset + number, client_id.encode(), value_of(client_id, contact, first_s + number * step_s))
                for number, client_id in enumerate(client_ids[start : start + CHUNK], start)
            ]
            intake.read(SOURCES[0], columns_of(chunk), now_s)
        offset += len(client_ids)
    outcome = shard.advance(now_s - 3600)
    for key, value in outcome.states:
        while True:
            try:
                producer.produce(topic, value, key, partition)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()


def main() -> None:
    """Fill all partitions, one after the other."""
    broker, app, clients = sys.argv[1], sys.argv[2], int(sys.argv[3])
    gc.disable()
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 50, "queue.buffering.max.messages": 1_000_000})
    of_partition: dict[int, list[str]] = {partition: [] for partition in range(PARTITIONS)}
    for number in range(clients):
        client_id = hashlib.blake2b(b"%d" % number, digest_size=16).hexdigest()
        of_partition[partition_of(client_id, PARTITIONS)].append(client_id)
    for partition, client_ids in of_partition.items():
        fill(partition, client_ids, time.time(), producer, f"{app}.state")


main()
