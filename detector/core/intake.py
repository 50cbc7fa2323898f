"""From a record of a source to what waits for its turn: an interaction, a rejection, or a record of another shard."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from detector.core.partition import partition_of
from detector.core.reroute import REROUTED, Place, Record, Rerouted, origin_of, own_headers, reroute
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
        self.reader = InteractionReader()
        self.read: Counter[tuple[str, str, str]] = (
            Counter()
        )  # by source, kind and result: for people, not for decisions
        self.refused: Counter[str] = Counter()  # by reason
        self.misrouted: Counter[str] = Counter()  # by source
        self._shard, self._topics = shard, topics
        self._partition, self._partitions = partition, partitions

    def take_in(self, source: str, records: Sequence[Record], now_s: float) -> Counts:
        """Read records in offset order; those that were read before are passed over."""
        read_to = self._shard.read_to(source)
        new = [record for record in records if record.offset > read_to]
        read: list[tuple[int, Interaction]] = []
        rejected: list[tuple[int, bytes]] = []
        rerouted: dict[int, Rerouted] = {}
        for record in new:
            found = self._read(source, record, now_s)
            if isinstance(found, Refusal):
                rejected.append((record.offset, self._rejection(source, record, found)))
                self.refused[found.reason] += 1
            else:
                read.append((record.offset, found))
                if (partition := self._partition_elsewhere(found)) is not None:
                    rerouted[record.offset] = reroute(record, self._place(source, record), partition)
        if new:
            self._shard.take_in(source, read, rejected, new[-1].offset, now_s, rerouted)
        self.misrouted[source] += len(rerouted)
        kinds = Counter((interaction["kind"], offset in rerouted) for offset, interaction in read)
        for (kind, goes_on), count in kinds.items():
            self.read[source, kind, "rerouted" if goes_on else "accepted"] += count
        self.read[source, UNREADABLE, "rejected"] += len(rejected)
        return Counts(len(new), len(rejected))

    def _read(self, source: str, record: Record, now_s: float) -> Interaction | Refusal:
        headers = own_headers(record) if source == REROUTED else record.headers
        found = self.reader.read(record.value, key=record.key, headers=headers, now_s=now_s)
        if isinstance(found, Refusal):
            return found
        if self._partition_elsewhere(found) is not None:
            return found if source != REROUTED else Refusal("misrouted", "the record was rerouted here by mistake")
        if not self._shard.has_room(found):
            return Refusal("segment_limit", "segment: there are too many segments already")
        return found

    def _partition_elsewhere(self, interaction: Interaction) -> int | None:
        """The partition of the client, if it is not this one."""
        if interaction["client_id"] in self._shard.table.names:
            return None
        partition = partition_of(interaction["client_id"], self._partitions)
        return None if partition == self._partition else partition

    def _place(self, source: str, record: Record) -> Place:
        return Place(self._topics[source], self._partition, record.offset)

    def _rejection(self, source: str, record: Record, refusal: Refusal) -> bytes:
        place = self._place(source, record)
        origin = origin_of(record, place) if source == REROUTED else place
        return rejection(
            topic=origin.topic,
            partition=origin.partition,
            offset=origin.offset,
            reason=refusal.reason,
            detail=refusal.detail,
            key=record.key,
            raw=record.value,
        )
