"""What an installation has published already: a rebuild comes to the same again, and publishes only what is missing."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic_core import from_json, to_json

from detector.core.engine.shard import Outcome
from detector.core.wire.reroute import ORIGIN
from detector.shell.config.settings import Settings
from detector.shell.kafka.client import for_aiokafka

_REFUSED: Final = ("topic", "partition", "offset", "key_base64", "raw_base64", "raw_bytes")


@dataclass
class Published:
    """Alerts by their ids, rejections by what they refuse, and rerouted records by where they came from."""

    alerts: set[bytes] = field(default_factory=set)
    rejected: set[bytes] = field(default_factory=set)
    rerouted: set[bytes] = field(default_factory=set)

    def learn_alert(self, alert: bytes) -> None:
        """Take note of an alert."""
        self.alerts.add(_id(alert))

    def learn_rejection(self, rejection: bytes) -> None:
        """Take note of a rejection."""
        self.rejected.add(_refused(rejection))

    def learn_rerouted(self, headers: Sequence[tuple[str, bytes]]) -> None:
        """Take note of a record that was sent on."""
        self.rerouted.add(_origin(headers))

    def missing(self, outcome: Outcome) -> Outcome:
        """Leave out of an outcome what was published."""
        return outcome._replace(
            alerts=[alert for alert in outcome.alerts if _id(alert.value) not in self.alerts],
            rejected=[value for value in outcome.rejected if _refused(value) not in self.rejected],
            rerouted=[one for one in outcome.rerouted if _origin(one.headers) not in self.rerouted],
        )


async def published(settings: Settings) -> Published:
    """Read what was published, as a subscriber does."""
    found = Published()
    async for record in read(settings, [settings.alerts_topic, settings.history_topic]):
        found.learn_alert(record.value)
    async for record in read(settings, [settings.rejected_topic]):
        found.learn_rejection(record.value)
    async for record in read(settings, [settings.rerouted_topic]):
        found.learn_rerouted(record.headers)
    return found


async def read(
    settings: Settings, topics: Sequence[str], partitions: Iterable[int] | None = None
) -> AsyncIterator[Any]:
    """Read the committed records of topics, or of these partitions only, from the beginning to where they end now."""
    numbers = list(range(settings.partitions) if partitions is None else partitions)
    consumer = AIOKafkaConsumer(**for_aiokafka(settings), isolation_level="read_committed", enable_auto_commit=False)
    try:
        await consumer.start()
        tps = [TopicPartition(topic, p) for topic in topics for p in numbers]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends = await consumer.end_offsets(tps)
        while unread := [tp for tp in tps if await consumer.position(tp) < ends[tp]]:
            for records in (await consumer.getmany(*unread, timeout_ms=200)).values():
                for record in records:
                    yield record
    finally:
        await consumer.stop()


def _id(alert: bytes) -> bytes:
    return str(from_json(alert)["id"]).encode()


def _refused(rejection: bytes) -> bytes:
    """Return the record and its place, in short; why it is refused may be said in other words by another version."""
    fields = from_json(rejection)
    return blake2b(to_json([fields[name] for name in _REFUSED]), digest_size=16).digest()


def _origin(headers: Sequence[tuple[str, bytes]]) -> bytes:
    return dict(headers).get(ORIGIN, b"")
