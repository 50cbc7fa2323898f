"""The floor: an aiokafka consumer that does nothing with what it reads, or only parses it.

After https://aiokafka.readthedocs.io/en/stable/consumer.html: `getmany` for several records at a time.
"""

import asyncio

import orjson
from aiokafka import AIOKafkaConsumer

import job


async def main() -> None:
    """Read until stopped."""
    meter, parse = job.Meter(), job.given("VARIANT") == "parsed"
    consumer = AIOKafkaConsumer(
        *job.sources(), bootstrap_servers=job.given("BROKER"), group_id=job.given("RUN"), auto_offset_reset="earliest"
    )
    await consumer.start()
    while True:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            if parse:
                for record in records:
                    orjson.loads(record.value)
            meter.add(len(records))


asyncio.run(main())
