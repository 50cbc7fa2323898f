"""What a shard writes: one Kafka transaction after the other. Each one brings back the broker's time.

The transactional id of the producer fences the former owner of the shard. The shard decides what to write, and when.
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
_SYNC_EVERY_S = 1
_STAMP_S_MIN = 1_577_836_800  # 2020: a broker that stamps an earlier time has no clock, as the demo's
_CLOCK_PROBE: Final = b"clock\0"
_ALERT_HEADERS: Final = [("content-type", b"application/cloudevents+json")]

Pair = tuple[bytes, bytes | None]
Headers = list[tuple[str, bytes]]  # a list for aiokafka, which refuses other sequences

log = structlog.stdlib.get_logger(__name__)


class TopicRecords(NamedTuple):
    """Records to write to a topic."""

    topic: str
    pairs: Iterable[Pair]
    headers: Headers | None = None


class ShardProducer:
    """The producer of one shard: everything that it writes is durable together, or not at all.

    Parameters
    ----------
    settings
        In force.
    partition
        The shard's number, which is also the partition that its records go to.
    clock
        Each transaction sets it to the broker's time.
    """

    def __init__(self, settings: Settings, partition: int, clock: WallClock) -> None:
        self._settings, self._partition, self._clock = settings, partition, clock
        self._synced_at = time.monotonic()
        self._producer: AIOKafkaProducer | None = None
        self.transactions, self.is_in_transaction = 0, False

    async def start(self) -> None:
        """Fence the former owner, and abort the transaction that it left open."""
        self._producer = AIOKafkaProducer(
            **for_producers(self._settings),
            transactional_id=f"{self._settings.app_id}-{self._partition}",
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

    async def commit(self, *written: TopicRecords, rerouted: Iterable[Rerouted] = ()) -> None:
        """Make all of these records durable, or none."""
        async with self._transaction() as producer:
            sent = [reply for records in written for reply in await self._send(producer, records)]
            sent += [await self._send_on(producer, record) for record in rerouted]
            self._sync(await asyncio.gather(*sent))

    async def publish(self, outcome: Outcome, now_s: float) -> tuple[list[Alert], list[Alert]]:
        """Make a shard's outcome durable; -> its alerts: those that are news, and those that are history."""
        settings, old_s = self._settings, now_s - self._settings.notify_max_age_days * DAY_S
        current = [alert for alert in outcome.alerts if alert.at_s >= old_s]
        history = [alert for alert in outcome.alerts if alert.at_s < old_s]
        await self.commit(
            TopicRecords(settings.state_topic, outcome.states),
            TopicRecords(settings.alerts_topic, _pairs(current), _ALERT_HEADERS),
            TopicRecords(settings.history_topic, _pairs(history), _ALERT_HEADERS),
            TopicRecords(settings.rejected_topic, [(b"", value) for value in outcome.rejected]),
            rerouted=outcome.rerouted,
        )
        return current, history

    async def check_drift(self) -> None:
        """Set the clock to the broker's again if the machine's clock has drifted from it."""
        wall_s, now_s = time.time(), time.monotonic()
        if now_s - self._synced_at < _SYNC_EVERY_S or not self._clock.has_drifted(wall_s, now_s):
            return
        log.warning(
            "the machine's clock differs from the broker's, which is used instead",
            drift_s=round(self._clock.drift_s(wall_s, now_s), 1),
            remedy=f"let NTP set both clocks, or raise {variable('clock_apart_s_max')}",
        )
        await self.sync_clock()

    async def sync_clock(self) -> None:
        """Have the broker stamp a record: a tombstone in the state topic, which a restore ignores."""
        self._synced_at = time.monotonic()
        await self.commit(TopicRecords(self._settings.state_topic, [(_CLOCK_PROBE, None)]))

    def _sync(self, appended: Iterable[Any]) -> None:
        """Set the clock by the stamps of records that the broker appended, if it stamps the records of this topic."""
        for metadata in appended:
            stamped_s = metadata.timestamp / 1000 if metadata.timestamp_type == 1 else 0.0
            if metadata.topic == self._settings.state_topic and stamped_s > _STAMP_S_MIN:
                self._clock.sync(stamped_s, time.monotonic())

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

    async def _send_on(self, producer: AIOKafkaProducer, record: Rerouted) -> asyncio.Future[Any]:
        """Send a record to the shard that it belongs to: no other record goes to another partition than ours."""
        sent: asyncio.Future[Any] = await producer.send(
            self._settings.rerouted_topic, record.value, record.key, record.partition, headers=record.headers
        )
        return sent

    async def _send(self, producer: AIOKafkaProducer, written: TopicRecords) -> list[asyncio.Future[Any]]:
        """Send Kafka's own record batches, which are filled by hand: 100,000s of small records a second."""
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
    """Raise why the transaction failed: its records fail only with the error that there is no transaction."""
    try:
        yield
    except (KafkaError, IllegalOperation):
        waiter = producer._txn_manager._transaction_waiter  # noqa: SLF001 - aiokafka has no other way
        if waiter.done() and (cause := waiter.exception()):
            raise cause from None
        raise
