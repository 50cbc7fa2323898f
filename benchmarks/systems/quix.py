"""Quix Streams 3, at least once or exactly once.

After https://quix.io/docs/quix-streams/processing.html, .../advanced/stateful-processing.html (`stateful=True`),
.../concatenating.html and .../configuration.html (`processing_guarantee`). State lives in RocksDB and in a changelog
topic.
"""

from quixstreams import Application, State

import job

meter = job.Meter()
app = Application(
    broker_address=job.given("BROKER"),
    consumer_group=job.given("RUN"),
    auto_offset_reset="earliest",
    processing_guarantee=job.given("VARIANT"),
    state_dir=job.given("FOLDER"),
    loglevel="WARNING",
    consumer_extra_config={"fetch.queue.backoff.ms": 10},  # librdkafka's default is 1,000, Quix's own 100
)


def event_time_ms(interaction, _headers, _timestamp_ms, _timestamp_type):
    """Give the event's own time, so that the topics are read in step as far as Quix does that."""
    return int(interaction["at"] * 1000)


def watch(interaction: dict, state: State) -> dict | None:
    """Judge and learn a gap."""
    found, at = state.get("rhythm"), interaction["at"]
    client = job.Rhythm(*found) if found else None
    alert = None
    if client and job.exceeds(client, gap := at - client.last_s):
        alert = {"client_id": interaction["client_id"], "at": at, "gap": gap, "mean": client.mean_s}
    state.set("rhythm", list(job.learned(client, at)))
    meter.add()
    return alert


first, *others = [
    app.dataframe(app.topic(name, value_deserializer="json", timestamp_extractor=event_time_ms))
    for name in job.sources()
]
frame = first
for other in others:
    frame = frame.concat(other)
frame = frame.apply(watch, stateful=True).filter(lambda alert: alert is not None)
frame.to_topic(app.topic(f"{job.given('RUN')}.alerts", value_serializer="json"))

app.run()
