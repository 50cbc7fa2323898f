"""What a shard writes: one Kafka transaction after the other, and the broker's time that comes back with each.

Its transactional id fences the former owner of the shard. What to write, and when, is the shard's business.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, NamedTuple

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError

from detector.core.alerts.alert import Alert
from detector.core.clock import DAY_S
from detector.core.engine.shard import Outcome
from detector.core.wire.reroute import Rerouted
from detector.shell.config.settings import Settings, variable
from detector.shell.kafka.broker_clock import WallClock
from detector.shell.kafka.client import for_producers

_BATCH_BYTES_MAX = 1 << 20
_CLOCK_ASKED_EVERY_S = 1
_KEEPS_TIME_S = 1_577_836_800  # 2020: a broker that stamps an earlier time keeps none, as the demo's does
_CLOCK_PROBE: Final = b"clock\0"
_ALERT_HEADERS: Final = [("content-type", b"application/cloudevents+json")]

Pair = tuple[bytes, bytes | None]
Headers = list[tuple[str, bytes]]  # a list for aiokafka, which refuses other sequences

log = structlog.stdlib.get_logger(__name__)


class Written(NamedTuple):
    """Records for a topic."""

    topic: str
    pairs: Iterable[Pair]
    headers: Headers | None = None


class Outlet:
    """The producer of one shard.

    Parameters
    ----------
    settings
        In force.
    partition
        The shard's number; all that it writes goes to the partitions of that number.
    clock
        Is told the broker's time.
    """

    def __init__(self, settings: Settings, partition: int, clock: WallClock) -> None:
        self._settings, self._partition, self._clock = settings, partition, clock
        self._clock_asked_at = time.monotonic()
        self._producer: AIOKafkaProducer | None = None
        self.transactions, self.is_in_transaction = 0, False

    async def start(self) -> None:
        """Fence the former owner, and abort what it left open."""
        self._producer = AIOKafkaProducer(
            **for_producers(self._settings),
            transactional_id=f"{self._settings.app_id}-{self._partition}",
            transaction_timeout_ms=self._settings.transaction_timeout_s * 1000,
            acks="all",
            max_batch_size=_BATCH_BYTES_MAX,
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Disconnect, if there ever was a connection."""
        if self._producer is not None:
            await self._producer.stop()

    def broken_by(self) -> BaseException | None:
        """Say what broke the producer in the background: we only hear that some later operation is not possible."""
        manager: Any = self._producer and self._producer._txn_manager  # noqa: SLF001
        if manager is None or not manager.is_fatal_error():
            return None
        broken: BaseException = manager._transaction_waiter.exception()  # noqa: SLF001
        return broken

    async def commit(self, *written: Written, rerouted: Iterable[Rerouted] = ()) -> None:
        """Make all of this durable, or nothing."""
        async with self._transaction() as producer:
            sent = [reply for one in written for reply in await self._send(producer, one)]
            sent += [await self._send_on(producer, one) for one in rerouted]
            self._heed(await asyncio.gather(*sent))

    async def publish(self, outcome: Outcome, now_s: float) -> tuple[list[Alert], list[Alert]]:
        """Make durable what a shard asks for; -> its alerts, those that are news and those that are history."""
        settings, old_s = self._settings, now_s - self._settings.notify_max_age_days * DAY_S
        current = [alert for alert in outcome.alerts if alert.at_s >= old_s]
        history = [alert for alert in outcome.alerts if alert.at_s < old_s]
        await self.commit(
            Written(settings.state_topic, outcome.states),
            Written(settings.alerts_topic, _pairs(current), _ALERT_HEADERS),
            Written(settings.history_topic, _pairs(history), _ALERT_HEADERS),
            Written(settings.rejected_topic, [(b"", value) for value in outcome.rejected]),
            rerouted=outcome.rerouted,
        )
        return current, history

    async def doubt_the_clock(self) -> None:
        """Ask the broker what time it is, if the machine's clock says something else."""
        wall_s, now_s = time.time(), time.monotonic()
        if now_s - self._clock_asked_at < _CLOCK_ASKED_EVERY_S or not self._clock.is_doubted(wall_s, now_s):
            return
        log.warning(
            "the machine's clock is not the broker's, which counts",
            apart_s=round(self._clock.apart_s(wall_s, now_s), 1),
            remedy=f"let NTP set both clocks, or raise {variable('clock_apart_s_max')}",
        )
        await self.ask_the_time()

    async def ask_the_time(self) -> None:
        """Have the broker stamp a record: a tombstone among the states, which no restore looks at."""
        self._clock_asked_at = time.monotonic()
        await self.commit(Written(self._settings.state_topic, [(_CLOCK_PROBE, None)]))

    def _heed(self, appended: Iterable[Any]) -> None:
        """Take the broker's time from what it says of records that it appended, if it stamps the topic's records."""
        for metadata in appended:
            stamped_s = metadata.timestamp / 1000 if metadata.timestamp_type == 1 else 0.0
            if metadata.topic == self._settings.state_topic and stamped_s > _KEEPS_TIME_S:
                self._clock.agree(stamped_s, time.monotonic())

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = self._producer
        assert producer is not None
        self.transactions += 1
        self.is_in_transaction = True
        async with producer.transaction():
            with _first_cause(producer):
                yield producer
        self.is_in_transaction = False

    async def _send_on(self, producer: AIOKafkaProducer, one: Rerouted) -> asyncio.Future[Any]:
        """Send a record to the shard that it belongs to: the only ones that are not in our own partition."""
        sent: asyncio.Future[Any] = await producer.send(
            self._settings.rerouted_topic, one.value, one.key, one.partition, headers=one.headers
        )
        return sent

    async def _send(self, producer: AIOKafkaProducer, written: Written) -> list[asyncio.Future[Any]]:
        """Send in Kafka's own record batches, filled by hand: 100,000s of small records a second."""
        sent: list[asyncio.Future[Any]] = []
        topic, pairs, headers = written
        batch = producer.create_batch()
        for key, value in pairs:
            if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:  # it is full
                sent.append(await producer.send_batch(batch, topic, partition=self._partition))
                batch = producer.create_batch()
                if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                    raise ValueError(f"a record for {topic} is larger than a batch of {_BATCH_BYTES_MAX} bytes")
        if batch.record_count():
            sent.append(await producer.send_batch(batch, topic, partition=self._partition))
        return sent


def _pairs(alerts: Iterable[Alert]) -> list[Pair]:
    return [(alert.key, alert.value) for alert in alerts]


@contextmanager
def _first_cause(producer: AIOKafkaProducer) -> Iterator[None]:
    """Raise why the transaction failed: what the records then fail with is only that there is no transaction."""
    try:
        yield
    except (KafkaError, IllegalOperation):
        waiter = producer._txn_manager._transaction_waiter  # noqa: SLF001 - aiokafka tells nobody else
        if waiter.done() and (cause := waiter.exception()):
            raise cause from None
        raise
