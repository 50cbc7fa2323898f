"""The floor: a confluent-kafka consumer that does nothing with what it reads, or only parses it.

After https://docs.confluent.io/platform/current/clients/confluent-kafka-python/html/index.html: `consume` for several
records at a time.
"""

import orjson
from confluent_kafka import Consumer

import job

RECORDS_AT_ONCE = 10_000
SECONDS_MAX = 0.1


def main() -> None:
    """Read until stopped."""
    meter, parse = job.Meter(), job.given("VARIANT") == "parsed"
    consumer = Consumer(
        {
            "bootstrap.servers": job.given("BROKER"),
            "group.id": job.given("RUN"),
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 10,  # its default of 1,000 lets it stand still when its queue was full
        }
    )
    consumer.subscribe(job.sources())
    while True:
        records = consumer.consume(RECORDS_AT_ONCE, SECONDS_MAX)
        if parse:
            for record in records:
                orjson.loads(record.value())
        meter.add(len(records))


main()
