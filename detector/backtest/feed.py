"""A log read once and dealt out to shards, by source and partition as `replay` does it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from detector.backtest.log import LogColumns
from detector.core.partition import partition_of
from detector.core.shard import Shard
from schemas.envelope import InteractionReader
from schemas.interaction import Interaction, Refusal

_READ_AT_ONCE = 5000


class Line(Protocol):
    """A record of a file."""

    @property
    def value(self) -> bytes:
        """JSON, as it would be produced."""


Place = tuple[str, int]


def feed(records: Iterable[Line], shards: Sequence[Shard], *, route: Callable[[str], str], now_s: float) -> LogColumns:
    """Let the shards take in the interactions of a log; what cannot be read is counted, and changes nothing.

    Parameters
    ----------
    records
        In the order of the file.
    shards
        By partition; they apply nothing yet.
    route
        From an interaction's kind to its source.
    now_s
        The reader's clock: what lies more than a day ahead of it is refused.
    """
    columns, reader = LogColumns(), InteractionReader()
    partition_of_client: dict[str, int] = {}
    ends = Counter[Place]()
    for some in _chunks(records):
        dealt: dict[Place, list[tuple[int, Interaction]]] = {}
        for record in some:
            found = reader.read(record.value, now_s=now_s)
            if isinstance(found, Refusal):
                columns.counts[f"rejected {found.reason}"] += 1
                continue
            client_id = found["client_id"]
            partition = partition_of_client.get(client_id)
            if partition is None:
                partition = partition_of_client[client_id] = partition_of(client_id, len(shards))
            place = route(found["kind"]), partition
            dealt.setdefault(place, []).append((ends[place], found))
            ends[place] += 1
        columns.counts["records"] += len(some)
        for (source, partition), interactions in dealt.items():
            columns.add([one for _, one in interactions])
            shards[partition].take_in(source, interactions, [], interactions[-1][0], now_s)
    return columns


def _chunks(records: Iterable[Line]) -> Iterator[list[Line]]:
    remaining = iter(records)
    while some := list(islice(remaining, _READ_AT_ONCE)):
        yield some
