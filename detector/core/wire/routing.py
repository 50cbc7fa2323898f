"""Where a record is produced to: by its kind to a source, by its client to a partition; for Kafka and replay alike."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from pydantic_core import from_json

from detector.core.primitives.hashing import Integers, Text, joined
from detector.core.primitives.partitioner import partition_of, partition_of_text
from detector.core.wire.fast_path import PLAIN, Plain, scan
from detector.core.wire.fields import NUMBER_OF
from detector.core.wire.lexer import NOT_PLAIN

_CLIENTS_REMEMBERED = 1 << 17
_KIND, _CLIENT = NUMBER_OF["kind"], NUMBER_OF["client_id"]

_partition_of = lru_cache(_CLIENTS_REMEMBERED)(partition_of)


class Address(NamedTuple):
    """Source, partition and Kafka key of a record; no key = its client or kind cannot be read."""

    source: str
    partition: int
    key: bytes | None


class Addresses(NamedTuple):
    """Of many records, as columns: what an address is made from. A record that is not plain has the kind NOT_PLAIN."""

    kinds: Integers  # places in facts.KINDS
    partitions: Integers
    key_starts: Integers  # of the client's id, in the record
    key_sizes: Integers


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


def addresses_of(values: Sequence[bytes], partitions: int) -> Addresses:
    """Say of many records at once where they go; of those that are not plain, `address_of` has to be asked."""
    text, ends = joined(values)
    found = Addresses(*(np.full(len(values), NOT_PLAIN) for _ in Addresses._fields))
    _find(text, ends, partitions, found, np.zeros(1, PLAIN).view(np.recarray)[0])
    return found


@njit(cache=True)
def _find(text: Text, ends: Integers, partitions: int, found: Addresses, plain: Plain) -> None:
    for i in range(len(found.kinds)):
        if scan(text, ends[i], ends[i + 1], plain):
            start, size = plain.starts[_CLIENT], plain.sizes[_CLIENT]
            found.kinds[i] = int(plain.parsed[_KIND])
            found.partitions[i] = partition_of_text(text, start, size, partitions)
            found.key_starts[i], found.key_sizes[i] = start - ends[i], size
