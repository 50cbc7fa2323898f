"""The stored form of a client: its row and its trends without the parts that are as in a new client.

Most clients have few signals, use few channels and are quiet, so that most of a row says nothing. A row is cut into
parts; flags, one bit a part, say which of them follow. All rows of a batch are packed at once, as an array of bytes.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from detector.core.layout import CHANNELS_HEARD, CLIENT, SIGNALS, SILENCES, TREND, new_clients

ROW: Final = np.dtype([("client", CLIENT), ("trends", TREND, (SIGNALS,))])

Octets = np.ndarray[Any, np.dtype[np.uint8]]


def _at(record: np.dtype[Any], *path: str) -> int:
    """Where a field begins."""
    offset = 0
    for name in path:
        assert record.fields is not None
        record, start, *_ = record.fields[name]
        offset += start
    return offset


def _starts() -> list[int]:
    """Where the parts of a row begin."""
    of_client = [_at(CLIENT, name) for name in ("segment", "account", *SILENCES, "thread", "owed_s", "channels")]
    of_client += [_at(CLIENT, silence, "incident", "opened_s") for silence in SILENCES]
    of_client += [_at(CLIENT, "channels_s") + k * CLIENT["channels_s"].base.itemsize for k in range(CHANNELS_HEARD)]
    of_trend = [_at(TREND, name) for name in ("signal", "score", "since_s", "opened_s")]
    trends = [CLIENT.itemsize + k * TREND.itemsize for k in range(SIGNALS)]
    return sorted(of_client) + [trend + start for trend in trends for start in of_trend]


def _new() -> Octets:
    row = np.zeros(1, ROW)
    row["client"] = new_clients(1)
    row["trends"]["signal"] = np.arange(SIGNALS)
    return row.view(np.uint8)


_NEW = _new()
_STARTS = np.array(_starts())
_SIZES = np.array([stop - start for start, stop in pairwise([*_starts(), ROW.itemsize])])
_FLAGS_SIZE = (len(_SIZES) + 7) // 8


def new_rows(count: int) -> np.ndarray[Any, Any]:
    """Rows of clients that nobody has heard of, with a trend of each signal that has had no value."""
    return np.tile(_NEW, count).view(ROW)


def pack(rows: np.ndarray[Any, Any]) -> list[bytes]:
    """The stored form of each row."""
    octets = rows.view(np.uint8).reshape(len(rows), ROW.itemsize)
    kept = np.logical_or.reduceat(octets != _NEW, _STARTS, axis=1)
    flags = np.packbits(kept, axis=1)
    every = np.hstack([np.ones(flags.shape, bool), np.repeat(kept, _SIZES, axis=1)])
    packed = np.hstack([flags, octets])[every].tobytes()
    ends = np.cumsum(every.sum(axis=1)).tolist()
    return [packed[start:stop] for start, stop in pairwise([0, *ends])]


def unpack(values: Sequence[bytes]) -> tuple[np.ndarray[Any, Any], list[int]]:
    """Rows again, and how many bytes each took.

    Raises
    ------
    ValueError
        If there are too few bytes.
    """
    flags = np.frombuffer(b"".join([value[:_FLAGS_SIZE] for value in values]), np.uint8).reshape(-1, _FLAGS_SIZE)
    kept = np.unpackbits(flags, axis=1, count=len(_SIZES)).astype(bool)
    ends = (_FLAGS_SIZE + kept @ _SIZES).tolist()
    octets = np.tile(_NEW, (len(values), 1))
    parts = [value[_FLAGS_SIZE:end] for value, end in zip(values, ends, strict=True)]
    octets[np.repeat(kept, _SIZES, axis=1)] = np.frombuffer(b"".join(parts), np.uint8)
    return octets.view(ROW).reshape(-1), ends
