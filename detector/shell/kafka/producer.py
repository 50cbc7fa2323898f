"""Producers without transactions: one record at a time, or many records in batches that are filled by hand."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError

from detector.shell.config.settings import Settings
from detector.shell.kafka.client import for_producers

_BATCH_BYTES: Final = 256 * 1024
_UNACKNOWLEDGED_MAX: Final = 64  # batches: bounds the memory, and lets the sender work while files are read


class RecordProducer:
    """Writes single records, each of them once."""

    def __init__(self, settings: Settings) -> None:
        self._producer = AIOKafkaProducer(**for_producers(settings), enable_idempotence=True)

    async def start(self) -> None:
        """Connect."""
        await self._producer.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._producer.stop()

    async def write(self, topic: str, key: bytes | None, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        """Write a record, and wait until the broker has it."""
        await self._producer.send_and_wait(topic, value, key, headers=headers)


class ConcurrentProducer:
    """Writes records for many callers at once. Each caller waits for its own; the batches are everybody's.

    What cannot be written stays in the producer, and is written when the brokers are back: under its sequence number,
    so that it comes once. A batch that is full makes its callers wait, which bounds the memory.

    Parameters
    ----------
    settings
        Of the installation; its topics exist.
    """

    def __init__(self, settings: Settings) -> None:
        self._producer = AIOKafkaProducer(
            **for_producers(settings), enable_idempotence=True, acks="all", max_batch_size=_BATCH_BYTES
        )
        self._topics = settings.mapped_topics
        self._stop_s_max = settings.shutdown_s_max / 2
        self.is_away = False  # whether the brokers have not taken something in time, and nothing since

    async def start(self) -> None:
        """Connect, and learn where the topics lie, so that no record has to wait for that."""
        await self._producer.start()
        for topic in self._topics:
            await self._producer.partitions_for(topic)

    async def stop(self) -> None:
        """Wait a while for what was sent, and disconnect. What is still unwritten then was answered to nobody."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._producer.stop(), self._stop_s_max)

    async def write(self, records: Iterable[tuple[str, int, bytes | None, bytes]], seconds_max: float) -> bool:
        """Write records, each with topic, partition and key; -> whether all copies have all of them in time.

        Raises
        ------
        BrokerError
            If the broker refuses a record, which no later attempt would change.
        """
        sent: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(seconds_max):
                for topic, partition, key, value in records:
                    sent.append(await self._producer.send(topic, value, key, partition))
                    sent[-1].add_done_callback(self._written)
                if sent:
                    await asyncio.wait(sent)  # which cancels none of them if the time is over
        except (TimeoutError, KafkaTimeoutError, KafkaConnectionError):
            self.is_away = True
            return False
        for record in sent:
            record.result()
        return True

    def _written(self, record: asyncio.Future[Any]) -> None:
        if not record.cancelled() and not record.exception():  # asking marks the error as seen
            self.is_away = False


class BatchProducer:
    """Writes many records in Kafka's own record batches: twice as fast as one record at a time.

    Parameters
    ----------
    settings
        Of the installation; its topics exist.
    progress
        Called with the number of records acknowledged so far.
    reply_s_max
        How long the broker may take to acknowledge a batch.
    """

    def __init__(self, settings: Settings, progress: Callable[[int], None] | None, *, reply_s_max: float) -> None:
        self._producer = AIOKafkaProducer(
            **for_producers(settings),
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
            request_timeout_ms=int(reply_s_max * 1000),
        )
        self._progress = progress
        self._filling: dict[tuple[str, int], Any] = {}
        self._sent: set[asyncio.Future[Any]] = set()
        self._acknowledged = 0

    async def start(self) -> None:
        """Connect."""
        await self._producer.start()

    async def stop(self) -> None:
        """Wait for the batches that were sent, and disconnect."""
        await self._producer.stop()

    async def append(self, topic: str, partition: int, key: bytes | None, value: bytes) -> None:
        """Add a record to the batch of its topic and partition; a full batch is sent."""
        place = topic, partition
        batch = self._filling.get(place)
        if batch is None or batch.append(key=key, value=value, timestamp=None) is None:
            if batch is not None:
                await self._send(place)
            batch = self._filling[place] = self._producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)

    async def send_all(self) -> None:
        """Send the batches that are not full."""
        for place in list(self._filling):
            await self._send(place)

    async def wait_acknowledged(self) -> None:
        """Wait until the broker has everything that was sent."""
        await asyncio.gather(*self._sent)

    async def _send(self, place: tuple[str, int]) -> None:
        batch = self._filling.pop(place)
        topic, partition = place
        sent = await self._producer.send_batch(batch, topic, partition=partition)
        self._sent.add(sent)
        sent.add_done_callback(partial(self._count, batch.record_count()))
        if len(self._sent) >= _UNACKNOWLEDGED_MAX:
            done, _ = await asyncio.wait(self._sent, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*done)  # raises if one failed
        else:
            await asyncio.sleep(0)  # lets the sender work

    def _count(self, records: int, sent: asyncio.Future[Any]) -> None:
        if sent.cancelled() or sent.exception():
            return  # it stays among the sent ones, so that whoever waits for those gets the error
        self._sent.discard(sent)
        self._acknowledged += records
        if self._progress:
            self._progress(self._acknowledged)
