"""A log read once and dealt out to shards, by source and partition as `replay` does it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from detector.backtest.log import Ints, LogColumns
from detector.backtest.reader import Reader, Told, chunk_of_values
from detector.core.engine.shard import Shard
from detector.core.wire.decode import DecodedChunk, Here
from detector.core.wire.fields import KINDS, NUMBER_OF
from schemas.interaction import Refusal

_READ_AT_ONCE = 5000
_KIND = NUMBER_OF["kind"]

Place = tuple[str, int]


def feed(
    batches: Iterable[Sequence[bytes]], shards: Sequence[Shard], *, route: Callable[[str], str], now_s: float
) -> LogColumns:
    """Hand the interactions of a log to the shards. A record that cannot be read is counted, and changes nothing.

    Parameters
    ----------
    batches
        Records, some at a time, in the order of the file: as they would be produced, or lines of JSON.
    shards
        By partition; they apply nothing yet.
    route
        From an interaction's kind to its source.
    now_s
        The reader's clock: what lies more than a day ahead of it is refused.
    """
    columns, reader = LogColumns([shard.table.names for shard in shards]), Reader(len(shards), now_s)
    source_of_kind, ends = [route(kind) for kind in KINDS], Counter[Place]()
    for lines in _chunks(batches):
        told = reader.read(lines)
        columns.counts.update({f"rejected {reason}": count for reason, count in told.refused.items()})
        columns.counts["records"] += len(lines)
        for (source, partition), dealt in _dealt(told, source_of_kind):
            offsets = range(ends[source, partition], ends[source, partition] + len(dealt))
            read = _read(told, dealt, offsets, shards[partition], Here(partition, len(shards), now_s), reader)
            ends[source, partition] = offsets.stop
            columns.add(partition, read.columns.events, told.facts[dealt])
            shards[partition].enqueue(source, read, [], offsets[-1], now_s)
    return columns


def _chunks(batches: Iterable[Sequence[bytes]]) -> Iterator[list[bytes]]:
    records = (record for batch in batches for record in map(bytes.strip, batch) if record)
    while lines := list(islice(records, _READ_AT_ONCE)):
        yield lines


def _dealt(told: Told, source_of_kind: Sequence[str]) -> Iterator[tuple[Place, Ints]]:
    """Yield each place and the records that go there, in the order in which the places are met."""
    sources = list(dict.fromkeys(source_of_kind))
    numbers = np.array([sources.index(source) for source in source_of_kind])
    places = numbers[told.facts[:, _KIND].astype(np.int64)] + len(sources) * told.partitions
    distinct, first = np.unique(places, return_index=True)
    for place in distinct[np.argsort(first)].tolist():
        partition, source = divmod(place, len(sources))
        yield (sources[source], partition), np.flatnonzero(places == place)


def _read(told: Told, dealt: Ints, offsets: range, shard: Shard, here: Here, reader: Reader) -> DecodedChunk:
    """Read the records of one place for its shard; all of them can be."""
    numbers = dealt.tolist()
    chunk = chunk_of_values([told.values[i] for i in numbers])
    read, k = DecodedChunk.of(offsets, len(chunk.text)), 0
    while (k := read.read_plain(chunk, shard.table, here, k)) < len(numbers):
        interaction = told.interactions.get(numbers[k]) or reader.read_one(told.values[numbers[k]])
        assert not isinstance(interaction, Refusal)  # what is plain can be read in the other way, too
        read.write(k, interaction, shard.table, here.now_s)
        k += 1
    return read
