"""How records come out of Kafka: in chunks, because Faust handles 6,000 messages a second, whatever is in them.

One Faust message carries the records of a partition that were fetched together, up to a limit. Its offset is that of
its last record, so that its ack covers all of them.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import faust
from aiokafka.consumer.fetcher import FetchResult
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, AppT, EventT, Message
from faust.types.tuples import ConsumerMessage
from yarl import URL

from detector.core.wire.records import Record
from detector.shell.kafka.in_flight import Underway

_FAUST_LOGGER = logging.getLogger("faust.chunks")  # else Faust says under our name what it does

FETCH_WAIT_MS = 500  # also how far the knowledge that a source was read to its end lags behind the clock


_UNDERWAY_MAX = 60_000  # records, as objects of some 700 bytes each
_LOOK_AGAIN_S = 0.2  # for partitions that were paused, or whose shards had not said from where to read


class Chunk(NamedTuple):
    """Records of a partition, and the offset that they follow: nothing lies between it and the first of them."""

    follows: int
    records: Sequence[Any]


class CommittedThread(driver.AIOKafkaConsumerThread):
    """Reads committed records only, and asks often enough; Faust has no setting for either."""

    logger = _FAUST_LOGGER

    def __post_init__(self) -> None:
        super().__post_init__()
        self._assignment: object = None
        self._follows: dict[TP, int] = {}  # per partition that is read: the last offset before what comes next

    async def read_from(self, offsets: Mapping[TP, int]) -> None:
        """Go to these offsets, in the consumer's own thread."""
        await self.call_thread(self._read_from, offsets)

    async def _read_from(self, offsets: Mapping[TP, int]) -> None:
        self._forget_former()
        for tp, offset in offsets.items():
            self._ensure_consumer().seek(tp, offset)
            self._follows[tp] = offset - 1

    def fetched_to(self, tp: TP) -> int | None:
        """The last offset before what will be fetched next; None if its shard has not said from where to read."""
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
            await asyncio.sleep(_LOOK_AGAIN_S)
            return {}
        _leave_as_they_are(consumer._fetcher._records.values())  # noqa: SLF001
        found = await super()._fetch_records(consumer, wanted, min(timeout or 0, _LOOK_AGAIN_S), max_records)
        self._forget_former()
        chunks = {}
        for tp, records in found.items():
            if tp in self._follows:
                chunks[tp] = Chunk(self._follows[tp], records)
                self._follows[tp] = records[-1].offset
        return chunks

    def _forget_former(self) -> None:
        """Where to read from holds for one assignment: aiokafka begins each at the committed offsets."""
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
        """Give what aiokafka knows of a partition, or None if it is not assigned to us."""
        subscription = self._ensure_consumer()._subscription.subscription  # noqa: SLF001
        if subscription is None or subscription.assignment is None:
            return None
        return subscription.assignment.state_value(tp)

    @property
    def is_assigned(self) -> bool:
        """Whether the group has told us which partitions are ours, if only that none are."""
        if self._consumer is None:
            return False
        subscription = self._consumer._subscription.subscription  # noqa: SLF001
        return subscription is not None and subscription.assignment is not None

    @property
    def has_ended(self) -> bool:
        """Whether the thread or aiokafka's task that keeps us in the group is gone; either dies without a word."""
        if self._thread is None or self._consumer is None:
            return False
        coordination = getattr(self._consumer._coordinator, "_coordination_task", None)  # noqa: SLF001
        return not self._thread.is_alive() or (coordination is not None and coordination.done())


def _leave_as_they_are(fetched: Iterable[Any]) -> None:
    """Let aiokafka hand over the records that it decoded: to make an object of its own of each costs twice as much."""
    for result in fetched:
        if isinstance(result, FetchResult) and result.has_more():
            result._partition_records._consumer_record = _as_it_is  # noqa: SLF001


def _as_it_is(_: object, record: Record) -> Record:
    return record


class ChunkConsumer(driver.Consumer):
    """Hands over chunks, and knows when a partition was read to its end."""

    logger = _FAUST_LOGGER
    _thread: CommittedThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (Faust's own arguments)
        super().__init__(*args, **kwargs)
        self.ends_s: dict[TP, float] = {}  # when all that the partition held had been fetched, monotonic
        self.underway = Underway(_UNDERWAY_MAX)

    def _new_consumer_thread(self) -> CommittedThread:
        return CommittedThread(self, loop=self.loop, beacon=self.beacon)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: the watchdog sees who stands still. Faust takes whoever was just given a partition for stuck."""

    def forget(self) -> None:
        """Start anew: after a rebalance, records are fetched from where the shards say."""
        self.ends_s.clear()
        self.underway.clear()  # Faust has emptied its queues

    def read_to_end_at(self, tp: TP, read_to: int) -> float | None:
        """When the partition was last seen to hold nothing but what has been read, by the monotonic clock.

        Parameters
        ----------
        tp
            The partition.
        read_to
            Offset of the last record that its shard has read.

        Returns
        -------
        float or None
            None if there is more to read, or if nobody knows.
        """
        return self.ends_s.get(tp) if self._is_all_read(tp, read_to) else None

    def unread(self, tp: TP, read_to: int) -> int | None:
        """Count the records of a partition that its shard has not read; None if nobody knows.

        Once all that was fetched is read, the position says more than the last offset: it passes markers.
        """
        state = self._thread.state_of(tp)
        if state is None or state.highwater is None or not state.has_valid_position:
            return None
        behind: int = state.position if self._is_all_read(tp, read_to) else read_to + 1
        return max(int(state.highwater) - behind, 0)

    def _is_all_read(self, tp: TP, read_to: int) -> bool:
        """Tell whether the shard has read what was fetched; as a rebalance begins, not all of that is handed over."""
        fetched_to = self._thread.fetched_to(tp)
        return fetched_to is not None and read_to >= fetched_to

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 (Faust calls it)
        """Fetch records and hand them over in chunks; called again when the last chunk has been taken.

        What was fetched is handed over, also of a partition that was paused meanwhile: aiokafka would not give it
        again.
        """
        if not await self.underway.can_take_segment(_LOOK_AGAIN_S):
            return
        self._look_for_ends()
        records, _ = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            await self.perform_seek()
            return
        assert isinstance(self.transport, ChunkTransport)
        size = self.transport.chunk_records
        for tp, fetched in records.items():
            found: Any = fetched  # a Chunk of ours; a list, to Faust
            if self._is_interrupted(generation):
                break
            follows = found.follows
            for start in range(0, len(found.records), size):
                part = found.records[start : start + size]
                message = self._message(tp, Chunk(follows, part))
                follows = message.offset
                self.underway.add(len(part))
                yield tp, message

    def _message(self, tp: TP, chunk: Chunk) -> Message:
        """Make a message of Faust's of a chunk; it is where its last record is."""
        last = chunk.records[-1]
        value: Any = chunk  # bytes, to Faust
        return ConsumerMessage(
            tp.topic, tp.partition, last.offset, last.timestamp / 1000, last.timestamp_type, None, b"", value, None,
            tp=tp, generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    async def seek_to_committed(self) -> dict[TP, int]:
        """Leave the positions to the shards, which know better what they have (see `read_from`)."""
        return {}

    async def read_from(self, offsets: Mapping[TP, int]) -> None:
        """Hand over the records of these partitions from these offsets on.

        A partition is not read before its shard has said from where. Faust would go back to the committed offsets
        after a rebalance, but not where nothing has been committed yet: what it had fetched there was lost.

        Raises
        ------
        IllegalStateError
            If one of them is not ours (any more).
        """
        for tp in offsets:
            self._read_offset[tp] = None  # else Faust drops what lies before it
        await self._thread.read_from(offsets)

    def _is_interrupted(self, generation: int) -> bool:
        return not self.flow_active or self.app.consumer_generation_id != generation

    def _look_for_ends(self) -> None:
        """Note which partitions were fetched to their end: now, as nothing is on its way from aiokafka to us.

        The position passes transaction markers, which are never handed over, so it is the judge. The poll's time is
        read before the high watermark of the poll, which another thread renews.
        """
        self.ends_s.clear()
        for tp in self.assignment():
            state = self._thread.state_of(tp)
            if state is None or state.timestamp is None or not state.has_valid_position:
                continue
            age_s = time.time() - state.timestamp / 1000  # negative if the machine's clock was set back since
            if age_s >= 0 and state.position >= state.highwater:
                self.ends_s[tp] = time.monotonic() - age_s

    @property
    def is_assigned(self) -> bool:
        """Whether the group has given us an assignment, if only an empty one."""
        return self._thread.is_assigned

    @property
    def has_ended(self) -> bool:
        """Whether nothing will come any more."""
        return self._thread.has_ended

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Keep no list of the offsets between chunks: Faust's grows with every chunk, and nothing here reads it."""

    def _new_offset(self, tp: TP) -> int | None:
        """Choose the offset to commit: the last acked. Shards ack in order; Faust would wait for offsets in between."""
        acked = self._acked[tp]
        if not acked:
            return None
        last = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return last + 1


class ChunkTransport(driver.Transport):
    """Connects an app to Kafka by way of chunks of at most so many records."""

    Consumer = ChunkConsumer

    def __init__(self, urls: list[URL], app: AppT, chunk_records: int) -> None:
        super().__init__(urls, app)
        self.chunk_records = chunk_records


class AsIs(faust.Schema[Any, Any]):
    """Decodes nothing: the value of a message already is a list of records."""

    def compile(self, app: AppT, **_: Any) -> Callable[..., Awaitable[EventT[Any]]]:  # noqa: ANN401
        """Give the decoder that Faust calls for each message."""

        async def decode(message: Message, *, propagate: bool = False) -> EventT[Any]:  # noqa: ARG001
            return app.create_event(None, message.value, message.headers, message)

        return decode
