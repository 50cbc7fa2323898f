"""A chunk of records as columns: plain interactions by a kernel, from their bytes to rows of layout.INTERACTION.

The kernel stops at a record that is not plain, or of which it does not know a name that it may not give a number to;
whoever called it reads that record another way and calls again for those behind it.
"""

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
from detector.core.wire.records import NO_KEY, JoinedRecords
from schemas.interaction import AHEAD_MAX_S, AT_MIN_S, Interaction

_EVENT, _CLIENT, _KIND, _AT, _ACCOUNT, _CHANNEL, _THREAD, _SEGMENT = (
    NUMBER_OF[name] for name in ("event_id", "client_id", "kind", "at", "account_id", "channel", "thread_id", "segment")
)
_KIND_WORDS: Final = np.frombuffer("".join(KINDS).encode(), np.uint8).copy()
_KIND_ENDS: Final = np.cumsum([0, *map(len, KINDS)])  # the channel of an interaction that names none is its kind

Event = Any  # one record of layout.INTERACTION, seen from Numba


class Columns(NamedTuple):
    """What was read so far as kernels see it, and what is counted on the way."""

    events: Batch  # records of layout.INTERACTION, one for each record of the chunk
    ids: Text  # the event ids, one behind the other
    ids_used: Integers  # one number
    kinds: Integers  # interactions by kind
    unknown: Integers  # one number: fields that the contract does not name
    plain: "np.ndarray[Any, Any]"  # one record of layout.PLAIN


class InternedTables(NamedTuple):
    """Where names have their numbers."""

    clients: Interned
    segments: Interned
    accounts: Interned
    channels: Interned


class Here(NamedTuple):
    """Which partition it is, of how many, and when it is read."""

    partition: int
    partitions: int
    now_s: float


@njit(cache=True)
def _is_key(chunk: JoinedRecords, i: int, plain: Plain) -> bool:
    """Tell whether the record has no key, or the client's id for one."""
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
    """The number of the name that a field gives, UNKNOWN if it is a new one, or what it is if none is given."""
    if plain.sizes[field] == 0:
        return otherwise
    return find(words, text, plain.starts[field], plain.sizes[field])


@njit(cache=True)
def _name(event: Event, text: Text, plain: Plain, known: InternedTables, here: Here) -> bool:
    """Give the event the numbers of its names; tell whether all are known, or new clients of this partition."""
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
def read_plain(chunk: JoinedRecords, read: Columns, known: InternedTables, here: Here, first: int) -> int:
    """Read the records from `first` on; -> the first that has to be read another way, or how many there are."""
    plain = read.plain[0]
    for i in range(first, len(read.events)):
        event = read.events[i]
        if not scan(chunk.text, chunk.ends[i], chunk.ends[i + 1], plain):
            return i
        if not AT_MIN_S <= plain.parsed[_AT] <= here.now_s + AHEAD_MAX_S or not _is_key(chunk, i, plain):
            return i
        if not _name(event, chunk.text, plain, known, here):
            return i
        classify(event, plain.parsed)
        start, size = plain.starts[_EVENT], plain.sizes[_EVENT]
        event.event = id_number(chunk.text, start, size)
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
    """What is read of a chunk: a row for each record, of which those that are refused are left out in the end.

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
        """Have room for records at these offsets, and ids of so many bytes together; more is made if need be."""
        events = np.zeros(len(offsets), INTERACTION).view(np.recarray)
        events.offset = offsets
        return cls(
            Columns(
                events,
                np.empty(ids_size, np.uint8),
                np.zeros(1, np.int64),
                np.zeros(len(KINDS), np.int64),
                np.zeros(1, np.int64),
                np.zeros(1, PLAIN).view(np.recarray),
            )
        )

    def read_plain(self, chunk: JoinedRecords, table: Table, here: Here, first: int) -> int:
        """Read plain records from `first` on; -> the first that has to be read another way, or how many there are."""
        left = len(self.columns.events) - first
        table.names.reserve(left, len(chunk.text) - int(chunk.ends[first]))
        known = InternedTables(table.names.words, table.segment_names.words, table.accounts.words, table.channels.words)
        stopped = int(read_plain(chunk, self.columns, known, here, first))
        table.make_rows()
        return stopped

    def write(self, i: int, interaction: Interaction, table: Table) -> None:
        """Write an interaction that was read another way, and give its names their numbers."""
        columns, event = self.columns, self.columns.events[i]
        classify(event, parsed_fields(interaction))
        segment = table.segment(interaction["segment"]) if "segment" in interaction else None
        event.segment = 0 if segment is None else segment + 1
        event.account = table.accounts.number(interaction.get("account_id", "")) or 0
        event.channel = table.channels.number(interaction.get("channel") or interaction["kind"]) or 0
        event.row = table.row(interaction["client_id"])
        event_id = interaction["event_id"].encode()
        event.event = hashed(interaction["event_id"])
        event.thread = conversation(interaction.get("thread_id"))
        used = int(columns.ids_used[0])
        if used + len(event_id) > len(columns.ids):
            more = np.empty(used + len(event_id), np.uint8)
            self.columns = columns = columns._replace(ids=np.concatenate([columns.ids, more]))
        columns.ids[used : used + len(event_id)] = text_of(event_id)
        event.id_start, event.id_size = used, len(event_id)
        columns.ids_used[0] += len(event_id)
        columns.kinds[KINDS.index(interaction["kind"])] += 1

    def send_on(self, i: int, at_s: float) -> None:
        """Let a record of another shard's client keep its turn: of an interaction, it only has a time."""
        event = self.columns.events[i]
        event.row, event.at_s = ELSEWHERE, at_s

    def refuse(self, i: int) -> None:
        """Leave a record out."""
        self._accepted[i] = False

    def accepted(self) -> tuple[Batch, Text]:
        """The interactions, and the bytes of their ids."""
        events, ids = self.columns.events, self.columns.ids[: self.columns.ids_used[0]].copy()
        return (events if self._accepted.all() else events[self._accepted]), ids
