"""Bytewax, with or without its recovery store (SQLite files; Bytewax keeps no state in Kafka).

After https://docs.bytewax.io/stable/guide/concepts/stateful-operators.html (`stateful_flat_map`),
.../guide/connectors/kafka.html (`bytewax.connectors.kafka.operators`) and .../guide/concepts/recovery.html.
Started as `python -m bytewax.run bytewax_flow:flow`; it ends by itself at the end of the topics.
"""

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow

import job

meter = job.Meter()
brokers = [job.given("BROKER")]


def by_client(message):
    """Take the key that the state belongs to, and what is needed of the event."""
    interaction = orjson.loads(message.value)
    return interaction["client_id"], interaction["at"]


def watch(client: job.Rhythm | None, at: float):
    """Judge and learn a gap."""
    found = []
    if client and job.exceeds(client, gap := at - client.last_s):
        found = [{"at": at, "gap": gap, "mean": client.mean_s}]
    meter.add()
    return job.learned(client, at), found


def to_message(keyed):
    """Give the alert the form that the sink takes."""
    client_id, alert = keyed
    return KafkaSinkMessage(client_id.encode(), orjson.dumps({"client_id": client_id, **alert}))


flow = Dataflow("watch")
read = kop.input(
    "read",
    flow,
    brokers=brokers,
    topics=job.sources(),
    tail=False,
    add_config={"fetch.queue.backoff.ms": "10"},  # librdkafka's default of 1,000 lets it stand still
)
keyed = op.map("by_client", read.oks, by_client)
alerts = op.stateful_flat_map("watch", keyed, watch)
kop.output("alerts", op.map("to_message", alerts, to_message), brokers=brokers, topic=f"{job.given('RUN')}.alerts")
