"""From durable records back to what a shard knows. Clients are unpacked many at once: a million are back in seconds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np

from detector.core.layout import SEGMENT
from detector.core.state import codec, former
from detector.core.state.table import ACCOUNT_KEY, CHANNEL_KEY, CLIENT_KEY, SEGMENT_KEY, Table, UnknownLayoutError

Record = tuple[bytes, bytes | None]
Rows = np.ndarray[Any, np.dtype[np.int64]]

_AT_ONCE = 4096  # a few megabytes of bytes and flags


def load(table: Table, records: Iterable[Record]) -> None:
    """Take back records in the order in which they were written; a later one of the same key replaces it.

    Keys may come in any order. A record without a value erases its client.

    Raises
    ------
    UnknownLayoutError
        If one is damaged, or of a layout that nobody knows.
    """
    kind, clients = b"", dict[str, bytes]()
    try:
        for key, value in records:
            kind, _, name = key.partition(b"\0")
            kind += b"\0"
            if value is not None and kind == CLIENT_KEY:
                clients[name.decode()] = former.present(kind, value)
            elif value is not None:
                _TAKEN_BY[kind](table, int(name), former.present(kind, value))
            elif kind == CLIENT_KEY:  # nothing else is ever erased
                clients.pop(name.decode(), None)
                table.forget(name.decode())
        kind, left = CLIENT_KEY, iter(clients.items())
        while some := dict(islice(left, _AT_ONCE)):
            _take_clients(table, list(some), list(some.values()))
    except (ValueError, LookupError, TypeError) as error:
        raise UnknownLayoutError(kind[:-1].decode(errors="replace")) from error


def _take_clients(table: Table, names: Sequence[str], values: Sequence[bytes]) -> None:
    whole, ids_at = codec.decode_rows([value[1:] for value in values])
    rows = table.rows(names)
    table.clients[rows] = whole["client"]
    _take_trends(table, rows, whole["trends"])
    ids = [value[1 + start :] for value, start in zip(values, ids_at, strict=True)]
    table.recent.load(rows, whole["client"]["contacts"], ids)


def _take_trends(table: Table, rows: Rows, trends: np.ndarray[Any, Any]) -> None:
    begun, numbers = trends["count"] > 0, table.trend_of[rows]
    new = begun & (numbers == 0)
    table.arrays(len(rows))  # makes room
    first, count = int(table.trends_used[0]), int(new.sum())
    numbers[new] = np.arange(first, first + count)
    table.trends_used[0] += count
    table.trend_of[rows] = numbers
    table.trends[numbers[begun]] = trends[begun]


def _take_segment(table: Table, number: int, value: bytes) -> None:
    name = value[SEGMENT.itemsize :].decode()
    table.put_segment(number, name, np.frombuffer(value[: SEGMENT.itemsize], SEGMENT)[0])


def _take_channel(table: Table, number: int, value: bytes) -> None:
    table.channels.put(number, value[1:].decode())


def _take_account(table: Table, number: int, value: bytes) -> None:
    table.accounts.put(number, value[1:].decode())


_TAKEN_BY: Final[Mapping[bytes, Callable[[Table, int, bytes], None]]] = {
    SEGMENT_KEY: _take_segment,
    CHANNEL_KEY: _take_channel,
    ACCOUNT_KEY: _take_account,
}
