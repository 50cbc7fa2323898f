"""Reads partitions of topics from their beginning to where they end, or further: committed records only.

Everything that reads a topic outside of a consumer group reads it by this class: a worker's restore, rebuilds,
erasures, the incidents that a forwarder reports, `ghosting watch` and the demo.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from detector.shell.config.settings import Settings
from detector.shell.kafka.client import for_aiokafka, started

_WAIT_S = 0.2
_FETCH_BYTES_MAX = 1 << 20  # aiokafka's own default


class Batch(NamedTuple):
    """Records of one partition, in the order of their offsets."""

    topic: str
    records: Sequence[Any]  # aiokafka ships no types


class Reader:
    """A consumer without a group: it reads every partition that it is given, and commits nothing.

    Parameters
    ----------
    settings
        Of the installation; its topics exist.
    topics
        Which topics to read.
    partitions
        Which partitions of each topic; None = all.
    from_end
        Whether to begin behind the last record of each partition instead of at the first one.
    fetch_bytes_max
        The most that the broker returns of one partition at once.
    checks_crcs
        Whether to check the checksums of what the broker returns.
    """

    def __init__(
        self,
        settings: Settings,
        topics: Iterable[str],
        partitions: Iterable[int] | None = None,
        *,
        from_end: bool = False,
        fetch_bytes_max: int = _FETCH_BYTES_MAX,
        checks_crcs: bool = True,
    ) -> None:
        numbers = list(range(settings.partitions) if partitions is None else partitions)
        self._tps = [TopicPartition(topic, number) for topic in topics for number in numbers]
        self._from_end = from_end
        self._ends: dict[TopicPartition, int] = {}
        self._consumer = AIOKafkaConsumer(
            **for_aiokafka(settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="latest" if from_end else "earliest",  # where records were dropped before we read them
            max_partition_fetch_bytes=fetch_bytes_max,
            check_crcs=checks_crcs,
        )

    async def start(self) -> None:
        """Connect, and go to where reading begins."""
        await self._consumer.start()
        self._consumer.assign(self._tps)
        await (self._consumer.seek_to_end if self._from_end else self._consumer.seek_to_beginning)(*self._tps)

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def first_offsets(self) -> dict[tuple[str, int], int]:
        """Ask which offset each partition begins with: more than 0 if records were dropped."""
        return {tuple(tp): int(offset) for tp, offset in (await self._consumer.beginning_offsets(self._tps)).items()}

    async def count(self) -> int:
        """Count the offsets that the partitions hold now, transaction markers included."""
        first, last = await self._consumer.beginning_offsets(self._tps), await self._consumer.end_offsets(self._tps)
        return sum(int(last[tp]) - int(first[tp]) for tp in self._tps)

    async def mark_ends(self, topics: Iterable[str] | None = None) -> None:
        """Remember where the partitions of these topics, or of all, end now: `is_at_end` compares with that."""
        self._ends |= await self._consumer.end_offsets(self._tps_of(topics))

    async def is_at_end(self, topic: str) -> bool:
        """Check whether a topic was read to the marked ends. Transaction markers count, and are never returned."""
        return not await self._unread([topic])

    async def next(
        self, topics: Iterable[str] | None = None, *, wait_s: float = _WAIT_S, records_max: int | None = None
    ) -> list[Batch]:
        """Return the next records of these topics, or of all; none if nothing comes within `wait_s`."""
        return await self._take(self._tps_of(topics), wait_s, records_max)

    async def to_end(self, topics: Iterable[str] | None = None) -> AsyncIterator[Batch]:
        """Read these topics, or all, up to where they end at the time of the call."""
        wanted = list(topics) if topics is not None else None
        await self.mark_ends(wanted)
        while unread := await self._unread(wanted):
            for batch in await self._take(unread, _WAIT_S):
                yield batch

    async def _take(self, tps: Iterable[TopicPartition], wait_s: float, records_max: int | None = None) -> list[Batch]:
        fetched = await self._consumer.getmany(*tps, timeout_ms=int(wait_s * 1000), max_records=records_max)
        return [Batch(tp.topic, records) for tp, records in fetched.items()]

    async def _unread(self, topics: Iterable[str] | None) -> list[TopicPartition]:
        return [tp for tp in self._tps_of(topics) if await self._consumer.position(tp) < self._ends[tp]]

    def _tps_of(self, topics: Iterable[str] | None) -> list[TopicPartition]:
        wanted = None if topics is None else set(topics)
        return [tp for tp in self._tps if wanted is None or tp.topic in wanted]


async def read(
    settings: Settings, topics: Sequence[str], partitions: Iterable[int] | None = None
) -> AsyncIterator[Any]:
    """Read the records of topics, or of these partitions only, from the beginning to where they end now."""
    reader = Reader(settings, topics, partitions)
    async with started(reader):
        async for batch in reader.to_end():
            for record in batch.records:
                yield record
