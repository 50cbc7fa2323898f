"""A record as a Kafka consumer hands it over."""

from typing import NamedTuple


class Record(NamedTuple):
    """What the intake of a shard reads."""

    offset: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int | None = None
