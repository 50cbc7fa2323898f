"""Puts interactions into the source topics: by kind, with the client as key, into the client's own partition."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError

from detector.core.address import Address, address_of
from detector.shell.settings import Settings
from detector.shell.topics import BrokerUnreachable

UNACKNOWLEDGED_MAX: Final = 10_000
"""Records on their way before we wait: bounds the memory, and lets the sender work while files are read."""
BATCH_BYTES: Final = 256 * 1024
LINGER_MS: Final = 5


class ProduceError(Exception):
    """A record that the broker would not take: one line that says which."""


class Produced(NamedTuple):
    """How much was produced, all of it acknowledged.

    Parameters
    ----------
    records
        All records.
    unreadable
        Those of them without a readable client id and kind. They have no key and lie in the first partition of the
        first source, where the worker rejects them with a reason.

    """

    records: int
    unreadable: int


def address(value: bytes, settings: Settings) -> Address:
    """Say where a record goes, by the one rule that replay obeys too."""
    first = settings.sources[0]
    return address_of(value, first=first, route=settings.source_of, partitions=settings.partitions)


async def produce(
    values: Iterable[bytes], settings: Settings, *, progress: Callable[[int], None] | None = None
) -> Produced:
    """Produce records in their order and wait until the broker has all of them, each once.

    Parameters
    ----------
    values
        Records as JSON bytes.
    settings
        Of the installation; its topics exist.
    progress
        Called with the number of records acknowledged so far.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    ProduceError
        For a record that is larger than a broker takes.
    """
    # Kafka's own timestamps are left to the broker: with the events' times, old events would be deleted at once.
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap_servers,
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
        linger_ms=LINGER_MS,
    )
    try:
        await producer.start()
    except KafkaConnectionError:
        await producer.stop()
        raise BrokerUnreachable(settings) from None
    records = unreadable = 0
    waiting: list[Awaitable[Any]] = []
    try:
        for value in values:
            source, partition, key = address(value, settings)
            records += 1
            unreadable += key is None
            try:
                waiting.append(await producer.send(settings.topic(source), value, key=key, partition=partition))
            except MessageSizeTooLargeError:
                raise ProduceError(
                    f"record {records} has {len(value)} bytes, which no broker takes; remove it"
                ) from None
            if len(waiting) == UNACKNOWLEDGED_MAX:
                await asyncio.gather(*waiting)
                waiting.clear()
                if progress:
                    progress(records)
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()
    if progress:
        progress(records)
    return Produced(records, unreadable)
