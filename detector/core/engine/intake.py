"""From a record of a source to what waits for its turn: an interaction, a rejection, or a record of another shard."""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from detector.core.engine.shard import Shard
from detector.core.primitives.partitioner import partition_of
from detector.core.wire.decode import DecodedChunk, Here
from detector.core.wire.fields import KINDS
from detector.core.wire.records import JoinedRecords, RecordColumns, joined_records
from detector.core.wire.reroute import REROUTED, RecordPlace, Rerouted, origin_of, own_headers, reroute
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
        self.read_counts: Counter[tuple[str, str, str]] = (
            Counter()
        )  # by source, kind and result: for people, not for decisions
        self.refused: Counter[str] = Counter()  # by reason
        self.misrouted: Counter[str] = Counter()  # by source
        self._shard, self._topics = shard, topics
        self._partition, self._partitions = partition, partitions

    @property
    def unknown_fields(self) -> int:
        """How many fields were ignored so far because the contract does not name them."""
        return self._unknown_fields + self._reader.unknown_fields

    def read(self, source: str, records: RecordColumns, now_s: float) -> Counts:
        """Read records; those that were read before are passed over."""
        new = records.after(self._shard.read_to(source))
        if not new.offsets:
            return Counts(0, 0)
        chunk = joined_records(new)
        read = DecodedChunk.of(new.offsets, len(chunk.text))
        rejected, rerouted = self._read_all(source, new, chunk, read, now_s)
        self._shard.enqueue(source, read, rejected, new.offsets[-1], now_s, rerouted)
        self.misrouted[source] += len(rerouted)
        for kind, count in zip(KINDS, read.columns.kinds.tolist(), strict=True):
            self.read_counts[source, kind, "accepted"] += count
        self.read_counts[source, UNREADABLE, "rejected"] += len(rejected)
        self._unknown_fields += int(read.columns.unknown[0])
        return Counts(len(new.offsets), len(rejected))

    def _read_all(
        self, source: str, records: RecordColumns, chunk: JoinedRecords, read: DecodedChunk, now_s: float
    ) -> tuple[list[tuple[int, bytes]], dict[int, Rerouted]]:
        """Read plain records by the kernel and the others one by one; -> rejections and what goes on, by offset."""
        rejected: list[tuple[int, bytes]] = []
        rerouted: dict[int, Rerouted] = {}
        here, table, i = Here(self._partition, self._partitions, now_s), self._shard.table, 0
        while (i := read.read_plain(chunk, table, here, i)) < len(records.offsets):
            offset, found = records.offsets[i], self._read(source, records, i, now_s)
            if isinstance(found, Refusal):
                read.refuse(i)
                rejected.append((offset, self._rejection(source, records, i, found)))
                self.refused[found.reason] += 1
            elif (partition := self._partition_elsewhere(found)) is not None:
                read.send_on(i, found["at"])
                origin = self._place(source, offset)
                rerouted[offset] = reroute(records.keys[i], records.values[i], records.headers[i], origin, partition)
                self.read_counts[source, found["kind"], "rerouted"] += 1
            else:
                read.write(i, found, table)
            i += 1
        return rejected, rerouted

    def _read(self, source: str, records: RecordColumns, i: int, now_s: float) -> Interaction | Refusal:
        headers = own_headers(records.headers[i]) if source == REROUTED else records.headers[i]
        found = self._reader.read(records.values[i], key=records.keys[i], headers=headers, now_s=now_s)
        if isinstance(found, Refusal):
            return found
        if self._partition_elsewhere(found) is not None:
            return found if source != REROUTED else Refusal("misrouted", "the record was rerouted here by mistake")
        if not self._shard.can_take_segment(found):
            return Refusal("segment_limit", "segment: there are too many segments already")
        return found

    def _partition_elsewhere(self, interaction: Interaction) -> int | None:
        """The partition of the client, if it is not this one."""
        if interaction["client_id"] in self._shard.table.names:
            return None
        partition = partition_of(interaction["client_id"], self._partitions)
        return None if partition == self._partition else partition

    def _place(self, source: str, offset: int) -> RecordPlace:
        return RecordPlace(self._topics[source], self._partition, offset)

    def _rejection(self, source: str, records: RecordColumns, i: int, refusal: Refusal) -> bytes:
        place = self._place(source, records.offsets[i])
        origin = origin_of(records.headers[i], place) if source == REROUTED else place
        return rejection(
            topic=origin.topic,
            partition=origin.partition,
            offset=origin.offset,
            reason=refusal.reason,
            detail=refusal.detail,
            key=records.keys[i],
            raw=records.values[i],
        )
