"""A file's interactions through the same merge and the same shards as a worker's, without a broker.

Records are dealt out to sources and partitions as `ghosting produce` does, so the alerts are those of a worker, byte
for byte.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from detector.core.address import address_of
from detector.core.alert import in_order
from detector.core.intake import Intake
from detector.core.reroute import REROUTED
from detector.core.shard import Outcome, Policy, Shard

_READ_AT_ONCE = 5000


class Line(Protocol):
    """A record of a file."""

    @property
    def value(self) -> bytes:
        """JSON, as it would be produced."""


class _Record(NamedTuple):
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True)
class Summary:
    """What a replay did."""

    records: int
    applied: int
    clients: int
    late: int
    duplicates: int
    unknown_fields: int
    held: int
    rejected: dict[str, int]  # by reason
    alerts: dict[str, int]  # by type, signal and transition
    open: int
    seconds: float


def replay(  # noqa: PLR0913 - a file in, three out, and what is the installation's
    records: Iterable[Line],
    *,
    policy: Policy,
    partitions: int,
    until_s: float | None,
    now_s: float,
    route: Callable[[str], str],
    emit: Callable[[bytes], None],
    reject: Callable[[bytes], None],
    tell: Callable[[bytes], None] | None = None,
) -> Summary:
    """Replay records and hand over the alerts and rejections.

    Parameters
    ----------
    records
        In the order of the file.
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
    """
    began = time.perf_counter()
    shards = [Shard(policy) for _ in range(partitions)]
    topics = {source: f"{policy.app_id}.{source}" for source in (*policy.sources, REROUTED)}
    intakes = [Intake(shard, topics, p, partitions) for p, shard in enumerate(shards)]
    read = deal_out(records, intakes, policy.sources, route, now_s)
    fronts_s = [shard.front_s(source) for shard in shards for source in policy.sources]
    last_s = max(fronts_s) if until_s is None else max(until_s, *fronts_s)
    frontier_s = math.nextafter(last_s, math.inf)
    outcomes = [shard.advance(dict.fromkeys(policy.sources, frontier_s)) for shard in shards]
    if hand_on(outcomes, intakes, now_s):
        outcomes += [shard.advance({REROUTED: frontier_s}) for shard in shards]
    alerts, rejected = Counter[str](), Counter[str]()
    for alert in sorted((alert for outcome in outcomes for alert in outcome.alerts), key=in_order):
        emit(alert.value)
        data = json.loads(alert.value)["data"]
        alerts[f"{data['type']} {data['signal']} {data['transition']}"] += 1
    for rejection in (rejection for outcome in outcomes for rejection in outcome.rejected):
        reject(rejection)
        rejected[json.loads(rejection)["reason"]] += 1
    if tell is not None:
        for outlook in (outlook for shard in shards for outlook in shard.outlooks(last_s)):
            tell(outlook)
    counts = sum((shard.counts for shard in shards), Counter[str]())
    return Summary(
        records=read,
        applied=counts["applied"],
        clients=sum(len(shard.table.names) for shard in shards),
        late=counts["late"],
        duplicates=counts["duplicates"],
        unknown_fields=sum(intake.reader.unknown_fields for intake in intakes),
        held=counts["held"],
        rejected=dict(rejected),
        alerts=dict(alerts),
        open=counts["open"],
        seconds=time.perf_counter() - began,
    )


def deal_out(
    records: Iterable[Line], intakes: list[Intake], sources: Sequence[str], route: Callable[[str], str], now_s: float
) -> int:
    """Deal the records out and let the shards take them in; -> how many."""
    ends, waiting = Counter[tuple[str, int]](), dict[tuple[str, int], list[_Record]]()
    count = 0
    for record in records:
        count += 1
        source, partition, key = address_of(record.value, first=sources[0], route=route, partitions=len(intakes))
        place = source, partition
        waiting.setdefault(place, []).append(_Record(ends[place], key, record.value))
        ends[place] += 1
        if len(waiting[place]) == _READ_AT_ONCE:
            intakes[partition].take_in(source, waiting.pop(place), now_s)
    for (source, partition), rest in waiting.items():
        intakes[partition].take_in(source, rest, now_s)
    return count


def hand_on(outcomes: Sequence[Outcome], intakes: Sequence[Intake], now_s: float) -> int:
    """Let shards take in what others found not to be theirs: records that were not readable here; -> how many."""
    ends = Counter[int]()
    for one in (one for outcome in outcomes for one in outcome.rerouted):
        record = _Record(ends[one.partition], one.key, one.value, one.headers)
        intakes[one.partition].take_in(REROUTED, [record], now_s)
        ends[one.partition] += 1
    return ends.total()
