"""What trickles in is taken together: transactions are bounded by records, not by the broker's answers."""

import asyncio
import json
import time
from types import SimpleNamespace

from detector.core.clock import DAY_S
from detector.shell.kafka.broker_clock import ClockPolicy, WallClock
from detector.shell.kafka.fetch_thread import FetchedChunk
from detector.shell.telemetry.catalogue import WORKER
from detector.shell.telemetry.metrics import Metrics
from detector.shell.worker.shard_task import ShardTask
from tests.shell.worker.source import LIFE_SECONDS_MAX, START_S, Source

CHUNKS = 300


def calls():
    """Give a chunk of one call each of one client, day by day."""
    for n in range(CHUNKS):
        event = {
            "event_id": f"e{n}",
            "client_id": "c",
            "kind": "call",
            "at": START_S + n * DAY_S,
            "direction": "inbound",
        }
        value = json.dumps(event).encode()
        yield FetchedChunk(n - 1, [SimpleNamespace(offset=n, key=b"c", value=value, headers=(), timestamp=None)])


async def test_chunks_of_single_records_are_committed_together(installed):
    """Many answers of the broker with a record each need a few transactions, and none of them waits for its turn."""
    settings = (await installed(partitions=1)).model_copy(update={"settle_s": 0.0})  # each transaction is due at once
    ends = dict.fromkeys(settings.input_topics, -1) | {settings.topic("calls"): CHUNKS - 1}
    app, clock = SimpleNamespace(consumer=Source(ends)), WallClock(ClockPolicy(60))
    task = ShardTask(settings, 0, app, clock, Metrics(settings, WORKER))
    for chunk in calls():
        message = SimpleNamespace(topic=settings.topic("calls"), offset=chunk.records[-1].offset, value=chunk)
        task.put(SimpleNamespace(message=message, value=chunk, ack=lambda: None))
    give_up_at = time.monotonic() + LIFE_SECONDS_MAX
    while task._shard.clock_s < time.time() - DAY_S:
        assert time.monotonic() < give_up_at, task._task.get_stack()
        await asyncio.sleep(0.005)
    transactions = task._producer.transactions
    await task.close(settings.shutdown_s_max)
    assert task._shard.counts["applied"] == CHUNKS
    assert transactions < CHUNKS / 10
