"""Records that came to a partition where their client does not belong: they go on to its own, once.

What goes on says where it came from, so that a rejection names the place where its producer put it.
"""

from typing import Final, NamedTuple

from detector.core.wire.records import Headers

REROUTED: Final = "rerouted"
"""The source that holds what shards send on to one another: the last one of each shard."""
ORIGIN: Final = "rerouted-from"
"""The header that tells where a record was produced to."""


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


def reroute(key: bytes | None, value: bytes | None, headers: Headers, place: RecordPlace, partition: int) -> Rerouted:
    """Send a record on as it is, with the place that it came to."""
    origin = f"{place.topic}/{place.partition}/{place.offset}".encode()
    return Rerouted(partition, key, value, [*own_headers(headers), (ORIGIN, origin)])


def origin_of(headers: Headers, place: RecordPlace) -> RecordPlace:
    """Where a record that was sent on was produced to; without a header that says so, its `place`."""
    for name, value in headers:
        if name == ORIGIN:
            topic, *numbers = value.decode(errors="replace").rsplit("/", 2)
            if len(numbers) == 2 and all(number.isdecimal() for number in numbers):  # noqa: PLR2004 (partition, offset)
                return RecordPlace(topic, *map(int, numbers))
    return place


def own_headers(headers: Headers) -> Headers:
    """The headers that the producer gave it."""
    return [header for header in headers if header[0] != ORIGIN]
