"""A producer whose records become durable in one Kafka transaction after the other, or not at all.

Its transactional id fences the former producer of the same id. Whoever uses it decides what to write, and when.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError

from detector.shell.config.settings import Settings
from detector.shell.kafka.client import for_producers

_BATCH_BYTES_MAX = 1 << 20

Pair = tuple[bytes | None, bytes | None]
Headers = list[tuple[str, bytes]]  # a list for aiokafka, which refuses other sequences


class PartitionRecords(NamedTuple):
    """Records to write to a partition of a topic."""

    topic: str
    partition: int
    pairs: Iterable[Pair]
    headers: Headers | None = None


class Transaction:
    """What can be added to an open transaction."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._sent: list[asyncio.Future[Any]] = []

    async def write(self, records: PartitionRecords) -> None:
        """Add records in Kafka's own batches, which are filled by hand: 100,000s of small records a second."""
        topic, partition, pairs, headers = records
        batch = self._producer.create_batch()
        for key, value in pairs:
            if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:  # it is full
                self._sent.append(await self._producer.send_batch(batch, topic, partition=partition))
                batch = self._producer.create_batch()
                if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                    raise ValueError(f"a record for {topic} is larger than a batch of {_BATCH_BYTES_MAX} bytes")
        if batch.record_count():
            self._sent.append(await self._producer.send_batch(batch, topic, partition=partition))

    async def write_one(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        """Add one record."""
        self._sent.append(await self._producer.send(topic, value, key, partition, headers=headers))

    async def commit_offsets(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Commit, with the transaction, which offset of each (topic, partition) a group reads next."""
        places = {TopicPartition(*place): offset for place, offset in offsets.items()}
        await self._producer.send_offsets_to_transaction(places, group)

    async def acknowledged(self) -> list[Any]:
        """Wait until the broker has all records; -> the place and time of each batch."""
        return await asyncio.gather(*self._sent)


class TransactionalProducer:
    """A producer with a transactional id.

    Parameters
    ----------
    settings
        In force.
    transactional_id
        Whoever starts a producer with it next fences this one.
    """

    def __init__(self, settings: Settings, transactional_id: str) -> None:
        self._settings, self._transactional_id = settings, transactional_id
        self._producer: AIOKafkaProducer | None = None
        self.transactions, self.is_in_transaction = 0, False

    async def start(self) -> None:
        """Fence the former owner of the id, and abort the transaction that it left open."""
        self._producer = AIOKafkaProducer(
            **for_producers(self._settings),
            transactional_id=self._transactional_id,
            transaction_timeout_ms=self._settings.transaction_timeout_s * 1000,
            acks="all",
            max_batch_size=_BATCH_BYTES_MAX,
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Disconnect; also if `start` was never called."""
        if self._producer is not None:
            await self._producer.stop()

    def broken_by(self) -> BaseException | None:
        """Return what broke the producer in the background: a later operation raises only that it is broken."""
        manager: Any = self._producer and self._producer._txn_manager  # noqa: SLF001
        if manager is None or not manager.is_fatal_error():
            return None
        cause: BaseException = manager._transaction_waiter.exception()  # noqa: SLF001
        return cause

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction for the time of the block; it is committed at the end, or aborted by an error."""
        producer = self._producer
        assert producer is not None
        self.transactions += 1
        self.is_in_transaction = True
        async with producer.transaction():
            with _first_cause(producer):
                yield Transaction(producer)
        self.is_in_transaction = False


@contextmanager
def _first_cause(producer: AIOKafkaProducer) -> Iterator[None]:
    """Raise why the transaction failed: its records fail only with the error that there is no transaction."""
    try:
        yield
    except (KafkaError, IllegalOperation):
        waiter = producer._txn_manager._transaction_waiter  # noqa: SLF001 - aiokafka has no other way
        if waiter.done() and (cause := waiter.exception()):
            raise cause from None
        raise
