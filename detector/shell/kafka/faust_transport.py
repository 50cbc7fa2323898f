"""Hands Kafka's records to Faust in chunks, because Faust handles 6,000 messages a second, whatever they contain.

One Faust message carries records of a partition that were fetched together, up to a limit. Its offset is that of its
last record, so that its ack covers all of them.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, AppT, EventT, Message
from faust.types.tuples import ConsumerMessage
from yarl import URL

from detector.shell.kafka.fetch_thread import FAUST_LOGGER, LOOK_AGAIN_S, CommittedThread, FetchedChunk
from detector.shell.kafka.in_flight import InFlight

_IN_FLIGHT_MAX: Final = 60_000  # records, as objects of some 700 bytes each


class ChunkConsumer(driver.Consumer):
    """Hands chunks over to Faust, and knows when a partition was read to its end."""

    logger = FAUST_LOGGER
    _thread: CommittedThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (Faust's own arguments)
        super().__init__(*args, **kwargs)
        self.ends_s: dict[TP, float] = {}  # when a partition was last fetched to its end, by the monotonic clock
        self.in_flight = InFlight(_IN_FLIGHT_MAX)

    def _new_consumer_thread(self) -> CommittedThread:
        return CommittedThread(self, loop=self.loop, beacon=self.beacon)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Check nothing: the watchdog does. Faust would report every newly assigned partition as stuck."""

    def forget(self) -> None:
        """Forget what was fetched: after a rebalance, records are fetched from where the shards stand."""
        self.ends_s.clear()
        self.in_flight.clear()  # Faust has emptied its queues

    def read_to_end_at(self, tp: TP, read_to: int) -> float | None:
        """Return when its shard had last read all that the partition held, by the monotonic clock.

        Parameters
        ----------
        tp
            The partition.
        read_to
            Offset of the last record that its shard has read.

        Returns
        -------
        float or None
            None if there is more to read, or if that is not known.
        """
        return self.ends_s.get(tp) if self._is_all_read(tp, read_to) else None

    def unread(self, tp: TP, read_to: int) -> int | None:
        """Count the records of a partition that its shard has not read; None if that is not known.

        Once all fetched records are read, the consumer's position is used: it passes transaction markers, which the
        offset of the last record does not.
        """
        state = self._thread.state_of(tp)
        if state is None or state.highwater is None or not state.has_valid_position:
            return None
        behind: int = state.position if self._is_all_read(tp, read_to) else read_to + 1
        return max(int(state.highwater) - behind, 0)

    def _is_all_read(self, tp: TP, read_to: int) -> bool:
        """Check whether the shard has read all that was fetched; a rebalance drops fetched chunks on their way."""
        fetched_to = self._thread.fetched_to(tp)
        return fetched_to is not None and read_to >= fetched_to

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 (Faust calls it)
        """Fetch records and hand them over in chunks. Faust calls this again when it has taken the last chunk.

        Fetched records are handed over even if their partition was paused meanwhile: aiokafka would not return them
        again.
        """
        if not await self.in_flight.wait_for_capacity(LOOK_AGAIN_S):
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
            chunk: Any = fetched  # a FetchedChunk; Faust's types have a list here
            if self._is_interrupted(generation):
                break
            follows = chunk.follows
            for start in range(0, len(chunk.records), size):
                part = chunk.records[start : start + size]
                message = self._message(tp, FetchedChunk(follows, part))
                follows = message.offset
                self.in_flight.add(len(part))
                yield tp, message

    def _message(self, tp: TP, chunk: FetchedChunk) -> Message:
        """Build the Faust message of a chunk. Its offset is that of the last record."""
        last = chunk.records[-1]
        value: Any = chunk  # Faust's types have bytes here
        return ConsumerMessage(
            tp.topic, tp.partition, last.offset, last.timestamp / 1000, last.timestamp_type, None, b"", value, None,
            tp=tp, generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    async def seek_to_committed(self) -> dict[TP, int]:
        """Seek nowhere: each shard sets where its partitions are read from (see `read_from`)."""
        return {}

    async def read_from(self, offsets: Mapping[TP, int]) -> None:
        """Hand over the records of these partitions from these offsets on.

        A partition is not read before its shard has set an offset. Faust would go back to the committed offsets after
        a rebalance, but not in a partition without any: the records that it had fetched there would be lost.

        Raises
        ------
        NotAssigned
            If one of the partitions is not ours, or no longer.
        """
        for tp in offsets:
            self._read_offset[tp] = None  # else Faust drops records before this offset
        await self._thread.read_from(offsets)

    def _is_interrupted(self, generation: int) -> bool:
        return not self.flow_active or self.app.consumer_generation_id != generation

    def _look_for_ends(self) -> None:
        """Record which partitions were fetched to their end. Now no record is on its way from aiokafka to us.

        The consumer's position decides, because it passes transaction markers, which are never handed over. The time
        of the last poll is read before its high watermark, because another thread renews both.
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
        """Whether the group has assigned partitions to us; an empty assignment counts."""
        return self._thread.is_assigned

    @property
    def has_ended(self) -> bool:
        """Whether the consumer has ended, so that nothing more will come."""
        return self._thread.has_ended

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Record no gap between chunks: Faust's list of gaps grows with every chunk, and nothing here reads it."""

    def _new_offset(self, tp: TP) -> int | None:
        """Return the offset to commit: the last acked one. Shards ack in order; Faust would wait for those between."""
        acked = self._acked[tp]
        if not acked:
            return None
        last = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        assert isinstance(self.transport, ChunkTransport)
        return last + 1 if self.transport.commits_acked else None


class ChunkTransport(driver.Transport):
    """Connects a Faust app to Kafka by chunks.

    Parameters
    ----------
    urls, app
        Faust's own.
    chunk_records
        The most records that a chunk holds.
    commits_acked
        Whether Faust commits what was acked. It must not where transactions commit the offsets: a late commit of
        Faust's would set them back.
    """

    Consumer = ChunkConsumer

    def __init__(self, urls: list[URL], app: AppT, chunk_records: int, *, commits_acked: bool = True) -> None:
        super().__init__(urls, app)
        self.chunk_records, self.commits_acked = chunk_records, commits_acked


class AsIs(faust.Schema[Any, Any]):
    """Decodes nothing: the value of a message is a chunk already."""

    def compile(self, app: AppT, **_: Any) -> Callable[..., Awaitable[EventT[Any]]]:  # noqa: ANN401
        """Return the decoder that Faust calls for each message."""

        async def decode(message: Message, *, propagate: bool = False) -> EventT[Any]:  # noqa: ARG001
            return app.create_event(None, message.value, message.headers, message)

        return decode
