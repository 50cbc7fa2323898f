"""Deal the records of files out to sources and partitions, by the rule that `ghosting produce` obeys too.

A record of a file has a number (its place among all that were read) and gets the offset that it would have in Kafka.
This file keeps the way back, from the offset of a refused record to its number.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from detector.core.engine.intake import Intake
from detector.core.engine.shard import Policy
from detector.core.primitives.hashing import Integers
from detector.core.wire.fields import KINDS
from detector.core.wire.records import RecordColumns
from detector.core.wire.routing import address_of, addresses_of
from detector.files.rows import produced

_READ_AT_ONCE = 5000

Place = tuple[str, int]
"""A source and a partition."""


class Installation(NamedTuple):
    """What an installation is to its records.

    Parameters
    ----------
    policy
        What the shards obey.
    partitions
        As many shards, each with tables of its own: as many as the topics have partitions.
    route
        From an interaction's kind to its source.
    """

    policy: Policy
    partitions: int
    route: Callable[[str], str]


class Numbers:
    """The numbers of the records of one place, by their offsets; those that nobody will ask for can be dropped."""

    def __init__(self) -> None:
        self._first, self._parts = 0, deque[Integers]()

    def append(self, numbers: Integers) -> None:
        """Append the numbers of the next records."""
        self._parts.append(numbers)

    def __getitem__(self, offset: int) -> int:
        """Return the number of the record with this offset."""
        offset -= self._first
        for part in self._parts:
            if offset < len(part):
                return int(part[offset])
            offset -= len(part)
        raise IndexError(offset)

    def drop(self, offset: int) -> None:
        """Drop what lies wholly before an offset."""
        while self._parts and self._first + len(self._parts[0]) <= offset:
            self._first += len(self._parts.popleft())


@dataclass
class _Waiting:
    """Records of one place that no shard has read yet."""

    values: list[bytes] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    end: int = 0  # the offset that the first of them will get

    def take(self) -> RecordColumns:
        """Take the records away, with the offsets that they would have in Kafka."""
        values, keys, first = self.values, self.keys, self.end
        self.values, self.keys, self.end = [], [], first + len(values)
        return RecordColumns(range(first, self.end), keys, values, [()] * len(values))


class Dealer:
    """Deals records out, and lets the shards read them some at a time.

    Parameters
    ----------
    intakes
        By partition.
    installation
        Says which source and which partition a record goes to.
    now_s
        The reader's clock: a record more than a day ahead of it is refused.
    """

    def __init__(self, intakes: Sequence[Intake], installation: Installation, now_s: float) -> None:
        places = [(source, partition) for source in installation.policy.sources for partition in range(len(intakes))]
        self.records = 0  # how many were dealt out
        self.numbers: Mapping[Place, Numbers] = {place: Numbers() for place in places}
        self._intakes, self._places, self._now_s = intakes, places, now_s
        self._waiting = [_Waiting() for _ in places]
        self._addressing = _Addressing(
            {place: number for number, place in enumerate(places)}, installation.route, len(intakes)
        )
        self._flushed = 0
        self._seen = 0  # of the batches' items, those that are no record too

    def deal(self, batch: Sequence[bytes]) -> None:
        """Deal out the records of a batch: values as they would be produced, or lines of JSON."""
        dealt = self._addressing.deal(batch)
        for number in np.unique(dealt.places[dealt.places >= 0]).tolist():
            positions = np.flatnonzero(dealt.places == number)
            waiting = self._waiting[number]
            here = positions.tolist()
            waiting.values += [dealt.values[i] for i in here]
            waiting.keys += [dealt.keys[i] for i in here]
            self.numbers[self._places[number]].append(self._seen + positions)
            self.records += len(positions)
            if len(waiting.values) >= _READ_AT_ONCE:
                self._read(number)
        self._seen += len(batch)

    @property
    def waiting(self) -> int:
        """How many records were dealt out since the last flush."""
        return self.records - self._flushed

    def flush(self) -> None:
        """Hand to the shards what still waits."""
        for number, waiting in enumerate(self._waiting):
            if waiting.values:
                self._read(number)
        self._flushed = self.records

    def _read(self, number: int) -> None:
        source, partition = self._places[number]
        self._intakes[partition].read(source, self._waiting[number].take(), self._now_s)


class _Dealt(NamedTuple):
    """Records with their keys and the numbers of their places; -1 = there is no record on the line."""

    values: list[bytes]
    keys: list[bytes | None]
    places: Integers


class _Addressing:
    """Finds the places of many records at once."""

    def __init__(self, numbers: Mapping[Place, int], route: Callable[[str], str], partitions: int) -> None:
        self._numbers, self._route, self._partitions = numbers, route, partitions
        self._first_source = next(iter(numbers))[0]
        self._first_places = np.array([numbers[route(kind), 0] for kind in KINDS])

    def deal(self, batch: Sequence[bytes]) -> _Dealt:
        """Find the key and the place of each record, as `ghosting produce` would."""
        values = [line.strip() for line in batch]
        addresses = addresses_of(values, self._partitions)
        places = np.where(addresses.kinds >= 0, self._first_places[addresses.kinds] + addresses.partitions, -1)
        spans = zip(values, addresses.key_starts.tolist(), addresses.key_sizes.tolist(), strict=True)
        keys: list[bytes | None] = [value[start : start + size] for value, start, size in spans]
        for i in np.flatnonzero(addresses.kinds < 0).tolist():
            if value := produced(values[i]):
                source, partition, keys[i] = address_of(
                    value, first=self._first_source, route=self._route, partitions=self._partitions
                )
                values[i], places[i] = value, self._numbers[source, partition]
        return _Dealt(values, keys, places)
