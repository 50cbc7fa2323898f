"""What a shard knows: its clients, segments and names, and their durable form as key-value records.

Every stored value begins with the version of the layout; a value of another version is refused, never guessed at.
"""

import json
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from detector.core import population
from detector.core.directory import CHANNELS_MAX, Vocabulary
from detector.core.layout import CLIENT, LAYOUT, RECENT, SEGMENT, new_clients, new_segments

CLIENT_KEY, SEGMENT_KEY, CHANNEL_KEY, ACCOUNT_KEY = b"client\0", b"segment\0", b"channel\0", b"account\0"
_ROWS_AT_FIRST = 1024
_VERSION = bytes([LAYOUT])


class UnknownLayoutError(Exception):
    """A stored record was written by another version, or is damaged."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"a stored {kind} record is not of layout {LAYOUT}: start the version that wrote it, or a new app id"
        )


class Table:
    """Clients, segments and names of one shard.

    Parameters
    ----------
    segments_max
        Most segments that it takes.
    budget
        False alerts per client-year, unless `budgets` names the segment.
    budgets
        The same for single segments.
    """

    def __init__(self, segments_max: int, budget: float, budgets: Mapping[str, float]) -> None:
        self.names, self.segment_names = Vocabulary(), Vocabulary(segments_max)
        self.channels, self.accounts = Vocabulary(CHANNELS_MAX), Vocabulary()
        for numbered_from_one in (self.channels, self.accounts):
            numbered_from_one.number("")
            numbered_from_one.mark_saved()
        self.clients, self.segments = new_clients(_ROWS_AT_FIRST), new_segments(0)
        self.recent = np.empty((_ROWS_AT_FIRST, RECENT), object)
        self._budget, self._budgets = budget, budgets
        self.segment("default")
        self.segment_names.mark_saved()  # every shard begins with it

    def row(self, client_id: str) -> int:
        """The client's row; a new client gets the next one."""
        row = self.names.number(client_id)
        assert row is not None
        if row == len(self.clients):
            self.clients = np.concatenate([self.clients, new_clients(row)]).view(np.recarray)
            self.recent = np.concatenate([self.recent, np.empty((row, RECENT), object)])
        return row

    def segment(self, name: str) -> int | None:
        """The segment's number; a new one begins with the default table. None: no room for another."""
        number = self.segment_names.number(name)
        if number == len(self.segments):
            self._make_room(number)
            self.segments[number].budget = self._budgets.get(name, self._budget)
            population.refit(self.segments, number)
        return number

    def _make_room(self, number: int) -> None:
        missing = max(number + 1 - len(self.segments), 0)
        self.segments = np.concatenate([self.segments, new_segments(missing)]).view(np.recarray)

    def recent_ids(self, row: int) -> list[str]:
        """Ids of the client's last contacts, the newest last."""
        count = int(self.clients[row].contacts)
        return [self.recent[row, k % RECENT] for k in range(max(0, count - RECENT), count)]

    def records(self, rows: Iterable[int], segments: Iterable[int]) -> Iterator[tuple[bytes, bytes]]:
        """The durable form of these rows and segments, and of whatever is new and has a number.

        What has a number is saved before anything that comes after it, so that a restart gives no number twice.
        """
        for key, vocabulary in ((CHANNEL_KEY, self.channels), (ACCOUNT_KEY, self.accounts)):
            for number, word in vocabulary.unsaved():
                yield key + str(number).encode(), _VERSION + word.encode()
        new = (number for number, _ in self.segment_names.unsaved())
        for number in sorted({*segments, *new}):
            yield (
                SEGMENT_KEY + str(number).encode(),
                self.segments[number].tobytes() + self.segment_names.words[number].encode(),
            )
        for row in rows:
            ids = json.dumps(self.recent_ids(row), ensure_ascii=False).encode()
            yield CLIENT_KEY + self.names.words[row].encode(), self.clients[row].tobytes() + ids

    def restore(self, key: bytes, value: bytes) -> None:
        """Take back one record; a later one of the same key replaces it, and keys may come in any order.

        Raises
        ------
        UnknownLayoutError
            If it is of another layout, or damaged.
        """
        kind, _, name = key.partition(b"\0")
        if value[:1] != _VERSION:
            raise UnknownLayoutError(kind.decode(errors="replace"))
        try:
            self._restore(kind + b"\0", name.decode(), value)
        except ValueError as error:
            raise UnknownLayoutError(kind.decode(errors="replace")) from error

    def _restore(self, kind: bytes, name: str, value: bytes) -> None:
        if kind == CLIENT_KEY:
            self._restore_client(name, value)
        elif kind == SEGMENT_KEY:
            self._restore_segment(int(name), value)
        elif kind == CHANNEL_KEY:
            self.channels.put(int(name), value[1:].decode())
        elif kind == ACCOUNT_KEY:
            self.accounts.put(int(name), value[1:].decode())
        else:
            raise ValueError("no such kind of record")

    def _restore_client(self, client_id: str, value: bytes) -> None:
        row = self.row(client_id)
        self.clients[row] = np.frombuffer(value[: CLIENT.itemsize], CLIENT)[0]
        count = int(self.clients[row].contacts)
        ids = json.loads(value[CLIENT.itemsize :])
        for k, event_id in zip(range(max(0, count - RECENT), count), ids, strict=True):
            self.recent[row, k % RECENT] = event_id

    def _restore_segment(self, number: int, value: bytes) -> None:
        name = value[SEGMENT.itemsize :].decode()
        self.segment_names.put(number, name)
        self._make_room(number)
        self.segments[number] = np.frombuffer(value[: SEGMENT.itemsize], SEGMENT)[0]
        self.segments[number].budget = self._budgets.get(name, self._budget)
