"""Makes the state anew from the sources, in a new generation of the state topic; workers are stopped meanwhile.

It does what workers would do that began anew, up to the present, through the same core. What comes out of it has been
published before, most of it: only what is missing is published. Until the last shard is complete, nothing counts, so
that a rebuild that was killed is begun again.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from detector.core.engine.intake import Intake
from detector.core.engine.shard import Outcome, Shard
from detector.core.wire.records import columns_of
from detector.shell.config.policy import policy_of
from detector.shell.config.settings import Settings
from detector.shell.kafka import generations
from detector.shell.kafka.broker_clock import ClockPolicy, WallClock
from detector.shell.kafka.client import for_aiokafka, refusals_told
from detector.shell.kafka.reader import Published, published
from detector.shell.kafka.transactions import Outlet
from detector.shell.operations.no_worker import require_no_worker, started_meanwhile_told

_COMMAND = "ghosting rebuild"
_RECORDS_AT_ONCE = 20_000


class RebuildError(Exception):
    """The state cannot be rebuilt now: one line with the remedy."""


class Rebuilt(NamedTuple):
    """What a rebuild did."""

    topic: str
    former: str
    records: int
    clients: int
    alerts: int
    """That had not been published."""
    rejected: int
    """The same."""
    seconds: float


async def rebuild(settings: Settings, *, partial: bool, progress: Callable[[int, int], None]) -> Rebuilt:
    """Rebuild the state.

    Parameters
    ----------
    settings
        With the generation in force.
    partial
        Whether to go on though the sources no longer hold all that they held.
    progress
        Is told how many records were read, and of how many.

    Raises
    ------
    WorkersRun
        If workers run, or one is started meanwhile.
    RebuildError
        If records are gone and that was not agreed to.
    """
    began = time.perf_counter()
    await require_no_worker(settings, _COMMAND)
    if not partial:
        await _require_all_records(settings)
    new = await generations.begin(settings)
    run = _Run(new, progress)
    with refusals_told(settings), started_meanwhile_told(_COMMAND):
        await run.all_shards()
    await require_no_worker(settings, _COMMAND)
    await generations.put_in_force(new, settings)
    done = Rebuilt(new.state_topic, settings.state_topic, run.records, run.clients, run.alerts, run.rejected, 0.0)
    return done._replace(seconds=time.perf_counter() - began)


async def _require_all_records(settings: Settings) -> None:
    """Refuse to forget in silence what only the state knows."""
    async with _reading(settings, range(settings.partitions)) as consumer:
        first = await consumer.beginning_offsets(consumer.assignment())
    gone = sorted({tp.topic for tp, offset in first.items() if offset > 0})
    if gone:
        raise RebuildError(
            f"{', '.join(gone)}: not all records are kept any more, and what only the dropped ones told would be"
            " forgotten; add --partial to rebuild from what is left, or produce the whole history under a new app id"
        )


class _Run:
    """One rebuild: what it counts, and where it writes."""

    def __init__(self, settings: Settings, progress: Callable[[int, int], None]) -> None:
        self._settings, self._progress = settings, progress
        self._clock = WallClock(ClockPolicy(settings.clock_apart_s_max))
        self._total = 0
        self.records = self.clients = self.alerts = self.rejected = 0

    async def all_shards(self) -> None:
        """Rebuild one shard after the other; all are fenced before anything is read, and still are at the end."""
        partitions = range(self._settings.partitions)
        outlets = [Outlet(self._settings, partition, self._clock) for partition in partitions]
        async with AsyncExitStack() as stack:
            for outlet in outlets:
                stack.push_async_callback(outlet.stop)
                await outlet.start()
            known = await published(self._settings)
            self._total = await self._count(partitions)
            for partition, outlet in enumerate(outlets):
                await self._shard(partition, outlet, known)
            for outlet in outlets:
                await outlet.ask_the_time()

    async def _count(self, partitions: range) -> int:
        async with _reading(self._settings, partitions) as consumer:
            first = await consumer.beginning_offsets(consumer.assignment())
            last = await consumer.end_offsets(consumer.assignment())
        return sum(int(last[tp]) - int(first[tp]) for tp in last)

    async def _shard(self, partition: int, outlet: Outlet, known: Published) -> None:
        settings, complete_s = self._settings, time.time() - self._settings.settle_s
        topics = {source: settings.topic(source) for source in settings.inputs}
        shard = Shard(policy_of(settings))
        intake = Intake(shard, topics, partition, settings.partitions)
        source_of = {TopicPartition(topic, partition): source for source, topic in topics.items()}
        async with _reading(settings, [partition]) as consumer:
            ends = await consumer.end_offsets(list(source_of))
            while True:
                ended = {source for tp, source in source_of.items() if await consumer.position(tp) >= ends[tp]}
                frontier_s = min(complete_s if source in ended else shard.front_s(source) for source in topics)
                reach_s = shard.within_reach_s(frontier_s)
                await self._publish(outlet, known.missing(shard.advance(reach_s)))
                if reach_s < frontier_s:
                    continue
                if ended == topics.keys():
                    break
                wanted = [tp for tp in source_of if shard.waiting(source_of[tp]) <= settings.waiting_records_max]
                found = await consumer.getmany(*wanted, timeout_ms=200, max_records=_RECORDS_AT_ONCE)
                for tp, records in found.items():
                    self.records += intake.read(source_of[tp], columns_of(records), time.time()).read
                self._progress(self.records, self._total)
        self.clients += len(shard.table.names)

    async def _publish(self, outlet: Outlet, outcome: Outcome) -> None:
        if any(outcome):
            await outlet.publish(outcome, time.time())
        self.alerts += len(outcome.alerts)
        self.rejected += len(outcome.rejected)


@asynccontextmanager
async def _reading(settings: Settings, partitions: "range | list[int]") -> AsyncIterator[AIOKafkaConsumer]:
    """Read these partitions of all sources from their beginning."""
    consumer = AIOKafkaConsumer(**for_aiokafka(settings), isolation_level="read_committed", enable_auto_commit=False)
    try:
        await consumer.start()
        tps = [TopicPartition(topic, p) for topic in settings.input_topics for p in partitions]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        yield consumer
    finally:
        await consumer.stop()
