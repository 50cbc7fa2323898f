"""Produces interactions to the source topics: by kind, with the client as key, to the client's own partition."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from detector.core.wire.routing import Address, address_of
from detector.shell.config.settings import Settings, variable
from detector.shell.kafka.client import connected
from detector.shell.kafka.errors import BrokerError
from detector.shell.kafka.producer import BatchProducer
from schemas.envelope import InteractionReader
from schemas.interaction import Refusal

RECORD_BYTES_MAX: Final = 1024 * 1024 - 512
"""Kafka's default limit for a message, less the bytes around key and value."""
REPLY_SECONDS_MAX: Final = 25
PACE_SECONDS: Final = 0.01
"""Shorter waits are skipped: records that are due within this time are sent together."""


class ProduceError(Exception):
    """The broker did not take a record. The message is one line that names the record or the reason."""


class Produced(NamedTuple):
    """How much was produced, all of it acknowledged.

    Parameters
    ----------
    records
        All records.
    unreadable
        The records without a readable client id and kind. They have no key and lie in the first partition of the first
        source, where the worker rejects them with a reason.

    """

    records: int
    unreadable: int


def address(value: bytes, settings: Settings) -> Address:
    """Return where a record goes. A replay uses the same rule."""
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
        How much faster than real time the events' own times pass, from the first event on; None = without waits.
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
    producer = BatchProducer(settings, progress, reply_s_max=REPLY_SECONDS_MAX)
    pace = Pace(speed) if speed else None
    records = unreadable = 0
    try:
        async with connected(settings, producer):  # its end waits for the batches that were sent
            for value in values:
                if pace and (wait_s := pace.wait_s(value, time.monotonic())) > PACE_SECONDS:
                    await producer.send_all()
                    await asyncio.sleep(wait_s)
                source, partition, key = address(value, settings)
                records += 1
                unreadable += key is None
                if len(value) + len(key or b"") > RECORD_BYTES_MAX:
                    raise ProduceError(f"record {records} has {len(value)} bytes, which no broker takes; remove it")
                await producer.append(settings.topic(source), partition, key, value)
            await producer.send_all()
            await producer.wait_acknowledged()
    except BrokerError as error:
        raise ProduceError(
            f"the broker took no more records ({type(error).__name__}); see that Kafka at {settings.bootstrap_servers}"
            f" ({variable('bootstrap_servers')}) is well"
        ) from None
    return Produced(records, unreadable)


class Pace:
    """Computes when a record is due if the events happen again at another speed."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._reader = InteractionReader()
        self._began: tuple[float, float] | None = None

    def wait_s(self, value: bytes, now_s: float) -> float:
        """Return the seconds until a record is due, by a monotonic clock. An unreadable record is due at once."""
        interaction = self._reader.read(value, now_s=time.time())
        if isinstance(interaction, Refusal):
            return 0.0
        at_s = interaction["at"]
        if self._began is None:
            self._began = now_s, at_s
        began_s, first_s = self._began
        return began_s + (at_s - first_s) / self._speed - now_s
