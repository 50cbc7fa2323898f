"""What an installation has made durable: committed records, and the shards that they restore."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, TopicPartition

from detector.core.engine.shard import Shard
from detector.shell.config.policy import policy_of
from detector.shell.config.settings import Settings
from tests import kafka as broker

_COUNTED_AT_ONCE_MAX = 10_000


class Stored(NamedTuple):
    """A record of a topic."""

    partition: int
    offset: int
    at_s: float
    key: bytes | None
    value: bytes | None


def committed(settings: Settings, topic: str) -> Iterator[Stored]:
    """Read a topic as a subscriber does, from its beginning to its end."""
    ends = 0
    with closing(_subscriber(settings, topic, wait_ms=10)) as consumer:
        while ends < settings.partitions:
            message = consumer.poll(broker.REPLY_SECONDS_MAX)
            assert message is not None, "the broker does not answer"
            if message.error():
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                ends += 1
            else:
                at_s = message.timestamp()[1] / 1000
                yield Stored(message.partition(), message.offset(), at_s, message.key(), message.value())


class Count:
    """Counts the records of topics as they come, and reads each once."""

    def __init__(self, settings: Settings, *topics: str) -> None:
        self.total = 0
        self._consumer = _subscriber(settings, *topics, wait_ms=500)

    def go_on(self, seconds: float) -> None:
        """Count what comes in so many seconds."""
        found = self._consumer.consume(_COUNTED_AT_ONCE_MAX, seconds)
        self.total += sum(1 for message in found if not message.error() and message.value())

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()


def _subscriber(settings: Settings, *topics: str, wait_ms: int) -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "group.id": f"{settings.app_id}-reader",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": wait_ms,
        }
    )
    consumer.assign([TopicPartition(topic, p, 0) for topic in topics for p in range(settings.partitions)])
    return consumer


def values(settings: Settings, *topics: str) -> list[bytes]:
    """Give what topics hold, sorted."""
    return sorted(record.value for topic in topics for record in committed(settings, topic) if record.value)


def restored(settings: Settings) -> list[Shard]:
    """Restore all shards from the state topic."""
    records: dict[int, list[tuple[bytes, bytes | None]]] = {p: [] for p in range(settings.partitions)}
    for record in committed(settings, settings.state_topic):
        if record.key is not None:
            records[record.partition].append((record.key, record.value))
    shards = [Shard(policy_of(settings)) for _ in records]
    for p, shard in enumerate(shards):
        shard.restore(records[p])
    return shards


def rows_of(shard: Shard) -> dict[str, Any]:
    """Give what a shard knows of each client and segment.

    Numbers that stand for words are told as those words: they are given in the order of reading, which is nobody's
    promise.
    """
    table = shard.table
    told: dict[str, Any] = {}
    for row, client_id in enumerate(table.names):
        client = table.clients[row].copy()
        words = [
            table.segment_names[client["segment"]],
            table.accounts[client["account"]],
            *(table.channels[number] for number in client["channels"]),
        ]
        for name in ("segment", "account", "channels"):
            client[name] = 0
        trends = table.trends[table.trend_of[row][table.trend_of[row] > 0]]
        told[client_id] = (client.tobytes(), words, trends.tobytes(), table.recent_ids(row))
    for number, name in enumerate(table.segment_names):
        told[f"{name}\0"] = table.segments[number].tobytes()
    return told
