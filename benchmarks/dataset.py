"""The events that every system reads, as a file and in Kafka, and what a sorted reader would make of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from confluent_kafka import Producer

import job
from broker import CACHE, Broker

DAYS = 365
BEGINNING_S = 1_735_689_600  # 2025-01-01T00:00:00Z
SPREAD = 1.0  # standard deviation of the logarithm of a client's activity


@dataclass(frozen=True)
class Dataset:
    """Events in the three topics `<name>.emails`, `.calls` and `.orders`.

    Parameters
    ----------
    name
        What the topics begin with.
    events, clients
        How many.
    shares
        Of emails, calls and orders.
    """

    name: str
    events: int
    clients: int
    shares: tuple[float, float, float] = (0.5, 0.3, 0.2)

    @property
    def file(self) -> Path:
        """The same events as NDJSON."""
        return CACHE / f"{self.name}-{self.events}-{self.clients}.ndjson"

    @property
    def sources(self) -> list[str]:
        """The topics."""
        return [f"{self.name}.{source}" for source in job.KINDS.values()]


def events(dataset: Dataset) -> Iterator[tuple[str, str, float, bytes]]:
    """Give client, kind, time and JSON of each event, in the order of time; always the same ones."""
    random = np.random.default_rng(1)
    weights = random.lognormal(0, SPREAD, dataset.clients)
    clients = random.choice(dataset.clients, dataset.events, p=weights / weights.sum()).tolist()
    times = np.sort(random.integers(0, DAYS * 86_400_000, dataset.events)) / 1000 + BEGINNING_S
    kinds = np.array(list(job.KINDS))[random.choice(len(job.KINDS), dataset.events, p=dataset.shares)].tolist()
    for number, (client, at, kind) in enumerate(zip(clients, times.tolist(), kinds, strict=True)):
        client_id = f"client-{client:07d}"
        value = (
            f'{{"event_id":"event-{number:09d}","client_id":"{client_id}","kind":"{kind}","at":{at:.3f},'
            f'"direction":"inbound","channel":"{kind}","thread_id":"thread-{number // 3:08d}","length":{number % 997}}}'
        )
        yield client_id, kind, at, value.encode()


def make(dataset: Dataset, broker: Broker) -> int:
    """Write the file and fill the topics; give the number of alerts that a reader in the order of time raises."""
    if not broker.topics().issuperset(dataset.sources):
        broker.create(dataset.sources, job.PARTITIONS)
    producer = Producer(
        {
            "bootstrap.servers": broker.address,
            "partitioner": "murmur2_random",
            "log_level": 3,  # not that the coordinator is still starting
            "enable.idempotence": True,
            "linger.ms": 50,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    topics = {kind: f"{dataset.name}.{source}" for kind, source in job.KINDS.items()}
    rhythms: dict[str, job.Rhythm] = {}
    alerts = 0
    part = dataset.file.with_suffix(".part")
    with part.open("wb") as file:
        for client_id, kind, at, value in events(dataset):
            file.write(value + b"\n")
            while True:
                try:
                    producer.produce(topics[kind], value, client_id)
                    break
                except BufferError:
                    producer.poll(0.1)
            known = rhythms.get(client_id)
            alerts += known is not None and job.exceeds(known, at - known.last_s)
            rhythms[client_id] = job.learned(known, at)
    producer.flush()
    part.replace(dataset.file)
    return alerts
