"""From a record of a source to an interaction that waits in its shard, or to a rejection that says why not."""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from detector.core.facts import KINDS
from detector.core.partition import partition_of
from detector.core.reading import Chunk, Place, Read, Records, chunk_of
from detector.core.shard import Shard
from schemas.envelope import InteractionReader
from schemas.interaction import Interaction, Refusal
from schemas.rejection import rejection

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
        self._reader, self._unknown_fields = InteractionReader(), 0
        self.read: Counter[tuple[str, str, str]] = (
            Counter()
        )  # by source, kind and result: for people, not for decisions
        self.refused: Counter[str] = Counter()  # by reason
        self._shard, self._topics = shard, topics
        self._partition, self._partitions = partition, partitions

    @property
    def unknown_fields(self) -> int:
        """How many fields were ignored so far because the contract does not name them."""
        return self._unknown_fields + self._reader.unknown_fields

    def take_in(self, source: str, records: Records, now_s: float) -> Counts:
        """Read records; those that were read before are passed over."""
        new = records.after(self._shard.read_to(source))
        if not new.offsets:
            return Counts(0, 0)
        chunk = chunk_of(new)
        read = Read.of(new.offsets, len(chunk.text))
        rejected = self._read_all(source, new, chunk, read, now_s)
        self._shard.take_in_read(source, read, rejected, new.offsets[-1], now_s)
        for kind, count in zip(KINDS, read.columns.kinds.tolist(), strict=True):
            self.read[source, kind, "accepted"] += count
        self.read[source, UNREADABLE, "rejected"] += len(rejected)
        self._unknown_fields += int(read.columns.unknown[0])
        return Counts(len(new.offsets), len(rejected))

    def _read_all(
        self, source: str, records: Records, chunk: Chunk, read: Read, now_s: float
    ) -> list[tuple[int, bytes]]:
        """Read plain records by the kernel and the others one by one; -> rejections, with their offsets."""
        rejected: list[tuple[int, bytes]] = []
        place, table, i = Place(self._partition, self._partitions, now_s), self._shard.table, 0
        while (i := read.read_plain(chunk, table, place, i)) < len(records.offsets):
            found = self._read(records, i, now_s)
            if isinstance(found, Refusal):
                read.refuse(i)
                rejected.append((records.offsets[i], self._rejection(source, records, i, found)))
                self.refused[found.reason] += 1
            else:
                read.write(i, found, table)
            i += 1
        return rejected

    def _read(self, records: Records, i: int, now_s: float) -> Interaction | Refusal:
        found = self._reader.read(records.values[i], key=records.keys[i], headers=records.headers[i], now_s=now_s)
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

    def _rejection(self, source: str, records: Records, i: int, refusal: Refusal) -> bytes:
        return rejection(
            topic=self._topics[source],
            partition=self._partition,
            offset=records.offsets[i],
            reason=refusal.reason,
            detail=refusal.detail,
            key=records.keys[i],
            raw=records.values[i],
        )
