"""Records that came to a partition where their client does not belong: they go on to its own, once.

What goes on says where it came from, so that a rejection names the place where its producer put it.
"""

from typing import Final, NamedTuple

from schemas.cloudevent import Headers

REROUTED: Final = "rerouted"
"""The source that holds what shards send on to one another: the last one of each shard."""
ORIGIN: Final = "rerouted-from"
"""The header that tells where a record was produced to."""


class Origin(NamedTuple):
    """Where a record was produced to."""

    topic: str
    partition: int
    offset: int


class Rerouted(NamedTuple):
    """A record on its way to the partition of its client."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def with_origin(headers: Headers, origin: Origin) -> Headers:
    """The headers of a record that goes on: those that its producer gave it, and where it came from."""
    return [*own_headers(headers), (ORIGIN, "/".join(map(str, origin)).encode())]


def own_headers(headers: Headers) -> Headers:
    """The headers that its producer gave a record."""
    return [header for header in headers if header[0] != ORIGIN]


def origin_of(headers: Headers, place: Origin) -> Origin:
    """Where a record that was sent on was produced to; without a header that says so, its `place`."""
    for name, value in headers:
        if name == ORIGIN:
            topic, *numbers = (value or b"").decode(errors="replace").rsplit("/", 2)
            if len(numbers) == 2 and all(number.isdecimal() for number in numbers):  # noqa: PLR2004 (partition, offset)
                return Origin(topic, *map(int, numbers))
    return place
