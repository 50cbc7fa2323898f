"""Faust with what its documentation offers for speed: uvloop, lingering producer, bigger fetches, small plain values.

After https://faust-streaming.github.io/faust/userguide/settings.html (producer_linger, consumer_max_fetch_size,
broker_max_poll_records, stream_buffer_maxsize, stream_wait_empty) and https://faust-streaming.github.io/faust/faq.html
(uvloop). Cython is part of Faust's wheels. No Record objects, no River objects: orjson and lists of three numbers.
"""

import sys

import mode.loop

mode.loop.use("uvloop")

import faust  # noqa: E402 - the loop has to be chosen first

import job  # noqa: E402

meter = job.Meter()
app = faust.App(
    job.given("RUN"),
    broker=f"kafka://{job.given('BROKER')}",
    store="memory://",
    topic_partitions=job.PARTITIONS,
    topic_replication_factor=1,
    consumer_auto_offset_reset="earliest",
    datadir=job.given("FOLDER"),
    producer_linger=0.05,
    producer_max_batch_size=1 << 18,
    consumer_max_fetch_size=4 << 20,
    broker_max_poll_records=20_000,
    stream_buffer_maxsize=65_536,
    stream_wait_empty=False,
)
alerts = app.topic(f"{job.given('RUN')}.alerts", value_serializer="json")
clients = app.Table("clients", schema=faust.Schema(value_serializer="json"))


@app.agent(app.topic(*job.sources(), value_serializer="json"))
async def watch(interactions):
    """Judge and learn each gap."""
    async for interaction in interactions:
        client_id, at = interaction["client_id"], interaction["at"]
        found = clients.get(client_id)
        client = job.Rhythm(*found) if found else None
        if client and job.exceeds(client, gap := at - client.last_s):
            await alerts.send(
                key=client_id, value={"client_id": client_id, "at": at, "gap": gap, "mean": client.mean_s}
            )
        clients[client_id] = list(job.learned(client, at))
        meter.add()


sys.argv[1:] = ["worker", "--loglevel", "warn", "--without-web"]
app.main()
