"""Rebuilds the state from the sources, in a new generation of the state topic; workers are stopped meanwhile.

It takes the same steps as workers that begin with an empty state, up to the present. Most of the alerts and rejections
that come out have been published before: only missing ones are published. The new generation is in force when its last
shard is complete, so that a rebuild that was killed is begun again.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from detector.shell.config.settings import Settings
from detector.shell.kafka import generations
from detector.shell.kafka.broker_clock import ClockPolicy, WallClock
from detector.shell.kafka.client import started
from detector.shell.kafka.errors import mapping_denials
from detector.shell.kafka.reader import Reader
from detector.shell.kafka.transactions import ShardProducer
from detector.shell.operations.already_published import AlreadyPublished, read_published
from detector.shell.operations.no_worker import mapping_fencing, require_no_worker
from detector.shell.worker.shard_loop import ShardLoop

_COMMAND = "ghosting rebuild"
_RECORDS_AT_ONCE = 20_000


class RebuildError(Exception):
    """The state cannot be rebuilt now. The message is one line with the remedy."""


class Rebuilt(NamedTuple):
    """What a rebuild did."""

    topic: str
    former: str
    records: int
    clients: int
    alerts: int
    """How many alerts were published, because they had not been before."""
    rejected: int
    """How many rejections were published, because they had not been before."""
    seconds: float


async def rebuild(settings: Settings, *, partial: bool, progress: Callable[[int, int], None]) -> Rebuilt:
    """Rebuild the state.

    Parameters
    ----------
    settings
        With the generation in force.
    partial
        Whether to go on although the sources no longer hold all their records.
    progress
        Called with the number of records that were read, and the number of all.

    Raises
    ------
    WorkersRun
        If workers run, or one is started meanwhile.
    RebuildError
        If the sources have dropped records and `partial` is not set.
    """
    began = time.perf_counter()
    await require_no_worker(settings, _COMMAND)
    if not partial:
        await _require_all_records(settings)
    new = await generations.begin(settings)
    run = _Run(new, progress)
    with mapping_denials(settings), mapping_fencing(_COMMAND):
        await run.all_shards()
    await require_no_worker(settings, _COMMAND)
    await generations.put_in_force(new, settings)
    done = Rebuilt(new.state_topic, settings.state_topic, run.records, run.clients, run.alerts, run.rejected, 0.0)
    return done._replace(seconds=time.perf_counter() - began)


async def _require_all_records(settings: Settings) -> None:
    """Check that the sources still hold all records: what only dropped records could tell would be forgotten."""
    reader = Reader(settings, settings.input_topics)
    async with started(reader):
        first = await reader.first_offsets()
    truncated = sorted({topic for (topic, _), offset in first.items() if offset > 0})
    if truncated:
        raise RebuildError(
            f"{', '.join(truncated)}: not all records are kept any more, and what only the dropped ones told would be"
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
        """Rebuild one shard after the other. All shards are fenced before the first record is read, until the end."""
        settings = self._settings
        producers = [ShardProducer(settings, partition, self._clock) for partition in range(settings.partitions)]
        async with started(*producers):
            published = await read_published(settings)
            self._total = await self._count()
            for partition, producer in enumerate(producers):
                await self._shard(partition, producer, published)
            for producer in producers:
                await producer.sync_clock()

    async def _count(self) -> int:
        reader = Reader(self._settings, self._settings.input_topics)
        async with started(reader):
            return await reader.count()

    async def _shard(self, partition: int, producer: ShardProducer, published: AlreadyPublished) -> None:
        """Take the steps of a worker until the shard has applied all that its sources hold."""
        settings, complete_s = self._settings, time.time() - self._settings.settle_s
        loop = ShardLoop(settings, partition, producer)
        reader = Reader(settings, settings.input_topics, [partition])
        async with started(reader):
            await reader.mark_ends()
            while True:
                ended = [source for source, topic in loop.topics.items() if await reader.is_at_end(topic)]
                outcome = published.missing(loop.advance(dict.fromkeys(ended, complete_s).get))
                await loop.publish(outcome, time.time())
                self.alerts += len(outcome.alerts)
                self.rejected += len(outcome.rejected)
                if loop.is_behind:
                    continue
                if len(ended) == len(loop.topics):
                    break
                wanted = [topic for source, topic in loop.topics.items() if loop.has_capacity(source)]
                for batch in await reader.next(wanted, records_max=_RECORDS_AT_ONCE):
                    self.records += loop.read(batch.topic, batch.records, time.time()).read
                self._progress(self.records, self._total)
        self.clients += len(loop.shard.table.names)
