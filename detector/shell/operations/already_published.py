"""What an installation has published already. A rebuild comes to the same records, and publishes only missing ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from pydantic_core import from_json, to_json

from detector.core.engine.shard import Outcome
from detector.core.wire.reroute import ORIGIN
from detector.shell.config.settings import Settings
from detector.shell.kafka.reader import read

_OF_THE_RECORD: Final = ("topic", "partition", "offset", "key_base64", "raw_base64", "raw_bytes")


@dataclass
class AlreadyPublished:
    """Alerts by their ids, rejections by the record that they refuse, and rerouted records by where they came from."""

    alerts: set[bytes] = field(default_factory=set)
    rejected: set[bytes] = field(default_factory=set)
    rerouted: set[bytes] = field(default_factory=set)

    def add_alert(self, alert: bytes) -> None:
        """Record an alert."""
        self.alerts.add(_id(alert))

    def add_rejection(self, rejection: bytes) -> None:
        """Record a rejection."""
        self.rejected.add(_refused_record(rejection))

    def add_rerouted(self, headers: Sequence[tuple[str, bytes]]) -> None:
        """Record a record that was sent on, by its headers."""
        self.rerouted.add(_origin(headers))

    def missing(self, outcome: Outcome) -> Outcome:
        """Return the outcome without what was published."""
        return outcome._replace(
            alerts=[alert for alert in outcome.alerts if _id(alert.value) not in self.alerts],
            rejected=[value for value in outcome.rejected if _refused_record(value) not in self.rejected],
            rerouted=[record for record in outcome.rerouted if _origin(record.headers) not in self.rerouted],
        )


async def read_published(settings: Settings) -> AlreadyPublished:
    """Read what was published, as a subscriber sees it."""
    published = AlreadyPublished()
    async for record in read(settings, [settings.alerts_topic, settings.history_topic]):
        published.add_alert(record.value)
    async for record in read(settings, [settings.rejected_topic]):
        published.add_rejection(record.value)
    async for record in read(settings, [settings.rerouted_topic]):
        published.add_rerouted(record.headers)
    return published


def _id(alert: bytes) -> bytes:
    return str(from_json(alert)["id"]).encode()


def _refused_record(rejection: bytes) -> bytes:
    """Hash the record and its place, and nothing of the reason: another version may word it, or judge, differently."""
    fields = from_json(rejection)
    return blake2b(to_json([fields[name] for name in _OF_THE_RECORD]), digest_size=16).digest()


def _origin(headers: Sequence[tuple[str, bytes]]) -> bytes:
    return dict(headers).get(ORIGIN, b"")
