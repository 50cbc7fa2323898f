"""Records that came to a partition where their client does not belong: they go on to its own, once.

A record that goes on says where it came from, so that a rejection names the place where its producer put it, and when
it was written, so that both shards judge its time alike.
"""

import math
from typing import Final, NamedTuple

from detector.core.wire.records import Headers

REROUTED: Final = "rerouted"
"""The source that holds what shards send on to one another: the last one of each shard."""
ORIGIN: Final = "rerouted-from"
"""The header that names the place where a record was produced to."""
WRITTEN: Final = "rerouted-written"
"""The header that says when it was written there, in epoch seconds."""


class RecordPlace(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int


class Rerouted(NamedTuple):
    """A record on its way to the partition of its client."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def reroute(
    key: bytes | None, value: bytes | None, headers: Headers, place: RecordPlace, written_s: float, partition: int
) -> Rerouted:
    """Send a record on as it is, with the place and the time that it was written at."""
    origin = f"{place.topic}/{place.partition}/{place.offset}".encode()
    ours = [(ORIGIN, origin), (WRITTEN, repr(written_s).encode())]
    return Rerouted(partition, key, value, [*own_headers(headers), *ours])


def written_of(headers: Headers, written_s: float) -> float:
    """Return when a record that was sent on was written at first; without a header that says so, its own `written_s`.

    >>> written_of([(WRITTEN, b"7.5")], 9.0), written_of([(WRITTEN, b"soon")], 9.0), written_of([], 9.0)
    (7.5, 9.0, 9.0)
    """
    for name, value in headers:
        if name == WRITTEN:
            try:
                first_s = float(value)
            except ValueError:
                first_s = math.nan
            return min(written_s, first_s)  # which is written_s if the other is no number
    return written_s


def origin_of(headers: Headers, place: RecordPlace) -> RecordPlace:
    """Return where a record that was sent on was produced to; without a header that says so, its `place`."""
    for name, value in headers:
        if name == ORIGIN:
            topic, *numbers = value.decode(errors="replace").rsplit("/", 2)
            if len(numbers) == 2 and all(number.isdecimal() for number in numbers):  # noqa: PLR2004 (partition, offset)
                return RecordPlace(topic, *map(int, numbers))
    return place


def own_headers(headers: Headers) -> Headers:
    """Return the headers that its producer set."""
    return [header for header in headers if header[0] not in (ORIGIN, WRITTEN)]
