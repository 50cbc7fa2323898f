"""What a shard knows: its clients, segments and names, and their durable form as key-value records.

Every stored value begins with the version of the layout. `restore` loads records again.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from detector.core.clock import CALENDAR, NEVER_S, TimeOff, calendar
from detector.core.incidents import transitions
from detector.core.incidents.outbox import OUTBOX, TREND_NUMBERS, Arrays
from detector.core.layout import (
    LAYOUT,
    SILENCES,
    Records,
    new_clients,
    new_segments,
    new_trends,
)
from detector.core.lifecycle import State
from detector.core.model import replies as debt
from detector.core.model import segment as population
from detector.core.primitives.grow import grown
from detector.core.primitives.hashing import Integers
from detector.core.signals import TRAITS
from detector.core.state import codec
from detector.core.state.interned import CHANNELS_MAX, InternedNames
from detector.core.state.moments import Moments, Taught, Waiting
from detector.core.state.recent import Recent

CLIENT_KEY, SEGMENT_KEY, CHANNEL_KEY, ACCOUNT_KEY = b"client\0", b"segment\0", b"channel\0", b"account\0"
MOMENTS_KEY, OUTLOOK_KEY, RATE_KEY = b"moments\0", b"outlook\0", b"rate\0"  # of clients; of all; of segments
_ROWS_AT_FIRST = 1024
_PACKED_AT_ONCE = 1024  # a few megabytes of bytes and flags
_TRENDS_PER_EVENT = len(TRAITS)
_VERSION = bytes([LAYOUT])


class UnknownLayoutError(Exception):
    """A stored record was written by a version that this one does not know, or is damaged."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"a stored {kind} record is damaged, or of a layout after {LAYOUT}: start the version that wrote it, or"
            " stop all workers and run `ghosting rebuild`"
        )


class Table:
    """Clients, segments and names of one shard. Arrays are longer than what is used: the names say how much of them is.

    Parameters
    ----------
    segments_max
        How many segments it takes at most.
    budget
        False alerts per client-year, unless `budgets` names the segment.
    budgets
        False alerts per client-year of single segments, by name.
    overdue_budget
        False alerts per client-year about overdue replies, in all segments.
    prior
        What earlier histories taught of single segments: records of layout.SEGMENT; only their sums are used.
    taught
        What earlier histories taught of the return of clients.
    """

    def __init__(
        self,
        segments_max: int,
        budget: float,
        budgets: Mapping[str, float],
        overdue_budget: float,
        prior: Mapping[str, Records],
        taught: Taught | None = None,
    ) -> None:
        self.names, self.segment_names = InternedNames(), InternedNames(segments_max)
        self.channels, self.accounts = InternedNames(CHANNELS_MAX), InternedNames()
        for numbered_from_one in (self.channels, self.accounts):
            numbered_from_one.number("")
            numbered_from_one.mark_saved()
        self.clients, self.segments = new_clients(_ROWS_AT_FIRST), new_segments(0)
        self._begun = 0  # rows that belong to a client
        self.due_s = np.full(_ROWS_AT_FIRST, NEVER_S, np.uint32)
        self.recent = Recent(_ROWS_AT_FIRST)
        self.trends, self.trends_used = new_trends([0] * _ROWS_AT_FIRST), np.ones(1, np.int64)  # number 0 = no trend
        self.trend_of = np.zeros((_ROWS_AT_FIRST, len(TRAITS)), np.uint32)
        self.moments = Moments(taught)
        self.calendars = np.array([calendar()], CALENDAR).view(np.recarray)
        self._outbox = np.zeros(1, OUTBOX).view(np.recarray)
        self._budget, self._budgets, self._overdue_budget, self._prior = budget, budgets, overdue_budget, prior
        self.segment("default")
        self.segment_names.mark_saved()  # every shard begins with it

    # Views are taken anew each time: in a copy of a table they would be views of the former one.

    @property
    def effects(self) -> Records:
        """The effects that kernels wrote."""
        effects: Records = self._outbox.effects[0]
        return effects

    @property
    def effects_used(self) -> Integers:
        """How many effects there are: an array of one number."""
        used: Integers = self._outbox.used
        return used

    @property
    def counts(self) -> Integers:
        """The counts that kernels keep, by outbox.COUNT_*."""
        counts: Integers = self._outbox.counts[0]
        return counts

    def row(self, client_id: str) -> int:
        """Return the client's row; a new client gets the next one."""
        row = self.names.number(client_id)
        assert row is not None
        self.make_rows()
        return row

    def rows(self, client_ids: Sequence[str]) -> Integers:
        """Return the rows of many clients; new clients get the next ones."""
        rows = self.names.numbers(client_ids)
        self.make_rows()
        return rows

    def make_rows(self) -> None:
        """Make a row for every client that has a name."""
        rows, room = len(self.names), len(self.clients)
        if rows > room:
            room = max(rows, room + room // 2)
            self.clients, self.due_s = grown(self.clients, room), grown(self.due_s, room)
            self.trend_of = grown(self.trend_of, room)
            self.recent.grow(room)
        if rows > self._begun:
            self.clients[self._begun : rows], self.due_s[self._begun : rows] = new_clients(1), NEVER_S
            self._begun = rows

    def arrays(self, events: int) -> Arrays:
        """Return what kernels work on, with capacity for all trends that so many interactions can begin."""
        room = int(self.trends_used[0]) + events * _TRENDS_PER_EVENT
        room = min(room, 1 + len(self.names) * len(TRAITS))
        if room > len(self.trends):
            self.trends = grown(self.trends, max(room, len(self.trends) + len(self.trends) // 2))
        return Arrays(
            self.clients, self.due_s, self.trend_numbers(), self.trends, self.trends_used, self.segments,
            self.calendars, self._outbox,
        )  # fmt: skip

    def waiting(self, moments: int) -> Waiting:
        """What is waited for, as kernels see it, with room for so many more moments."""
        return self.moments.reserve(moments, len(self.names))

    def is_any_due(self, until_s: float) -> bool:
        """Check whether a transition of any client is due before an instant."""
        return bool(self.due_s[: len(self.names)].min(initial=NEVER_S) < until_s)

    def due_rows(self, until_s: float) -> Integers:
        """Return the rows of the clients that have a transition due before an instant."""
        before = np.uint32(
            math.ceil(min(max(until_s, 0), NEVER_S))
        )  # beside a float, NumPy would make floats of them all
        return np.flatnonzero(self.due_s[: len(self.names)] < before)

    def trend_numbers(self) -> Records:
        """Return the numbers of each client's trends, as kernels see them."""
        return self.trend_of.view(TREND_NUMBERS).reshape(-1).view(np.recarray)

    def segment(self, name: str) -> int | None:
        """Return the segment's number; a new one begins with the default table. None: there are too many segments."""
        known = len(self.segment_names)
        number = self.segment_names.number(name)
        if number == known:
            self._reserve(number)
            if name in self._prior:
                self.segments[number] = self._prior[name]
            self._set_budget(number, name)
            self.moments.add_segment(number, name)
            population.refit(self.segments, number)
            debt.refit(self.segments, number)
        return number

    def put_segment(self, number: int, name: str, segment: np.void) -> None:
        """Load a durable segment under its number."""
        self.segment_names.put(number, name)
        self._reserve(number)
        self.segments[number] = segment
        self._set_budget(number, name)
        self.moments.add_segment(number, name)

    def _set_budget(self, number: int, name: str) -> None:
        budget = self._budgets.get(name, self._budget)
        for silence in SILENCES:
            self.segments[silence][number]["budget"] = self._overdue_budget if silence == "reply" else budget

    def _reserve(self, number: int) -> None:
        if number >= len(self.segments):
            more = new_segments(max(number + 1 - len(self.segments), len(self.segments)))
            self.segments = np.concatenate([self.segments, more]).view(np.recarray)

    def recent_ids(self, row: int) -> list[str]:
        """Return the ids of the client's last contacts, the newest last."""
        return self.recent.ids(row, int(self.clients[row].contacts))

    def records(self, rows: Sequence[int], segments: Iterable[int]) -> Iterator[tuple[bytes, bytes | None]]:
        """Return the durable form of these rows and segments, of all names that are new, and of what was learned.

        Names come first: a restart must not give a number twice.
        """
        for key, vocabulary in ((CHANNEL_KEY, self.channels), (ACCOUNT_KEY, self.accounts)):
            for number, word in vocabulary.unsaved():
                yield key + str(number).encode(), _VERSION + word.encode()
        new = (number for number, _ in self.segment_names.unsaved())
        for number in sorted({*segments, *new}):
            yield (
                SEGMENT_KEY + str(number).encode(),
                self.segments[number].tobytes() + self.segment_names[number].encode(),
            )
        for start in range(0, len(rows), _PACKED_AT_ONCE):
            some = np.array(rows[start : start + _PACKED_AT_ONCE])
            ids = self.recent.encode(some, self.clients["contacts"][some])
            clients = codec.encode_clients(self.clients, self.trends, self.trend_numbers(), some)
            for name, client, recent in zip(self.names.of(some), clients, ids, strict=True):
                yield CLIENT_KEY + name.encode(), _VERSION + client + recent
        yield from self._outlook_records()

    def _outlook_records(self) -> Iterator[tuple[bytes, bytes | None]]:
        """The durable form of what was learned of the return of clients, and of what is waited for."""
        if posterior := self.moments.take_posterior():
            yield OUTLOOK_KEY + b"0", _VERSION + posterior
        for number, rate in self.moments.take_rates():
            yield RATE_KEY + str(number).encode(), _VERSION + rate
        changed = self.moments.take_rows()
        for name, (_, moments) in zip(self.names.of([row for row, _ in changed]), changed, strict=True):
            yield MOMENTS_KEY + name.encode(), None if moments is None else _VERSION + moments

    def forget(self, client_id: str) -> None:
        """Erase a client: it is as a client that was never heard."""
        row = self.names.drop(client_id)
        if row is not None:
            self.clients[row : row + 1] = new_clients(1)
            self.trend_of[row] = 0
            self.recent.forget(row)
        self.moments.forget(client_id)

    def time_off(self) -> TimeOff:
        """Return what does not count as time for a client of this shard."""
        return TimeOff(self.calendars[0])

    def find_due(self, session_days: float) -> None:
        """Find out, once all records are loaded, what is due when, and wait for what they wait for."""
        self.moments.begin(self.names)
        transitions.find_due(self.arrays(0), len(self.names), session_days)

    def open_incidents(self) -> int:
        """Count the incidents that are open and not held."""
        rows = self.clients[: len(self.names)]
        states = [rows[signal]["incident"]["state"] for signal in SILENCES]
        states.append(self.trends["state"][: self.trends_used[0]])
        return sum(int(((state != State.QUIET) & (state != State.HELD)).sum()) for state in states)
