"""What a shard writes: one Kafka transaction after the other. Each one brings back the broker's time.

The transactional id of the producer fences the former owner of the shard. The shard decides what to write, and when.
"""

import time
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import structlog

from detector.core.alerts.alert import Alert
from detector.core.clock import DAY_S
from detector.core.engine.shard import Outcome
from detector.core.wire.reroute import Rerouted
from detector.shell.config.settings import Settings, variable
from detector.shell.kafka.broker_clock import WallClock
from detector.shell.kafka.transactional import Headers, Pair, PartitionRecords, TransactionalProducer

_SYNC_EVERY_S = 1
_STAMP_S_MIN = 1_577_836_800  # 2020: a broker that stamps an earlier time has no clock, as the demo's
_CLOCK_PROBE: Final = b"clock\0"
_ALERT_HEADERS: Final = [("content-type", b"application/cloudevents+json")]

log = structlog.stdlib.get_logger(__name__)


class TopicRecords(NamedTuple):
    """Records to write to a topic."""

    topic: str
    pairs: Iterable[Pair]
    headers: Headers | None = None


class ShardProducer(TransactionalProducer):
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
        super().__init__(settings, f"{settings.app_id}-{partition}")
        self._partition, self._clock = partition, clock
        self._synced_at = time.monotonic()

    async def commit(self, *written: TopicRecords, rerouted: Iterable[Rerouted] = ()) -> None:
        """Make all of these records durable, or none."""
        async with self.transaction() as transaction:
            for topic, pairs, headers in written:
                await transaction.write(PartitionRecords(topic, self._partition, pairs, headers))
            for record in rerouted:  # to the shards that they belong to: no other record leaves our partition
                topic = self._settings.rerouted_topic
                await transaction.write_one(topic, record.partition, record.key, record.value, record.headers)
            self._sync(await transaction.acknowledged())

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


def _pairs(alerts: Iterable[Alert]) -> list[Pair]:
    return [(alert.key, alert.value) for alert in alerts]
