"""A file's interactions through the same merge and the same shards as a worker's, without a broker.

Records are dealt out to sources and partitions as `ghosting produce` does, so the alerts are those of a worker, byte
for byte.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from detector.core.alerts.alert import in_order
from detector.core.engine.intake import Intake
from detector.core.engine.shard import Outcome, Policy, Shard
from detector.core.lifecycle import TYPE_OF
from detector.core.primitives.hashing import Integers
from detector.core.wire.fields import KINDS
from detector.core.wire.lookalikes import Lookalikes
from detector.core.wire.records import RecordColumns
from detector.core.wire.reroute import REROUTED
from detector.core.wire.routing import address_of, addresses_of
from detector.files.rows import produced
from schemas.rejection import of_file

_READ_AT_ONCE = 5000


Place = tuple[str, int]
"""A source and a partition."""


@dataclass
class _Waiting:
    """Records of one place that no shard has taken in yet; and of all that came there, which they were."""

    values: list[bytes] = field(default_factory=list)
    keys: list[bytes | None] = field(default_factory=list)
    numbers: list[Integers] = field(default_factory=list)
    end: int = 0  # offset behind the last one that was taken in

    def records(self) -> RecordColumns:
        """Take them away, with the offsets that they would have in Kafka."""
        values, keys, first = self.values, self.keys, self.end
        self.values, self.keys, self.end = [], [], first + len(values)
        return RecordColumns(range(first, self.end), keys, values, [()] * len(values))


@dataclass(frozen=True)
class Summary:
    """What a replay did."""

    records: int
    applied: int
    clients: int
    late: int
    duplicates: int
    unknown_fields: int
    promises: int  # interactions that lie ahead: they are no contact
    lookalikes: int  # clients whose ids differ from another one's only in case or blanks
    held: int
    rejected: dict[str, int]  # by reason
    left_out: dict[str, int]  # fields of applied interactions, by name
    alerts: dict[str, int]  # by type, signal and transition
    open: int
    seconds: float


def replay(  # noqa: PLR0913 - a file in, three out, and what is the installation's
    batches: Iterable[Sequence[bytes]],
    *,
    policy: Policy,
    partitions: int,
    until_s: float | None,
    now_s: float,
    route: Callable[[str], str],
    emit: Callable[[bytes], None],
    reject: Callable[[bytes], None],
    tell: Callable[[bytes], None] | None = None,
    line_of: Callable[[int], tuple[str, int]] | None = None,
) -> Summary:
    """Replay records and hand over the alerts and rejections.

    Parameters
    ----------
    batches
        Records, some at a time, in the order of the file: as they would be produced, or lines of JSON
        (`rows.produced` makes the one of the other).
    policy
        What the shards obey.
    partitions
        As many shards, each with tables of its own: as many as the topics have partitions.
    until_s
        How far the clock runs on after the last record; None = to the last record's time.
    now_s
        The reader's clock: what lies more than a day ahead of it is refused.
    route
        From an interaction's kind to its source.
    emit, reject
        Take an alert, or a rejection, in order.
    tell
        Takes how each client stands at the end of the clock (schemas.outlook), partition by partition.
    line_of
        The file and line that the rejection of a record names, by its number; None = the place it would have in Kafka.
    """
    began = time.perf_counter()
    shards = [Shard(policy, keeps_states=False) for _ in range(partitions)]
    topics = {source: f"{policy.app_id}.{source}" for source in (*policy.sources, REROUTED)}
    lookalikes = Lookalikes()
    intakes = [Intake(shard, topics, p, partitions, lookalikes) for p, shard in enumerate(shards)]
    dealt = deal_out(batches, intakes, policy.sources, route, now_s)
    fronts_s = [shard.front_s(source) for shard in shards for source in policy.sources]
    last_s = max(fronts_s) if until_s is None else max(until_s, *fronts_s)
    frontier_s = math.nextafter(last_s, math.inf)
    outcomes = [shard.advance(frontier_s) for shard in shards]
    if hand_on(outcomes, intakes, now_s):
        outcomes += [shard.advance(frontier_s) for shard in shards]
    alerts = _emitted(outcomes, emit)
    refused = [rejection for outcome in outcomes for rejection in outcome.rejected]
    for rejection in refused if line_of is None else _of_files(refused, dealt, topics, line_of):
        reject(rejection)
    rejected = sum((intake.refused for intake in intakes), Counter[str]())
    if tell is not None:
        for outlook in (outlook for shard in shards for outlook in shard.outlooks(last_s)):
            tell(outlook)
    counts = sum((shard.counts for shard in shards), Counter[str]())
    return Summary(
        records=sum(map(len, dealt.values())),
        applied=counts["applied"],
        clients=sum(len(shard.table.names) for shard in shards),
        late=counts["late"],
        duplicates=counts["duplicates"],
        unknown_fields=sum(intake.unknown_fields for intake in intakes),
        promises=sum(intake.promises for intake in intakes),
        lookalikes=lookalikes.count,
        held=counts["held"],
        rejected=dict(rejected),
        left_out=dict(sum((intake.left_out for intake in intakes), Counter[str]())),
        alerts=dict(alerts),
        open=counts["open"],
        seconds=time.perf_counter() - began,
    )


def deal_out(
    batches: Iterable[Sequence[bytes]],
    intakes: list[Intake],
    sources: Sequence[str],
    route: Callable[[str], str],
    now_s: float,
) -> dict[Place, Integers]:
    """Deal the records out and let the shards take them in; -> which ones, by offset: numbered as the batches came."""
    places = [(source, partition) for source in sources for partition in range(len(intakes))]
    waiting = [_Waiting() for _ in places]
    addressing = _Addressing({place: number for number, place in enumerate(places)}, route, len(intakes))
    first = 0
    for batch in batches:
        dealt = addressing.deal(batch)
        for number in np.unique(dealt.places[dealt.places >= 0]).tolist():
            found = np.flatnonzero(dealt.places == number)
            here = found.tolist()
            waiting[number].values += [dealt.values[i] for i in here]
            waiting[number].keys += [dealt.keys[i] for i in here]
            waiting[number].numbers.append(first + found)
            if len(waiting[number].values) >= _READ_AT_ONCE:
                source, partition = places[number]
                intakes[partition].read(source, waiting[number].records(), now_s)
        first += len(batch)
    for (source, partition), rest in zip(places, waiting, strict=True):
        intakes[partition].read(source, rest.records(), now_s)
    return {
        place: np.concatenate([np.zeros(0, np.int64), *one.numbers]) for place, one in zip(places, waiting, strict=True)
    }


def _emitted(outcomes: Iterable[Outcome], emit: Callable[[bytes], None]) -> Counter[str]:
    """Hand over the alerts of all shards in order; -> how many, by type, signal and transition."""
    alerts = Counter[str]()
    for alert in sorted((alert for outcome in outcomes for alert in outcome.alerts), key=in_order):
        emit(alert.value)
        alerts[f"{TYPE_OF[alert.signal]} {alert.signal} {alert.transition}"] += 1
    return alerts


def _of_files(
    refused: Iterable[bytes],
    dealt: Mapping[Place, Integers],
    topics: Mapping[str, str],
    line_of: Callable[[int], tuple[str, int]],
) -> Iterator[bytes]:
    """Let rejections name the lines of their records."""
    source_of = {topic: source for source, topic in topics.items()}
    for rejection in refused:
        said = json.loads(rejection)
        number = dealt[source_of[said["topic"]], said["partition"]][said["offset"]]
        yield of_file(rejection, *line_of(int(number)))


class _Dealt(NamedTuple):
    """Records with their keys and the numbers of their places; -1 = there is no record on the line."""

    values: list[bytes]
    keys: list[bytes | None]
    places: Integers


class _Addressing:
    """Finds the places of many records at once."""

    def __init__(self, numbers: Mapping[tuple[str, int], int], route: Callable[[str], str], partitions: int) -> None:
        self._numbers, self._route, self._partitions = numbers, route, partitions
        self._first_source = next(iter(numbers))[0]
        self._first_places = np.array([numbers[route(kind), 0] for kind in KINDS])

    def deal(self, batch: Sequence[bytes]) -> _Dealt:
        """Give each record its key and its place, as `ghosting produce` would."""
        values = [line.strip() for line in batch]
        found = addresses_of(values, self._partitions)
        places = np.where(found.kinds >= 0, self._first_places[found.kinds] + found.partitions, -1)
        spans = zip(values, found.key_starts.tolist(), found.key_sizes.tolist(), strict=True)
        keys: list[bytes | None] = [value[start : start + size] for value, start, size in spans]
        for i in np.flatnonzero(found.kinds < 0).tolist():
            if value := produced(values[i]):
                source, partition, keys[i] = address_of(
                    value, first=self._first_source, route=self._route, partitions=self._partitions
                )
                values[i], places[i] = value, self._numbers[source, partition]
        return _Dealt(values, keys, places)


def hand_on(outcomes: Sequence[Outcome], intakes: Sequence[Intake], now_s: float) -> int:
    """Let shards take in what others found not to be theirs: records that were not readable here; -> how many."""
    ends = Counter[int]()
    for one in (one for outcome in outcomes for one in outcome.rerouted):
        record = RecordColumns([ends[one.partition]], [one.key], [one.value], [one.headers])
        intakes[one.partition].read(REROUTED, record, now_s)
        ends[one.partition] += 1
    return ends.total()
