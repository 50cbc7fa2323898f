"""A chunk of records as columns: plain interactions by a kernel, from their bytes to rows of layout.INTERACTION.

The kernel stops at a record that is not plain, or that holds a new name which it may not give a number to. Its caller
reads that record another way, and calls again for the records behind it.
"""

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numba import njit

from detector.core.layout import ELSEWHERE, INTERACTION, Batch
from detector.core.primitives.hashing import (
    Integers,
    Text,
    conversation,
    conversation_number,
    hashed,
    id_number,
    text_of,
)
from detector.core.primitives.partitioner import partition_of_text
from detector.core.state.interned import UNKNOWN, Interned, add, find
from detector.core.state.table import Table
from detector.core.wire.classify import classify
from detector.core.wire.fast_path import PLAIN, Plain, scan
from detector.core.wire.fields import KINDS, NUMBER_OF, parsed_fields
from detector.core.wire.records import NO_KEY, JoinedRecords, written_s
from schemas.interaction import Interaction
from schemas.times import AHEAD_MAX_S, AT_MIN_S

_EVENT, _CLIENT, _KIND, _AT, _ACCOUNT, _CHANNEL, _THREAD, _SEGMENT = (
    NUMBER_OF[name] for name in ("event_id", "client_id", "kind", "at", "account_id", "channel", "thread_id", "segment")
)
_KIND_WORDS: Final = np.frombuffer("".join(KINDS).encode(), np.uint8).copy()
_KIND_ENDS: Final = np.cumsum([0, *map(len, KINDS)])  # the channel of an interaction that names none is its kind

Event = Any  # one record of layout.INTERACTION, seen from Numba


class Columns(NamedTuple):
    """What is read so far, as kernels see it, and what is counted on the way."""

    events: Batch  # records of layout.INTERACTION, one for each record of the chunk
    ids: Text  # the event ids, one behind the other
    ids_used: Integers  # one number
    kinds: Integers  # interactions by kind
    unknown: Integers  # one number: fields that the contract does not name
    promises: Integers  # one number: interactions that lie ahead of their records
    plain: "np.ndarray[Any, Any]"  # one record of layout.PLAIN


class InternedTables(NamedTuple):
    """The tables in which names have their numbers."""

    clients: Interned
    segments: Interned
    accounts: Interned
    channels: Interned


class Here(NamedTuple):
    """The partition that is read, how many there are, and the reader's clock."""

    partition: int
    partitions: int
    now_s: float


@njit(cache=True)
def _is_key(chunk: JoinedRecords, i: int, plain: Plain) -> bool:
    """Return whether the record has no key, or a key that is the client's id byte for byte."""
    size = chunk.key_sizes[i]
    if size == NO_KEY:
        return True
    if size != plain.sizes[_CLIENT]:
        return False
    key, client = chunk.key_ends[i], plain.starts[_CLIENT]
    for k in range(size):  # noqa: SIM110 - `all` needs a generator, which Numba does not compile
        if chunk.keys[key + k] != chunk.text[client + k]:
            return False
    return True


@njit(cache=True)
def _number(words: Interned, text: Text, plain: Plain, field: int, otherwise: int) -> int:
    """Return the number of the name in a field, UNKNOWN if the name is new, or `otherwise` if the field is absent."""
    if plain.sizes[field] == 0:
        return otherwise
    return find(words, text, plain.starts[field], plain.sizes[field])


@njit(cache=True)
def _name(event: Event, text: Text, plain: Plain, known: InternedTables, here: Here) -> bool:
    """Write the numbers of an event's names; return whether all are known, or name new clients of this partition."""
    segment = _number(known.segments, text, plain, _SEGMENT, UNKNOWN)
    account = _number(known.accounts, text, plain, _ACCOUNT, 0)
    kind = int(plain.parsed[_KIND])
    if plain.sizes[_CHANNEL] == 0:
        start = _KIND_ENDS[kind]
        channel = find(known.channels, _KIND_WORDS, start, _KIND_ENDS[kind + 1] - start)
    else:
        channel = find(known.channels, text, plain.starts[_CHANNEL], plain.sizes[_CHANNEL])
    if account < 0 or channel < 0 or (segment < 0 and plain.sizes[_SEGMENT] > 0):
        return False
    start, size = plain.starts[_CLIENT], plain.sizes[_CLIENT]
    row = find(known.clients, text, start, size)
    if row < 0:
        if partition_of_text(text, start, size, here.partitions) != here.partition:
            return False
        row = add(known.clients, text, start, size)
    event.row, event.segment, event.account, event.channel = row, segment + 1, account, channel
    return True


@njit(cache=True)
def promise_number(number: np.uint64) -> np.uint64:
    """Return the number under which the id of a promise is remembered.

    It is another one than the id's own: what was planned may come again, under the same id, when it has happened.
    """
    return max(~number, np.uint64(1))


@njit(cache=True)
def read_plain(chunk: JoinedRecords, read: Columns, known: InternedTables, here: Here, first: int) -> int:
    """Read the records from `first` on; return the first that needs another way, or how many there are."""
    plain = read.plain[0]
    for i in range(first, len(read.events)):
        event = read.events[i]
        if not scan(chunk.text, chunk.ends[i], chunk.ends[i + 1], plain):
            return i
        by_s = written_s(chunk.timestamps[i], here.now_s)
        if not AT_MIN_S <= plain.parsed[_AT] <= by_s + AHEAD_MAX_S or not _is_key(chunk, i, plain):
            return i
        if not _name(event, chunk.text, plain, known, here):
            return i
        start, size = plain.starts[_EVENT], plain.sizes[_EVENT]
        event.key_s, event.event = by_s, id_number(chunk.text, start, size)
        if classify(event, plain.parsed, by_s):
            event.event = promise_number(event.event)
            read.promises[0] += 1
        if plain.sizes[_THREAD]:
            event.thread = conversation_number(chunk.text, plain.starts[_THREAD], plain.sizes[_THREAD])
        event.id_start, event.id_size = read.ids_used[0], size
        for k in range(size):
            read.ids[event.id_start + k] = chunk.text[start + k]
        read.ids_used[0] += size
        read.kinds[int(plain.parsed[_KIND])] += 1
        read.unknown[0] += plain.unknown
    return len(read.events)


class DecodedChunk:
    """What is read of a chunk: a row for each record; the rows of refused records are left out in the end.

    Parameters
    ----------
    columns
        With room for all records.
    """

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self._accepted = np.ones(len(columns.events), np.bool_)

    @classmethod
    def of(cls, offsets: Sequence[int], ids_size: int = 0) -> Self:
        """Return a chunk with room for records at these offsets, and at first for ids of so many bytes."""
        events = np.zeros(len(offsets), INTERACTION).view(np.recarray)
        events.offset = offsets
        return cls(
            Columns(
                events,
                np.empty(ids_size, np.uint8),
                np.zeros(1, np.int64),
                np.zeros(len(KINDS), np.int64),
                np.zeros(1, np.int64),
                np.zeros(1, np.int64),
                np.zeros(1, PLAIN).view(np.recarray),
            )
        )

    def read_plain(self, chunk: JoinedRecords, table: Table, here: Here, first: int) -> int:
        """Read plain records from `first` on; return the first that needs another way, or how many there are."""
        left = len(self.columns.events) - first
        table.names.reserve(left, len(chunk.text) - int(chunk.ends[first]))
        known = InternedTables(table.names.words, table.segment_names.words, table.accounts.words, table.channels.words)
        stopped = int(read_plain(chunk, self.columns, known, here, first))
        table.make_rows()
        return stopped

    def write(self, i: int, interaction: Interaction, table: Table, by_s: float = math.inf) -> None:
        """Write an interaction that was read another way, and number its names.

        Parameters
        ----------
        i
            Its place in the chunk.
        interaction, table
            What was read, and where its names have their numbers.
        by_s
            When its record was written; infinite = nobody knows.
        """
        columns, event = self.columns, self.columns.events[i]
        event.event = hashed(interaction["event_id"])
        event.key_s = by_s if math.isfinite(by_s) else 0
        if classify(event, parsed_fields(interaction), by_s):
            event.event = promise_number(event.event)
            columns.promises[0] += 1
        segment = table.segment(interaction["segment"]) if "segment" in interaction else None
        event.segment = 0 if segment is None else segment + 1
        event.account = table.accounts.number(interaction.get("account_id", "")) or 0
        event.channel = table.channels.number(interaction.get("channel") or interaction["kind"]) or 0
        event.row = table.row(interaction["client_id"])
        event_id = interaction["event_id"].encode()
        event.thread = conversation(interaction.get("thread_id"))
        used = int(columns.ids_used[0])
        if used + len(event_id) > len(columns.ids):
            more = np.empty(used + len(event_id), np.uint8)
            self.columns = columns = columns._replace(ids=np.concatenate([columns.ids, more]))
        columns.ids[used : used + len(event_id)] = text_of(event_id)
        event.id_start, event.id_size = used, len(event_id)
        columns.ids_used[0] += len(event_id)
        columns.kinds[KINDS.index(interaction["kind"])] += 1

    def send_on(self, i: int, at_s: float, by_s: float) -> None:
        """Keep the turn of a record that belongs to another shard: its row holds nothing but its times."""
        event = self.columns.events[i]
        event.row, event.at_s, event.key_s = ELSEWHERE, at_s, by_s

    def refuse(self, i: int) -> None:
        """Leave a record out."""
        self._accepted[i] = False

    def accepted(self) -> tuple[Batch, Text]:
        """Return the interactions, and the bytes of their ids."""
        events, ids = self.columns.events, self.columns.ids[: self.columns.ids_used[0]].copy()
        return (events if self._accepted.all() else events[self._accepted]), ids
