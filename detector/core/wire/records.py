"""Records of a source, from Kafka or from a file, as columns: kernels read arrays, and no object per record is kept."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numba import njit

from detector.core.primitives.hashing import Integers, Text, joined
from schemas.interaction import VALUE_BYTES_MAX
from schemas.times import AT_MIN_S

NO_KEY: Final = -1  # instead of a length
NO_TIMESTAMP: Final = -1.0  # instead of milliseconds: a record of a file, or of a producer that sets none
_MS: Final = 1000.0

Headers = Sequence[tuple[str, bytes]]


class Record(Protocol):
    """A record as a Kafka consumer hands it over."""

    @property
    def offset(self) -> int:
        """Place in its partition."""

    @property
    def timestamp(self) -> int | None:
        """When it was written, in milliseconds since 1970: by the broker's clock, or else by the producer's."""

    @property
    def key(self) -> bytes | None:
        """The client id, if the producer set a key."""

    @property
    def value(self) -> bytes | None:
        """The payload."""

    @property
    def headers(self) -> Headers:
        """Kafka headers."""


class RecordColumns(NamedTuple):
    """Records of one source, in the order of their offsets, as columns.

    `timestamps` are milliseconds since 1970. Records of a file have none: then the column is None.
    """

    offsets: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Headers]
    timestamps: Sequence[int | None] | None = None

    def after(self, offset: int) -> "RecordColumns":
        """Return the records that come after an offset."""
        first = bisect_right(self.offsets, offset)
        if first == 0:
            return self
        timestamps = None if self.timestamps is None else self.timestamps[first:]
        return RecordColumns(
            self.offsets[first:], self.keys[first:], self.values[first:], self.headers[first:], timestamps
        )


class JoinedRecords(NamedTuple):
    """Records as kernels see them. A record that needs another way of reading has a value of no bytes."""

    text: Text  # all values, one behind the other
    ends: Integers  # of each value, after a 0
    keys: Text
    key_ends: Integers
    key_sizes: Integers  # NO_KEY = the record has no key
    timestamps: "np.ndarray[Any, np.dtype[np.float64]]"  # milliseconds, or NO_TIMESTAMP


def columns_of(fetched: Sequence[Record]) -> RecordColumns:
    """Turn records, as a Kafka consumer hands them over, into columns."""
    return RecordColumns(
        [record.offset for record in fetched],
        [record.key for record in fetched],
        [record.value for record in fetched],
        [record.headers for record in fetched],
        [record.timestamp for record in fetched],
    )


@njit(cache=True)
def written_s(timestamp: float, now_s: float) -> float:
    """Return when a record was written, in epoch seconds: by its own timestamp, at the latest by the reader's clock.

    The timestamp is in the log, so a rebuild judges the record as the worker did. The reader's clock stands in for one
    that is missing, or from before 1990, and for one that is ahead of it: else the clock of one producer could carry
    its whole source ahead.

    >>> written_s(1.7e12, 1.8e9), written_s(NO_TIMESTAMP, 1.8e9), written_s(1.9e12, 1.8e9)
    (1700000000.0, 1800000000.0, 1800000000.0)
    """
    seconds = timestamp / _MS
    return seconds if AT_MIN_S <= seconds <= now_s else now_s


def joined_records(records: RecordColumns) -> JoinedRecords:
    """Join the values, and the keys, of records into one text each."""
    plain = [
        b"" if headers or value is None or len(value) > VALUE_BYTES_MAX else value
        for value, headers in zip(records.values, records.headers, strict=True)
    ]
    keys, key_ends = joined([b"" if key is None else key for key in records.keys])
    sizes = np.array([NO_KEY if key is None else len(key) for key in records.keys], np.int64)
    return JoinedRecords(*joined(plain), keys, key_ends, sizes, _timestamps(records))


def _timestamps(records: RecordColumns) -> "np.ndarray[Any, np.dtype[np.float64]]":
    timestamps = records.timestamps
    if timestamps is None:
        return np.full(len(records.offsets), NO_TIMESTAMP)
    return np.array([NO_TIMESTAMP if at_ms is None else at_ms for at_ms in timestamps], np.float64)
