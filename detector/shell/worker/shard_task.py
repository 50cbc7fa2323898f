"""A shard at work: chunks of all sources in, states, alerts and rejections out, in one transaction each time.

Nothing is repaired in place. What fails ends the process; whoever owns the shard next restores it from the state topic.
"""

import asyncio
import math
import os
import time
from collections import Counter, deque
from collections.abc import Hashable, Iterator
from contextlib import suppress
from typing import Any

import faust
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, ProducerFenced
from faust.types import TP, EventT

from detector.core.engine.intake import Intake
from detector.core.engine.shard import Outcome, Shard
from detector.core.state.table import UnknownLayoutError
from detector.core.wire.lookalikes import Lookalikes
from detector.core.wire.records import columns_of
from detector.core.wire.reroute import REROUTED
from detector.shell.config.policy import policy_of
from detector.shell.config.settings import Settings, variable
from detector.shell.kafka.broker_clock import WallClock
from detector.shell.kafka.client import denied, for_aiokafka
from detector.shell.kafka.faust_transport import ChunkConsumer
from detector.shell.kafka.transactions import Outlet
from detector.shell.telemetry.metrics import Metrics
from detector.shell.worker.exit_codes import Exit
from detector.shell.worker.meter import Meter

_FIRST_CHUNK_WAIT_S = 0.2  # a source may turn out to be read to its end without a new record
_FETCH_BYTES_MAX = 8 << 20
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
        self._outlet = Outlet(settings, partition, clock)
        self._topics = {source: settings.topic(source) for source in settings.inputs}
        self._source_of = {topic: source for source, topic in self._topics.items()}
        self._shard = Shard(policy_of(settings))
        self.restored: Shard | None = None  # the shard, once it has its state back and works
        self._intake = Intake(self._shard, self._topics, partition, settings.partitions, lookalikes)
        self._meter = Meter(metrics, settings, self._shard, self._intake)
        self._chunks: asyncio.Queue[EventT[Any]] = asyncio.Queue()  # the consumer bounds what is on its way
        self._unsought = set(settings.inputs)  # sources that are to be read from where we are, and are not yet
        self._unacked: dict[str, deque[EventT[Any]]] = {source: deque() for source in settings.inputs}
        self._read_at: dict[str, float] = {}  # when the last record of a source was read, by the monotonic clock
        self._paused: set[str] = set()
        self._told_misrouted: set[str] = set()
        self._counts_told_at, self._counts_told = time.monotonic(), Counter[str]()
        self._closed = False
        self._reach_s, self._is_behind = -math.inf, False
        self._task = asyncio.create_task(self._run_or_end(), name=f"shard {partition}")

    def put(self, chunk: EventT[Any]) -> None:
        """Hand over a chunk."""
        if not self._closed:
            self._chunks.put_nowait(chunk)

    def lag(self, source: str) -> int | None:
        """Count the records of a source that are not applied yet; None if nobody knows."""
        read_to = self._shard.read_to(source)
        unread = self._consumer.unread(self._tp(source), read_to)
        return None if unread is None else unread + self._shard.waiting(source)

    def waits(self) -> Iterator[tuple[Exit, Hashable]]:
        """Say what the shard waits for, each with a token that changes when it gets on."""
        if self.restored is None:
            yield Exit.RESTORE, id(self)
        elif not self._closed:
            yield Exit.STALLED, (self._reach_s, *map(self._shard.read_to, self._topics))
        if self._outlet.is_in_transaction:
            yield Exit.TRANSACTION, self._outlet.transactions

    async def close(self, seconds_max: float) -> None:
        """Commit what is applied, if that takes no longer, and stop; the rest is read again by the next owner."""
        self._closed = True
        if self.restored is not None:
            await asyncio.wait({self._task}, timeout=seconds_max)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._tell_counts()
        await self._outlet.stop()

    async def _run_or_end(self) -> None:
        try:
            await self._run()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 (whatever it is, it ends the process)
            self._end(error)

    def _end(self, error: BaseException) -> None:
        """End the process with the code of what happened."""
        reason = self._outlet.broken_by() or error
        said = denied(reason, self._settings)
        match reason:
            case _ if said is not None:
                log.error(said, shard=self._partition)
                code = Exit.PROBLEM
            case ProducerFenced():
                log.error("fenced: another worker owns the shard; ending", shard=self._partition)
                code = Exit.FENCED
            case UnknownLayoutError():
                log.error("the state cannot be read; ending", shard=self._partition, remedy=str(reason))
                code = Exit.PROBLEM
            case KafkaError():
                log.error("the broker failed; ending", shard=self._partition, error=repr(reason))
                code = Exit.RESTORE if self.restored is None else Exit.TRANSACTION
            case _:
                log.error("shard failed; ending", shard=self._partition, exc_info=reason)
                code = Exit.BUG
        os._exit(code)

    async def _run(self) -> None:
        await self._outlet.start()
        await self._restore()
        await self._outlet.ask_the_time()
        self._read_at = dict.fromkeys(self._topics, time.monotonic())
        self.restored = self._shard
        log.info("shard at work", shard=self._partition)  # its first transaction is durable
        while not self._closed:
            await self._seek()
            await self._read_chunks()
            await self._outlet.doubt_the_clock()
            frontier_s = min(map(self._front_s, self._topics))
            self._reach_s = self._shard.within_reach_s(frontier_s)
            self._is_behind = self._reach_s < frontier_s
            outcome = self._shard.advance(self._reach_s)
            if any(outcome):
                await self._commit(outcome)
            self._meter.advanced()
            self._ack()
            self._pause_and_resume()
            if time.monotonic() - self._counts_told_at >= _COUNTS_EVERY_S:
                self._tell_counts()

    async def _restore(self) -> None:
        began, count = time.perf_counter(), 0
        tp = TopicPartition(self._settings.state_topic, self._partition)
        consumer = AIOKafkaConsumer(
            **for_aiokafka(self._settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            max_partition_fetch_bytes=_FETCH_BYTES_MAX,
        )
        try:
            await consumer.start()
            consumer.assign([tp])
            await consumer.seek_to_beginning(tp)
            end = (await consumer.end_offsets([tp]))[tp]
            while await consumer.position(tp) < end:  # passes transaction markers, which are never handed over
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    self._shard.load((record.key, record.value) for record in records)
                    count += len(records)
        finally:
            await consumer.stop()
        self._shard.restore(())
        seconds = time.perf_counter() - began
        self._meter.restored(seconds)
        log.info("shard restored", shard=self._partition, records=count, seconds=round(seconds, 3))

    async def _seek(self) -> None:
        """Let the sources be read from where we are: at first, and where records were lost on the way to us."""
        offsets = {self._tp(source): self._shard.read_to(source) + 1 for source in self._unsought}
        if offsets:
            with suppress(IllegalStateError):  # a rebalance is under way, which ends us or lets us try again
                await self._consumer.read_from(offsets)
                self._unsought.clear()

    async def _read_chunks(self) -> None:
        """Wait for a chunk, and read with it what else has come, as far as one transaction may cover it.

        Chunks are as small as the broker's answers are, many of a record or two where events trickle in.
        """
        room = self._settings.chunks_per_transaction * self._settings.chunk_records
        with suppress(TimeoutError):
            async with asyncio.timeout(0 if self._is_behind else _FIRST_CHUNK_WAIT_S):
                room -= self._read(await self._chunks.get())
        while room >= self._settings.chunk_records and not self._chunks.empty():
            room -= self._read(self._chunks.get_nowait())

    def _read(self, chunk: EventT[Any]) -> int:
        """Read a chunk; -> how many records it has."""
        topic = chunk.message.topic
        value: Any = chunk.message.value  # bytes, to Faust
        follows, records = value
        self._consumer.underway.take(len(records))
        chunk.message.value = chunk.value = None  # the event waits for its ack; the records need not
        source = self._source_of[topic]
        if follows > self._shard.read_to(source):
            self._unsought.add(source)
            return len(records)
        counts = self._intake.read(source, columns_of(records), self._now_s())
        self._tell_misrouted(source)
        self._read_at[source] = time.monotonic()
        self._unacked[source].append(chunk)
        many, bad = self._settings.rejected_count_min, counts.refused - counts.tombstones
        if bad >= many and bad > self._settings.rejected_share_max * (counts.read - counts.tombstones):
            log.error(
                "too many records rejected; ending before anything of them is committed",
                topic=topic,
                partition=self._partition,
                read=counts.read,
                rejected=bad,
                remedy=f"correct the producer, or raise {variable('rejected_share_max')}",
            )
            os._exit(Exit.PROBLEM)
        return len(records)

    def _front_s(self, source: str) -> float:
        """Up to which event time the source is complete."""
        settle_s = self._settle_s(source)
        if time.monotonic() - self._read_at[source] >= settle_s:
            ended_s = self._consumer.read_to_end_at(self._tp(source), self._shard.read_to(source))
            if ended_s is not None:
                return self._now_s() - (time.monotonic() - ended_s) - settle_s
        return self._shard.front_s(source)

    def _settle_s(self, source: str) -> float:
        """How long an event may be on its way to a source; where nothing ever went astray, nothing is."""
        clean = source == REROUTED and self._shard.read_to(REROUTED) < 0
        return 0.0 if clean else self._settings.settle_s

    def _now_s(self) -> float:
        return self._clock.now_s(time.time(), time.monotonic())

    async def _commit(self, outcome: Outcome) -> None:
        began = time.perf_counter()
        current, history = await self._outlet.publish(outcome, self._now_s())
        self._meter.committed(time.perf_counter() - began, current, history)

    def _tell_counts(self) -> None:
        """Say what was counted since this shard came to us, if there is anything new."""
        counts = self._shard.counts.copy()
        counts["unknown_fields"] = self._intake.unknown_fields
        counts["fields_left_out"] = self._intake.left_out.total()
        if counts != self._counts_told:
            log.info("counts", shard=self._partition, **counts)
        self._counts_told_at, self._counts_told = time.monotonic(), counts
        if lookalikes := self._intake.lookalikes.report_once():
            log.warning(
                "client ids differ from others only in case or blanks; they count as different clients",
                count=lookalikes,
                remedy="write each client's id in one way, if they are not different",
            )

    def _tell_misrouted(self, source: str) -> None:
        """Say once that somebody produces to a source with another partitioner than ours."""
        if self._intake.misrouted[source] and source not in self._told_misrouted:
            self._told_misrouted.add(source)
            log.warning(
                "records came to another partition than that of their key; they are rerouted, and come later",
                topic=self._topics[source],
                partition=self._partition,
                remedy="produce with Kafka's murmur2 partitioner (librdkafka: partitioner=murmur2_random)",
            )

    def _ack(self) -> None:
        """Let Faust commit the chunks of which nothing waits any more."""
        for source, unacked in self._unacked.items():
            while unacked and unacked[0].message.offset <= self._shard.applied_to(source):
                unacked.popleft().ack()

    def _pause_and_resume(self) -> None:
        """Stop fetching a source that is far ahead of the others, until they have caught up."""
        most = self._settings.waiting_records_max
        for source in self._topics:
            waiting = self._shard.waiting(source)
            if source not in self._paused and waiting > most:
                self._paused.add(source)
                self._consumer.pause_partitions({self._tp(source)})
            elif source in self._paused and waiting < most / 2:
                self._paused.remove(source)
                self._consumer.resume_partitions({self._tp(source)})

    @property
    def _consumer(self) -> ChunkConsumer:
        consumer = self._app.consumer
        assert isinstance(consumer, ChunkConsumer)
        return consumer

    def _tp(self, source: str) -> TP:
        return TP(self._topics[source], self._partition)
