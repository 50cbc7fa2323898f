"""Where a record is produced to: by its kind to a source, by its client to a partition; for Kafka and replay alike."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import from_json

from detector.core.partition import partition_of

_CLIENTS_REMEMBERED = 1 << 17

_partition_of = lru_cache(_CLIENTS_REMEMBERED)(partition_of)


class Address(NamedTuple):
    """Source, partition and Kafka key of a record; no key = its client or kind cannot be read."""

    source: str
    partition: int
    key: bytes | None


def address_of(value: bytes, *, first: str, route: Callable[[str], str], partitions: int) -> Address:
    """Say where a record goes; a CloudEvent has client and kind in its data, or the client in its subject.

    Parameters
    ----------
    value
        JSON, or whatever was found in its place.
    first
        The source whose first partition takes what cannot be read: it is refused there, and can be found again.
    route
        From an interaction's kind to its source.
    partitions
        How many there are.

    >>> address_of(b'{"client_id": "ann", "kind": "call"}', first="emails", route="{}s".format, partitions=4)
    Address(source='calls', partition=2, key=b'ann')
    >>> address_of(b"?", first="emails", route="{}s".format, partitions=4)
    Address(source='emails', partition=0, key=None)
    """
    try:
        fields: Any = from_json(value)
        if isinstance(fields, dict) and "specversion" in fields:
            fields = {"client_id": fields.get("subject"), **fields["data"]}
        kind, client_id = fields["kind"], fields["client_id"]
        key = client_id.encode()
        readable = isinstance(kind, str) and bool(client_id)
    except (ValueError, LookupError, TypeError, AttributeError):
        readable = False
    if not readable:
        return Address(first, 0, None)
    return Address(route(kind), _partition_of(client_id, partitions), key)
