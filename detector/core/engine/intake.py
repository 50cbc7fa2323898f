"""From a record of a source to what waits for its turn: an interaction, a rejection, or a record of another shard."""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from detector.core.engine.shard import Shard
from detector.core.primitives.partitioner import partition_of
from detector.core.wire.decode import DecodedChunk, Here
from detector.core.wire.fields import KINDS
from detector.core.wire.lookalikes import REMEMBERED, Lookalikes
from detector.core.wire.records import JoinedRecords, RecordColumns, joined_records, written_s
from detector.core.wire.reroute import (
    REROUTED,
    RecordPlace,
    Rerouted,
    origin_of,
    own_headers,
    reroute,
    written_of,
)
from schemas.envelope import InteractionReader, Reading, detail_of
from schemas.interaction import Interaction, Refusal
from schemas.rejection import RejectionReason, rejection

UNREADABLE: Final = "unreadable"
"""Counted instead of the kind of a refused record: whatever it says of itself is a stranger's text."""
_TOMBSTONE: Final[RejectionReason] = "tombstone"
_SEGMENT_RULE: Final = "there are too many segments already"


class Counts(NamedTuple):
    """How many records were new, how many of them were refused, and how many of these were tombstones.

    A tombstone is no fault of its producer: somebody deletes a key. Interactions that were kept without some of their
    fields are not refused.
    """

    read: int
    refused: int
    tombstones: int = 0


class _Asides(NamedTuple):
    """What a chunk holds beside interactions, by offset: records refused or kept in part, and those that go on."""

    told: list[tuple[int, bytes]]
    rerouted: dict[int, Rerouted]


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
    lookalikes
        Shared by the intakes of a process, as ids that look alike belong to different shards.
    """

    def __init__(
        self,
        shard: Shard,
        topics: Mapping[str, str],
        partition: int,
        partitions: int,
        lookalikes: Lookalikes | None = None,
    ) -> None:
        self._reader, self._unknown_fields = InteractionReader(), 0
        # For people, not for decisions:
        self.read_counts: Counter[tuple[str, str, str]] = Counter()  # by source, kind and result
        self.refused: Counter[str] = Counter()  # by reason
        self.left_out: Counter[str] = Counter()  # fields of accepted interactions, by their name in the contract
        self.misrouted: Counter[str] = Counter()  # by source
        self.promises = 0  # interactions that lie ahead of their records
        self.lookalikes = Lookalikes() if lookalikes is None else lookalikes
        self._noted = 0
        self._shard, self._topics = shard, topics
        self._partition, self._partitions = partition, partitions

    @property
    def unknown_fields(self) -> int:
        """How many fields were ignored so far because the contract does not name them."""
        return self._unknown_fields + self._reader.unknown_fields

    def read(self, source: str, records: RecordColumns, now_s: float) -> Counts:
        """Read records; those that were read before are passed over.

        Parameters
        ----------
        source
            Where they come from.
        records
            In the order of their offsets.
        now_s
            The reader's clock: it stands in for the timestamps of records that have none.
        """
        new = records.after(self._shard.read_to(source))
        if not new.offsets:
            return Counts(0, 0)
        chunk = joined_records(new)
        decoded = DecodedChunk.of(new.offsets, len(chunk.text))
        refused, tombstones = self.refused.total(), self.refused[_TOMBSTONE]
        asides = self._read_all(source, new, chunk, decoded, now_s)
        counts = Counts(len(new.offsets), self.refused.total() - refused, self.refused[_TOMBSTONE] - tombstones)
        self._shard.enqueue(source, decoded, asides.told, new.offsets[-1], now_s, asides.rerouted)
        self._count(source, decoded, counts, len(asides.rerouted))
        return counts

    def _count(self, source: str, decoded: DecodedChunk, counts: Counts, rerouted: int) -> None:
        self._shard.counts["rejected"] += counts.refused
        self.misrouted[source] += rerouted
        for kind, count in zip(KINDS, decoded.columns.kinds.tolist(), strict=True):
            self.read_counts[source, kind, "accepted"] += count
        self.read_counts[source, UNREADABLE, "rejected"] += counts.refused
        self._unknown_fields += int(decoded.columns.unknown[0])
        self.promises += int(decoded.columns.promises[0])
        names = self._shard.table.names
        if len(names) > self._noted:
            first = max(self._noted, len(names) - REMEMBERED)
            self.lookalikes.note(name for name in names.of(range(first, len(names))) if name)
            self._noted = len(names)

    def _read_all(
        self, source: str, records: RecordColumns, chunk: JoinedRecords, decoded: DecodedChunk, now_s: float
    ) -> _Asides:
        """Read plain records by the kernel and the others one by one."""
        asides = _Asides([], {})
        here, table, i = Here(self._partition, self._partitions, now_s), self._shard.table, 0
        while (i := decoded.read_plain(chunk, table, here, i)) < len(records.offsets):
            by_s = float(written_s(chunk.timestamps[i], now_s))
            if source == REROUTED:
                by_s = written_of(records.headers[i], by_s)
            self._read_one(source, records, i, decoded, asides, by_s)
            i += 1
        return asides

    def _read_one(
        self, source: str, records: RecordColumns, i: int, decoded: DecodedChunk, asides: _Asides, by_s: float
    ) -> None:
        """Read a record that was written at `by_s` in the way that takes any."""
        offset, reading = records.offsets[i], self._reading(source, records, i, by_s)
        interaction = reading.interaction
        if isinstance(interaction, Refusal):
            decoded.refuse(i)
            asides.told.append((offset, self._rejection(source, records, i, interaction)))
            self.refused[interaction.reason] += 1
        elif (partition := self._partition_elsewhere(interaction)) is not None:
            decoded.send_on(i, interaction["at"], by_s)
            origin = self._place(source, offset)
            asides.rerouted[offset] = reroute(
                records.keys[i], records.values[i], records.headers[i], origin, by_s, partition
            )
            self.read_counts[source, interaction["kind"], "rerouted"] += 1
        else:
            decoded.write(i, interaction, self._shard.table, by_s)
            if reading.left_out:
                asides.told.append((offset, self._rejection(source, records, i, _partly(reading), kept=True)))
                self.left_out.update(reading.left_out.keys())

    def _reading(self, source: str, records: RecordColumns, i: int, by_s: float) -> Reading:
        """Read a record, and leave out a segment for which there is no room."""
        headers = own_headers(records.headers[i]) if source == REROUTED else records.headers[i]
        reading = self._reader.examine(records.values[i], key=records.keys[i], headers=headers, now_s=by_s)
        interaction = reading.interaction
        if isinstance(interaction, Refusal):
            return reading
        if self._partition_elsewhere(interaction) is not None:
            astray = Refusal("misrouted", "the record was rerouted here by mistake")
            return Reading(astray) if source == REROUTED else reading
        if not self._shard.can_take_segment(interaction):
            del interaction["segment"]
            return Reading(interaction, {**reading.left_out, "segment": _SEGMENT_RULE})
        return reading

    def _partition_elsewhere(self, interaction: Interaction) -> int | None:
        """Return the partition of the client, if it is not this one."""
        if interaction["client_id"] in self._shard.table.names:
            return None
        partition = partition_of(interaction["client_id"], self._partitions)
        return None if partition == self._partition else partition

    def _place(self, source: str, offset: int) -> RecordPlace:
        return RecordPlace(self._topics[source], self._partition, offset)

    def _rejection(self, source: str, records: RecordColumns, i: int, refusal: Refusal, *, kept: bool = False) -> bytes:
        place = self._place(source, records.offsets[i])
        origin = origin_of(records.headers[i], place) if source == REROUTED else place
        return rejection(
            topic=origin.topic,
            partition=origin.partition,
            offset=origin.offset,
            reason=refusal.reason,
            detail=refusal.detail,
            fields=refusal.fields,
            kept=kept,
            key=records.keys[i],
            raw=records.values[i],
        )


def _partly(reading: Reading) -> Refusal:
    """Return why fields of an interaction were left out."""
    faults = reading.left_out
    reason: RejectionReason = "segment_limit" if set(faults.values()) == {_SEGMENT_RULE} else "invalid_field"
    return Refusal(reason, detail_of(faults), tuple(faults))
