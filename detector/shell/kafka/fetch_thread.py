"""Fetches the committed records of our partitions, in Faust's consumer thread.

A partition is not fetched before its shard has set the offset to read from. Every fetch returns the offset that it
follows, so that a shard notices records that were lost on the way.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from aiokafka.consumer.fetcher import FetchResult
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from detector.core.wire.records import Record

FAUST_LOGGER: Final = logging.getLogger("faust.chunks")  # else Faust would log its own steps under our name
FETCH_WAIT_MS: Final = 500  # also how old the knowledge may be that a source was read to its end
LOOK_AGAIN_S: Final = 0.2  # for partitions that were paused, or have no offset to read from yet


class FetchedChunk(NamedTuple):
    """Records of a partition, and the offset that they follow: no record lies between it and the first of them."""

    follows: int
    records: Sequence[Any]


class CommittedThread(driver.AIOKafkaConsumerThread):
    """Reads committed records only, with a short wait at the broker; Faust has no setting for either."""

    logger = FAUST_LOGGER

    def __post_init__(self) -> None:
        super().__post_init__()
        self._assignment: object = None
        self._follows: dict[TP, int] = {}  # of each partition that is read, the last offset before the next fetch

    async def read_from(self, offsets: Mapping[TP, int]) -> None:
        """Set the offsets to read from, in the consumer's own thread."""
        await self.call_thread(self._read_from, offsets)

    async def _read_from(self, offsets: Mapping[TP, int]) -> None:
        self._forget_former()
        for tp, offset in offsets.items():
            self._ensure_consumer().seek(tp, offset)
            self._follows[tp] = offset - 1

    def fetched_to(self, tp: TP) -> int | None:
        """The last offset before the next fetch; None if the shard has not set where to read from."""
        return self._follows.get(tp)

    async def _fetch_records(
        self,
        consumer: Any,  # noqa: ANN401 (aiokafka ships no types)
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 (Faust calls it)
        max_records: int | None = None,
    ) -> Any:  # noqa: ANN401
        self._forget_former()
        wanted = active_partitions & self._follows.keys()
        if not wanted:  # to aiokafka an empty set means all
            await asyncio.sleep(LOOK_AGAIN_S)
            return {}
        _leave_as_they_are(consumer._fetcher._records.values())  # noqa: SLF001
        fetched = await super()._fetch_records(consumer, wanted, min(timeout or 0, LOOK_AGAIN_S), max_records)
        self._forget_former()
        chunks = {}
        for tp, records in fetched.items():
            if tp in self._follows:
                chunks[tp] = FetchedChunk(self._follows[tp], records)
                self._follows[tp] = records[-1].offset
        return chunks

    def _forget_former(self) -> None:
        """Forget the offsets of a former assignment: aiokafka begins each assignment at the committed offsets."""
        subscription = self._ensure_consumer()._subscription.subscription  # noqa: SLF001
        assignment = None if subscription is None else subscription.assignment
        if assignment is not self._assignment:
            self._assignment = assignment
            self._follows.clear()

    def _create_worker_consumer(self, transport: driver.Transport) -> Any:  # noqa: ANN401 (aiokafka ships no types)
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001
        return consumer

    def state_of(self, tp: TP) -> Any:  # noqa: ANN401 (aiokafka ships no types)
        """Return aiokafka's record of a partition, or None if the partition is not assigned to us."""
        subscription = self._ensure_consumer()._subscription.subscription  # noqa: SLF001
        if subscription is None or subscription.assignment is None:
            return None
        return subscription.assignment.state_value(tp)

    @property
    def is_assigned(self) -> bool:
        """Whether the group has assigned partitions to us; an empty assignment counts."""
        if self._consumer is None:
            return False
        subscription = self._consumer._subscription.subscription  # noqa: SLF001
        return subscription is not None and subscription.assignment is not None

    @property
    def has_ended(self) -> bool:
        """Whether the thread, or aiokafka's task that keeps us in the group, has ended; both can die silently."""
        if self._thread is None or self._consumer is None:
            return False
        coordination = getattr(self._consumer._coordinator, "_coordination_task", None)  # noqa: SLF001
        return not self._thread.is_alive() or (coordination is not None and coordination.done())


def _leave_as_they_are(fetched: Iterable[Any]) -> None:
    """Have aiokafka return records as it decoded them: one more object for each of them doubles the cost."""
    for result in fetched:
        if isinstance(result, FetchResult) and result.has_more():
            result._partition_records._consumer_record = _as_it_is  # noqa: SLF001


def _as_it_is(_: object, record: Record) -> Record:
    return record
