"""A shard at work: chunks of all sources in, states, alerts and rejections out, in one transaction each time.

Nothing is repaired in place. A failure ends the process; the next owner of the shard restores it from the state topic.
"""

import asyncio
import os
import time
from collections import Counter, deque
from collections.abc import Hashable, Iterator
from contextlib import suppress
from typing import Any

import faust
import structlog
from faust.types import TP, EventT

from detector.core.engine.shard import Outcome, Shard
from detector.core.wire.lookalikes import Lookalikes
from detector.core.wire.reroute import REROUTED
from detector.shell.config.settings import Settings, variable
from detector.shell.kafka.broker_clock import WallClock
from detector.shell.kafka.errors import NotAssigned
from detector.shell.kafka.faust_transport import ChunkConsumer
from detector.shell.kafka.transactions import ShardProducer
from detector.shell.telemetry.metrics import Metrics
from detector.shell.worker.exit_codes import Exit
from detector.shell.worker.failures import exit_of_shard
from detector.shell.worker.meter import Meter
from detector.shell.worker.pauses import Pauses
from detector.shell.worker.restore import restore
from detector.shell.worker.shard_loop import ShardLoop

_FIRST_CHUNK_WAIT_S = 0.2  # a source may turn out to be read to its end without a new record
_COUNTS_EVERY_S = 60

log = structlog.stdlib.get_logger(__name__)


class ShardTask:
    """The shard of one partition number across all sources, with its producer; it lives for as long as we own it."""

    def __init__(
        self,
        settings: Settings,
        partition: int,
        app: faust.App,
        clock: WallClock,
        metrics: Metrics,
        lookalikes: Lookalikes | None = None,
    ) -> None:
        self._settings = settings
        self._partition = partition
        self._app = app
        self._clock = clock
        self._producer = ShardProducer(settings, partition, clock)
        self._loop = ShardLoop(settings, partition, self._producer, lookalikes)
        self._shard, self._topics = self._loop.shard, self._loop.topics
        self.restored: Shard | None = None  # the shard, once it has its state back and works
        self._meter = Meter(metrics, settings, self._shard, self._loop.intake)
        self._chunks: asyncio.Queue[EventT[Any]] = asyncio.Queue()  # the consumer bounds what is in flight
        self._unsought = set(settings.inputs)  # sources whose offset to read from has to be set
        self._unacked: dict[str, deque[EventT[Any]]] = {source: deque() for source in settings.inputs}
        self._read_at: dict[str, float] = {}  # when the last record of a source was read, by the monotonic clock
        self._pauses = Pauses(settings.waiting_records_max)
        self._warned_misrouted: set[str] = set()
        self._counts_logged_at, self._counts_logged = time.monotonic(), Counter[str]()
        self._closed = False
        self._task = asyncio.create_task(self._run_or_end(), name=f"shard {partition}")

    def put(self, chunk: EventT[Any]) -> None:
        """Hand over a chunk."""
        if not self._closed:
            self._chunks.put_nowait(chunk)

    def lag(self, source: str) -> int | None:
        """Count the records of a source that are not applied yet; None if that is not known."""
        read_to = self._shard.read_to(source)
        unread = self._consumer.unread(self._tp(source), read_to)
        return None if unread is None else unread + self._shard.waiting(source)

    def waits(self) -> Iterator[tuple[Exit, Hashable]]:
        """Return what the shard waits for, each with a token that changes when the shard gets on."""
        if self.restored is None:
            yield Exit.RESTORE, id(self)
        elif not self._closed:
            yield Exit.STALLED, (self._loop.reach_s, *map(self._shard.read_to, self._topics))
        if self._producer.is_in_transaction:
            yield Exit.TRANSACTION, self._producer.transactions

    async def close(self, seconds_max: float) -> None:
        """Commit what is applied, if that takes no longer, and stop; the next owner reads the rest again."""
        self._closed = True
        if self.restored is not None:
            await asyncio.wait({self._task}, timeout=seconds_max)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._log_counts()
        await self._producer.stop()

    async def _run_or_end(self) -> None:
        try:
            await self._run()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 (any error ends the process)
            cause = self._producer.broken_by() or error
            restored = self.restored is not None
            os._exit(exit_of_shard(cause, self._settings, self._partition, is_restored=restored))

    async def _run(self) -> None:
        await self._producer.start()
        await self._restore()
        await self._producer.sync_clock()
        self._read_at = dict.fromkeys(self._topics, time.monotonic())
        self.restored = self._shard
        log.info("shard at work", shard=self._partition)  # its first transaction is durable
        while not self._closed:
            await self._seek()
            await self._read_chunks()
            await self._producer.check_drift()
            await self._commit(self._loop.advance(self._complete_to_s))
            self._meter.advanced()
            self._ack()
            self._pause_and_resume()
            if time.monotonic() - self._counts_logged_at >= _COUNTS_EVERY_S:
                self._log_counts()

    async def _restore(self) -> None:
        began = time.perf_counter()
        count = await restore(self._settings, self._partition, self._shard)
        seconds = time.perf_counter() - began
        self._meter.restored(seconds)
        log.info("shard restored", shard=self._partition, records=count, seconds=round(seconds, 3))

    async def _seek(self) -> None:
        """Set the offsets to read from: at first of all sources, later where records were lost on the way to us."""
        offsets = {self._tp(source): self._shard.read_to(source) + 1 for source in self._unsought}
        if offsets:
            with suppress(NotAssigned):  # a rebalance has begun; it either ends us or lets us try again
                await self._consumer.read_from(offsets)
                self._unsought.clear()

    async def _read_chunks(self) -> None:
        """Wait for a chunk, and read with it the others that have come, as far as one transaction may cover them.

        A chunk is as small as the broker's answer, which holds a record or two where events trickle in.
        """
        capacity = self._settings.chunks_per_transaction * self._settings.chunk_records
        with suppress(TimeoutError):
            async with asyncio.timeout(0 if self._loop.is_behind else _FIRST_CHUNK_WAIT_S):
                capacity -= self._read(await self._chunks.get())
        while capacity >= self._settings.chunk_records and not self._chunks.empty():
            capacity -= self._read(self._chunks.get_nowait())

    def _read(self, chunk: EventT[Any]) -> int:
        """Read a chunk; -> how many records it has."""
        topic = chunk.message.topic
        fetched: Any = chunk.message.value  # a FetchedChunk; Faust's types have bytes here
        follows, records = fetched
        self._consumer.in_flight.take(len(records))
        chunk.message.value = chunk.value = None  # the event waits for its ack; the records need not
        source = self._loop.source_of[topic]
        if follows > self._shard.read_to(source):
            self._unsought.add(source)
            return len(records)
        counts = self._loop.read(topic, records, self._now_s())
        self._warn_of_misrouted(source)
        self._read_at[source] = time.monotonic()
        self._unacked[source].append(chunk)
        many, bad = self._settings.rejected_count_min, counts.refused - counts.tombstones
        if bad >= many and bad > self._settings.rejected_share_max * (counts.read - counts.tombstones):
            log.error(
                "too many records rejected; ending before any of them is committed",
                topic=topic,
                partition=self._partition,
                read=counts.read,
                rejected=bad,
                remedy=f"correct the producer, or raise {variable('rejected_share_max')}",
            )
            os._exit(Exit.CONFIG)
        return len(records)

    def _complete_to_s(self, source: str) -> float | None:
        """Return up to which event time a source that was read to its end is complete; None if it holds more."""
        settle_s = self._settle_s(source)
        if time.monotonic() - self._read_at[source] >= settle_s:
            ended_s = self._consumer.read_to_end_at(self._tp(source), self._shard.read_to(source))
            if ended_s is not None:
                return self._now_s() - (time.monotonic() - ended_s) - settle_s
        return None

    def _settle_s(self, source: str) -> float:
        """Return how long an event may be on its way to a source: 0 for reroutes, if there never was one."""
        is_unused = source == REROUTED and self._shard.read_to(REROUTED) < 0
        return 0.0 if is_unused else self._settings.settle_s

    def _now_s(self) -> float:
        return self._clock.now_s(time.time(), time.monotonic())

    async def _commit(self, outcome: Outcome) -> None:
        began = time.perf_counter()
        published = await self._loop.publish(outcome, self._now_s())
        if published is not None:
            self._meter.committed(time.perf_counter() - began, *published)

    def _log_counts(self) -> None:
        """Log what was counted since this shard came to us, if that has changed."""
        counts = self._shard.counts.copy()
        counts["unknown_fields"] = self._loop.intake.unknown_fields
        counts["fields_left_out"] = self._loop.intake.left_out.total()
        if counts != self._counts_logged:
            log.info("counts", shard=self._partition, **counts)
        self._counts_logged_at, self._counts_logged = time.monotonic(), counts
        if lookalikes := self._loop.intake.lookalikes.report_once():
            log.warning(
                "client ids differ from others only in case or blanks; they count as different clients",
                count=lookalikes,
                remedy="write each client's id in one way, if they are not different",
            )

    def _warn_of_misrouted(self, source: str) -> None:
        """Warn once for each source that a producer uses another partitioner than ours."""
        if self._loop.intake.misrouted[source] and source not in self._warned_misrouted:
            self._warned_misrouted.add(source)
            log.warning(
                "records came to another partition than that of their key; they are rerouted, and come later",
                topic=self._topics[source],
                partition=self._partition,
                remedy="produce with Kafka's murmur2 partitioner (librdkafka: partitioner=murmur2_random)",
            )

    def _ack(self) -> None:
        """Have Faust commit the chunks whose records have all been applied."""
        for source, unacked in self._unacked.items():
            while unacked and unacked[0].message.offset <= self._shard.applied_to(source):
                unacked.popleft().ack()

    def _pause_and_resume(self) -> None:
        """Stop fetching a source that is far ahead of the others, until the others have caught up."""
        pause, resume = self._pauses.update({source: self._shard.waiting(source) for source in self._topics})
        if pause:
            self._consumer.pause_partitions(set(map(self._tp, pause)))
        if resume:
            self._consumer.resume_partitions(set(map(self._tp, resume)))

    @property
    def _consumer(self) -> ChunkConsumer:
        consumer = self._app.consumer
        assert isinstance(consumer, ChunkConsumer)
        return consumer

    def _tp(self, source: str) -> TP:
        return TP(self._topics[source], self._partition)
