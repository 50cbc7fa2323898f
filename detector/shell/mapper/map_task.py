"""One partition of another tool's topic: its records are read, mapped, and written in transactions.

A transaction holds what the records became, and the offset that follows them. So a restart goes on behind the last
record whose outcome is durable: nothing is lost, and nothing is written twice.
"""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import faust
import structlog
from faust.types import TP, EventT

from detector.core.wire.reroute import RecordPlace
from detector.mapping.mapper import Mapper
from detector.mapping.run import map_record
from detector.shell.config.settings import Settings, variable
from detector.shell.kafka.errors import NotAssigned
from detector.shell.kafka.faust_transport import ChunkConsumer
from detector.shell.kafka.groups import committed
from detector.shell.kafka.transactional import Pair, PartitionRecords, TransactionalProducer
from detector.shell.mapper.placing import Origin, Placed, Placing
from detector.shell.mapper.tally import Tally, became
from detector.shell.telemetry.metrics import Metrics
from detector.shell.worker.exit_codes import Exit
from detector.shell.worker.failures import exit_of_shard

_CHUNK_WAIT_S: Final = 0.2

log = structlog.stdlib.get_logger(__name__)


class Feed(NamedTuple):
    """A topic of another tool, the group that reads it, and what maps it."""

    topic: str
    group: str
    mapper: Mapper


def feed_of(settings: Settings, topic: str, mapper: Mapper) -> Feed:
    """Return the feed of a topic: its group has the installation's name and the topic's."""
    return Feed(topic, f"{settings.app_id}-map-{topic}", mapper)


class MapTask:
    """The mapping of one partition; it lives for as long as we own the partition.

    Parameters
    ----------
    settings
        In force.
    feed
        What is read.
    partition
        The partition of the feed.
    app
        Faust's app, whose consumer fetches.
    metrics
        The metrics of the process.
    """

    def __init__(self, settings: Settings, feed: Feed, partition: int, app: faust.App, metrics: Metrics) -> None:
        self._settings, self._feed, self._partition, self._app = settings, feed, partition, app
        self._metrics, self._tally, self._placing = metrics, Tally(), Placing(settings)
        self._producer = TransactionalProducer(settings, f"{feed.group}-{partition}")
        self._tp = TP(feed.topic, partition)
        self._read_to = -1  # offset of the last record whose outcome is durable, or of the one before the next
        self._chunks: asyncio.Queue[EventT[Any]] = asyncio.Queue()  # the consumer bounds what is in flight
        self._is_sought = False  # whether the offset to read from has been set
        self._warned = False
        self._closed = False
        self.is_at_work = False
        self._task = asyncio.create_task(self._run_or_end(), name=f"map {partition}")

    def put(self, chunk: EventT[Any]) -> None:
        """Hand over a chunk."""
        if not self._closed:
            self._chunks.put_nowait(chunk)

    def lag(self) -> int | None:
        """Count the records that are not mapped yet; None if that is not known."""
        return self._consumer.unread(self._tp, self._read_to)

    def waits(self) -> Iterator[tuple[Exit, Hashable]]:
        """Return what the task waits for, each with a token that changes when the task gets on."""
        if not self.is_at_work:
            yield Exit.RESTORE, id(self)
        elif not self._closed:
            yield Exit.STALLED, (self._read_to, self._consumer.read_to_end_at(self._tp, self._read_to))
        if self._producer.is_in_transaction:
            yield Exit.TRANSACTION, self._producer.transactions

    async def close(self, seconds_max: float) -> None:
        """Commit what is mapped, if that takes no longer, and stop; the next owner reads the rest again."""
        self._closed = True
        if self.is_at_work:
            await asyncio.wait({self._task}, timeout=seconds_max)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._producer.stop()

    async def _run_or_end(self) -> None:
        try:
            await self._run()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 (any error ends the process)
            cause = self._producer.broken_by() or error
            os._exit(exit_of_shard(cause, self._settings, self._partition, is_restored=self.is_at_work))

    async def _run(self) -> None:
        await self._producer.start()  # fences the former owner, so that the offset that follows is the last one
        offset = await committed(self._settings, self._feed.group, *self._tp)
        self._read_to = offset - 1 if offset >= 0 else -1
        self.is_at_work = True
        log.info("mapping at work", partition=self._partition, offset=self._read_to + 1)
        while not self._closed:
            await self._seek()
            if records := await self._next():
                await self._map(records)

    async def _seek(self) -> None:
        """Set the offset to read from: at first, and where records were lost on the way to us."""
        if not self._is_sought:
            with suppress(NotAssigned):  # a rebalance has begun; it either ends us or lets us try again
                await self._consumer.read_from({self._tp: self._read_to + 1})
                self._is_sought = True

    async def _next(self) -> list[Any]:
        """Return the next records, as many as one transaction may cover; none if nothing comes for a while."""
        records: list[Any] = []
        capacity = self._settings.chunks_per_transaction * self._settings.chunk_records
        with suppress(TimeoutError):
            async with asyncio.timeout(_CHUNK_WAIT_S):
                self._take(await self._chunks.get(), records)
        while len(records) <= capacity - self._settings.chunk_records and not self._chunks.empty():
            self._take(self._chunks.get_nowait(), records)
        return records

    def _take(self, chunk: EventT[Any], records: list[Any]) -> None:
        """Take the records of a chunk that follow those that were read; a gap before them has them fetched again."""
        fetched: Any = chunk.message.value  # a FetchedChunk; Faust's types have bytes here
        follows, new = fetched
        self._consumer.in_flight.take(len(new))
        chunk.message.value = chunk.value = None  # the records need not wait for the ack
        chunk.ack()  # for Faust's books only: the transactions commit the offsets
        read_to = records[-1].offset if records else self._read_to
        if follows > read_to:
            self._is_sought = False
        else:
            records.extend(record for record in new if record.offset > read_to)

    async def _map(self, records: Sequence[Any]) -> None:
        """Map records, and make durable what they became, together with the offset that follows them."""
        began = time.perf_counter()
        written = await self._written(records)
        last = records[-1].offset
        async with self._producer.transaction() as transaction:
            for (topic, partition), pairs in written.items():
                await transaction.write(PartitionRecords(topic, partition, pairs))
            await transaction.commit_offsets(self._feed.group, {self._tp: last + 1})
            await transaction.acknowledged()
        self._read_to = last
        self._metrics.observe("ghosting_mapping_commit_seconds", time.perf_counter() - began)
        self._tally.publish(self._metrics)

    async def _written(self, records: Sequence[Any]) -> dict[tuple[str, int], list[Pair]]:
        """Return what is written for records, by topic and partition, in their order."""
        written: defaultdict[tuple[str, int], list[Pair]] = defaultdict(list)
        kinds: defaultdict[str, int] = defaultdict(int)
        size = self._settings.chunk_records
        for start in range(0, len(records), size):
            for record in records[start : start + size]:
                result = map_record(self._feed.mapper, record.value)
                self._tally.count(result)
                kinds[became(result)] += 1
                origin = Origin(RecordPlace(*self._tp, record.offset), record.key, record.value)
                placed: list[Placed] = list(self._placing.of(result, origin))
                self._tally.count_written(placed, self._placing)
                for topic, partition, key, value in placed:
                    written[topic, partition].append((key, value))
            await asyncio.sleep(0)  # others of this process may go on
        self._judge(len(records), kinds["rejected"], kinds["dropped"])
        return written

    def _judge(self, read: int, rejected: int, dropped: int) -> None:
        """End before a topic that holds something else is drained; warn of one whose records are all dropped."""
        many = self._settings.rejected_count_min
        if rejected >= many and rejected > self._settings.rejected_share_max * read:
            log.error(
                "too many records cannot be mapped; ending before any of them is committed",
                topic=self._feed.topic,
                partition=self._partition,
                read=read,
                rejected=rejected,
                remedy=f"name the mapping that fits the topic, or raise {variable('rejected_share_max')}",
            )
            os._exit(Exit.CONFIG)
        if dropped == read >= many and not self._warned:
            self._warned = True
            log.warning(
                "all of these records were dropped: does the mapping fit the topic?",
                topic=self._feed.topic,
                partition=self._partition,
                read=read,
            )

    @property
    def _consumer(self) -> ChunkConsumer:
        consumer = self._app.consumer
        assert isinstance(consumer, ChunkConsumer)
        return consumer
