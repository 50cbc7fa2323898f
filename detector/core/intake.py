"""From a record of a source to an interaction that waits in its shard, or to a rejection that says why not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from detector.core.partition import partition_of
from detector.core.shard import Shard
from schemas.envelope import InteractionReader
from schemas.interaction import Interaction, Refusal
from schemas.rejection import rejection


class Record(Protocol):
    """A record as a Kafka consumer hands it over."""

    @property
    def offset(self) -> int:
        """Place in its partition."""

    @property
    def key(self) -> bytes | None:
        """The client id, if given."""

    @property
    def value(self) -> bytes | None:
        """The payload."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Kafka headers."""


UNREADABLE: Final = "unreadable"
"""Counted instead of the kind of a refused record: whatever it says of itself is a stranger's text."""


class Counts(NamedTuple):
    """How many records were new, and how many of them were refused."""

    read: int
    refused: int


class Intake:
    """Reads the records of one shard.

    Parameters
    ----------
    shard
        Where the interactions wait.
    topics
        The topic (or file) of each source, for rejections.
    partition, partitions
        The shard's number, and how many there are.
    """

    def __init__(self, shard: Shard, topics: Mapping[str, str], partition: int, partitions: int) -> None:
        self.reader = InteractionReader()
        self.read: Counter[tuple[str, str, str]] = (
            Counter()
        )  # by source, kind and result: for people, not for decisions
        self.refused: Counter[str] = Counter()  # by reason
        self._shard, self._topics = shard, topics
        self._partition, self._partitions = partition, partitions

    def take_in(self, source: str, records: Sequence[Record], now_s: float) -> Counts:
        """Read records in offset order; those that were read before are passed over."""
        read_to = self._shard.read_to(source)
        new = [record for record in records if record.offset > read_to]
        read: list[tuple[int, Interaction]] = []
        rejected: list[tuple[int, bytes]] = []
        for record in new:
            found = self._read(record, now_s)
            if isinstance(found, Refusal):
                rejected.append((record.offset, self._rejection(source, record, found)))
                self.refused[found.reason] += 1
            else:
                read.append((record.offset, found))
        if new:
            self._shard.take_in(source, read, rejected, new[-1].offset, now_s)
        for kind, count in Counter([interaction["kind"] for _, interaction in read]).items():
            self.read[source, kind, "accepted"] += count
        self.read[source, UNREADABLE, "rejected"] += len(rejected)
        return Counts(len(new), len(rejected))

    def _read(self, record: Record, now_s: float) -> Interaction | Refusal:
        found = self.reader.read(record.value, key=record.key, headers=record.headers, now_s=now_s)
        if isinstance(found, Refusal):
            return found
        client_id = found["client_id"]
        if client_id not in self._shard.table.names and partition_of(client_id, self._partitions) != self._partition:
            return Refusal(
                "misrouted", "the key belongs to another partition: produce with Kafka's murmur2 partitioner"
            )
        if not self._shard.has_room(found):
            return Refusal("segment_limit", "segment: there are too many segments already")
        return found

    def _rejection(self, source: str, record: Record, refusal: Refusal) -> bytes:
        return rejection(
            topic=self._topics[source],
            partition=self._partition,
            offset=record.offset,
            reason=refusal.reason,
            detail=refusal.detail,
            key=record.key,
            raw=record.value,
        )
