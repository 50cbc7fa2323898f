"""Puts interactions into the source topics: by kind, with the client as key, into the client's own partition."""

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError

from detector.core.wire.routing import Address, address_of
from detector.shell.config.settings import Settings, variable
from detector.shell.kafka.client import AccessDenied, denied, for_producers, unreachable
from schemas.envelope import InteractionReader
from schemas.interaction import Refusal

BATCH_BYTES: Final = 256 * 1024
UNACKNOWLEDGED_MAX: Final = 64
"""Batches on their way before we wait: bounds the memory, and lets the sender work while files are read."""
RECORD_BYTES_MAX: Final = 1024 * 1024 - 512
"""Kafka's default limit for a message, less what surrounds key and value."""
REPLY_SECONDS_MAX: Final = 25
PACE_SECONDS: Final = 0.01
"""Shorter waits are not kept: what is due within one goes together."""


class ProduceError(Exception):
    """The broker would not or could not take a record: one line that says which, or why."""


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
    values: Iterable[bytes],
    settings: Settings,
    *,
    speed: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> Produced:
    """Produce records in their order and wait until the broker has all of them, each once.

    Parameters
    ----------
    values
        Records as JSON bytes.
    settings
        Of the installation; its topics exist.
    speed
        How much faster than real time the events' own times pass, from the first event on; None = without waiting.
    progress
        Called with the number of records acknowledged so far; after an interruption too.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    AccessDenied
        If Kafka does not let us in, or not write.
    ProduceError
        For a record that is larger than a broker takes, or if the broker stops answering.
    """
    # Kafka's own timestamps are left to the broker: with the events' times, old events would be deleted at once.
    producer = AIOKafkaProducer(
        **for_producers(settings),
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES,
        request_timeout_ms=REPLY_SECONDS_MAX * 1000,
    )
    try:
        await producer.start()
    except KafkaConnectionError:
        await producer.stop()
        raise await unreachable(settings) from None
    batches = _Batches(producer, progress)
    pace = Pace(speed) if speed else None
    records = unreadable = 0
    try:
        for value in values:
            if pace and (wait_s := pace.wait_s(value, time.monotonic())) > PACE_SECONDS:
                await batches.send_all()
                await asyncio.sleep(wait_s)
            source, partition, key = address(value, settings)
            records += 1
            unreadable += key is None
            if len(value) + len(key or b"") > RECORD_BYTES_MAX:
                raise ProduceError(f"record {records} has {len(value)} bytes, which no broker takes; remove it")
            await batches.append((settings.topic(source), partition), key, value)
        await batches.send_all()
        await batches.acknowledged()
    except KafkaError as error:
        if said := denied(error, settings):
            raise AccessDenied(said) from None
        raise ProduceError(
            f"the broker took no more records ({type(error).__name__}); see that Kafka at {settings.bootstrap_servers}"
            f" ({variable('bootstrap_servers')}) is well"
        ) from None
    finally:
        await producer.stop()  # waits for what is on its way
    return Produced(records, unreadable)


class Pace:
    """When a record is due, if its events happened again at another speed."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._reader = InteractionReader()
        self._began: tuple[float, float] | None = None

    def wait_s(self, value: bytes, now_s: float) -> float:
        """Seconds until the record is due, by a clock that never goes back; one that will be refused is due at once."""
        interaction = self._reader.read(value, now_s=time.time())
        if isinstance(interaction, Refusal):
            return 0.0
        at_s = interaction["at"]
        if self._began is None:
            self._began = now_s, at_s
        began_s, first_s = self._began
        return began_s + (at_s - first_s) / self._speed - now_s


class _Batches:
    """Kafka's own record batches, filled by hand: twice as fast as a record at a time."""

    def __init__(self, producer: AIOKafkaProducer, progress: Callable[[int], None] | None) -> None:
        self._producer = producer
        self._progress = progress
        self._filling: dict[tuple[str, int], Any] = {}
        self._sent: set[asyncio.Future[Any]] = set()
        self._acknowledged = 0

    async def append(self, place: tuple[str, int], key: bytes | None, value: bytes) -> None:
        """Add a record to the batch of its topic and partition; a full one is sent."""
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

    async def acknowledged(self) -> None:
        """Wait until the broker has everything that was sent."""
        await asyncio.gather(*self._sent)

    async def _send(self, place: tuple[str, int]) -> None:
        batch = self._filling.pop(place)
        topic, partition = place
        sent = await self._producer.send_batch(batch, topic, partition=partition)
        self._sent.add(sent)
        sent.add_done_callback(partial(self._done, batch.record_count()))
        if len(self._sent) >= UNACKNOWLEDGED_MAX:
            done, _ = await asyncio.wait(self._sent, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*done)  # raises if one failed
        else:
            await asyncio.sleep(0)  # lets the sender work

    def _done(self, count: int, sent: asyncio.Future[Any]) -> None:
        if sent.cancelled() or sent.exception():
            return  # it stays among the sent ones, and whoever waits for those hears of it
        self._sent.discard(sent)
        self._acknowledged += count
        if self._progress:
            self._progress(self._acknowledged)
