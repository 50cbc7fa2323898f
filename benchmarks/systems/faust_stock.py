"""Faust as its own introduction suggests it, with River's EWMean for each client.

After https://faust-streaming.github.io/faust/introduction.html (Record, agent, Table) and
https://riverml.xyz/latest/api/stats/EWMean/. The table lives in memory and its changelog in Kafka.
"""

import sys
from typing import Any

import faust
from river import stats

import job

meter = job.Meter()
app = faust.App(
    job.given("RUN"),
    broker=f"kafka://{job.given('BROKER')}",
    store="memory://",
    topic_partitions=job.PARTITIONS,
    topic_replication_factor=1,
    consumer_auto_offset_reset="earliest",
    datadir=job.given("FOLDER"),
)


class Interaction(faust.Record, serializer="json"):
    """What is needed of an event."""

    client_id: str
    at: float


class Alert(faust.Record, serializer="json"):
    """A gap of more than six means."""

    client_id: str
    at: float
    gap: float
    mean: float


class Client(faust.Record, serializer="pickle"):
    """What is known of a client."""

    count: int
    last: float
    mean: Any  # a stats.EWMean


def stranger() -> Client:
    """Give what is known of a client before its first event."""
    return Client(count=0, last=0.0, mean=stats.EWMean(job.FADING))


alerts = app.topic(f"{job.given('RUN')}.alerts", value_type=Alert)
clients = app.Table("clients", value_type=Client, default=stranger)


@app.agent(app.topic(*job.sources(), value_type=Interaction))
async def watch(interactions):
    """Judge and learn each gap."""
    async for interaction in interactions:
        client = clients[interaction.client_id]
        if client.count:
            gap, mean = interaction.at - client.last, client.mean.get()
            if client.count >= job.GAPS_MIN and gap > job.MEANS * mean:
                await alerts.send(
                    key=interaction.client_id,
                    value=Alert(client_id=interaction.client_id, at=interaction.at, gap=gap, mean=mean),
                )
            client.mean.update(gap)
        client.count, client.last = client.count + 1, interaction.at
        clients[interaction.client_id] = client
        meter.add()


sys.argv[1:] = ["worker", "--loglevel", "warn", "--without-web"]
app.main()
