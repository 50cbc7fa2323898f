"""From durable records back to what a shard knows. Clients are decoded many at once: a million are back in seconds."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Final

import numpy as np

from detector.core.layout import SEGMENT
from detector.core.state import migrate
from detector.core.state.table import (
    ACCOUNT_KEY,
    CHANNEL_KEY,
    CLIENT_KEY,
    MOMENTS_KEY,
    OUTLOOK_KEY,
    RATE_KEY,
    SEGMENT_KEY,
    Table,
    UnknownLayoutError,
)

Record = tuple[bytes, bytes | None]
Rows = np.ndarray[Any, np.dtype[np.int64]]

_AT_ONCE = 4096  # a few megabytes of bytes and flags


def load(table: Table, records: Iterable[Record]) -> None:
    """Load records in the order in which they were written; a later one of the same key replaces it.

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
                clients[name.decode()] = value
            elif value is not None and kind == MOMENTS_KEY:
                table.moments.load_client(name.decode(), migrate.to_present(value)[1:])
            elif value is not None:
                _LOADED_BY[kind](table, int(name), migrate.to_present(value))
            elif kind == MOMENTS_KEY:
                table.moments.forget(name.decode())
            elif kind == CLIENT_KEY:
                clients.pop(name.decode(), None)
                table.forget(name.decode())
        kind, left = CLIENT_KEY, iter(clients.items())
        while batch := dict(islice(left, _AT_ONCE)):
            _load_clients(table, batch)
    except (ValueError, LookupError, TypeError) as error:
        raise UnknownLayoutError(kind[:-1].decode(errors="replace")) from error


def _load_clients(table: Table, clients: Mapping[str, bytes]) -> None:
    for version in {value[0] for value in clients.values()}:
        values = {name: value for name, value in clients.items() if value[0] == version}
        decoded = migrate.decode(version, list(values.values()))
        rows = table.rows(list(values))
        table.clients[rows] = decoded.clients
        _load_trends(table, rows[decoded.owners], decoded.trends)
        table.recent.load(rows, decoded.clients["contacts"], decoded.ids)


def _load_trends(table: Table, rows: Rows, trends: np.ndarray[Any, Any]) -> None:
    """Put trends into their clients' rows: over the trend that a client has, else behind all others."""
    table.arrays(len(rows))  # makes room
    signals = trends["signal"]
    is_new = table.trend_of[rows, signals] == 0
    first, count = int(table.trends_used[0]), int(is_new.sum())
    table.trend_of[rows[is_new], signals[is_new]] = np.arange(first, first + count)
    table.trends_used[0] += count
    table.trends[table.trend_of[rows, signals]] = trends


def _load_segment(table: Table, number: int, value: bytes) -> None:
    name = value[SEGMENT.itemsize :].decode()
    table.put_segment(number, name, np.frombuffer(value[: SEGMENT.itemsize], SEGMENT)[0])


def _load_channel(table: Table, number: int, value: bytes) -> None:
    table.channels.put(number, value[1:].decode())


def _load_account(table: Table, number: int, value: bytes) -> None:
    table.accounts.put(number, value[1:].decode())


def _load_outlook(table: Table, _: int, value: bytes) -> None:
    table.moments.load_posterior(value[1:])


def _load_rate(table: Table, number: int, value: bytes) -> None:
    table.moments.load_rate(number, value[1:])


_LOADED_BY: Final[Mapping[bytes, Callable[[Table, int, bytes], None]]] = {
    SEGMENT_KEY: _load_segment,
    CHANNEL_KEY: _load_channel,
    ACCOUNT_KEY: _load_account,
    OUTLOOK_KEY: _load_outlook,
    RATE_KEY: _load_rate,
}
