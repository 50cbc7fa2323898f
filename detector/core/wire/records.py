"""Records of a source as they come out of Kafka or a file, taken apart into columns: no object for each any more."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np

from detector.core.primitives.hashing import Integers, Text, joined
from schemas.interaction import VALUE_BYTES_MAX

NO_KEY: Final = -1  # instead of a length

Headers = Sequence[tuple[str, bytes]]


class Record(Protocol):
    """A record as a Kafka consumer hands it over."""

    @property
    def offset(self) -> int:
        """Place in its partition."""

    @property
    def key(self) -> bytes | None:
        """The client id, if given."""

    @property
    def value(self) -> bytes | None:
        """The payload."""

    @property
    def headers(self) -> Headers:
        """Kafka headers."""


class RecordColumns(NamedTuple):
    """Records of one source, in the order of their offsets, as columns."""

    offsets: Sequence[int]
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    headers: Sequence[Headers]

    def after(self, offset: int) -> "RecordColumns":
        """Those behind an offset."""
        first = bisect_right(self.offsets, offset)
        if first == 0:
            return self
        return RecordColumns(self.offsets[first:], self.keys[first:], self.values[first:], self.headers[first:])


class JoinedRecords(NamedTuple):
    """Records as kernels see them. What needs another way of reading anyway has a value of no bytes."""

    text: Text  # all values, one behind the other
    ends: Integers  # of each value, after a 0
    keys: Text
    key_ends: Integers
    key_sizes: Integers  # NO_KEY = none was given


def columns_of(fetched: Sequence[Record]) -> RecordColumns:
    """Take records as a Kafka consumer hands them over apart into columns."""
    return RecordColumns(
        [record.offset for record in fetched],
        [record.key for record in fetched],
        [record.value for record in fetched],
        [record.headers for record in fetched],
    )


def joined_records(records: RecordColumns) -> JoinedRecords:
    """Put records behind each other."""
    plain = [
        b"" if headers or value is None or len(value) > VALUE_BYTES_MAX else value
        for value, headers in zip(records.values, records.headers, strict=True)
    ]
    keys, key_ends = joined([b"" if key is None else key for key in records.keys])
    sizes = np.array([NO_KEY if key is None else len(key) for key in records.keys], np.int64)
    return JoinedRecords(*joined(plain), keys, key_ends, sizes)
