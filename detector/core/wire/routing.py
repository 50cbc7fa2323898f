"""Where a record is produced to: its kind decides the source, its client the partition; for Kafka and replay alike."""

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
from schemas.ids import normal_client_id

_CLIENTS_REMEMBERED = 1 << 17
_KIND, _CLIENT = NUMBER_OF["kind"], NUMBER_OF["client_id"]

_partition_of = lru_cache(_CLIENTS_REMEMBERED)(partition_of)


class Address(NamedTuple):
    """Source, partition and Kafka key (the client id in its normal form); no key = client or kind cannot be read."""

    source: str
    partition: int
    key: bytes | None


class Addresses(NamedTuple):
    """What the addresses of many records are made from, as columns; the kind of one that is not plain is NOT_PLAIN."""

    kinds: Integers  # places in fields.KINDS
    partitions: Integers
    key_starts: Integers  # of the client's id, in the record
    key_sizes: Integers


def address_of(value: bytes, *, first: str, route: Callable[[str], str], partitions: int) -> Address:
    """Return where a record goes; a CloudEvent has client and kind in its data, or the client in its subject.

    Parameters
    ----------
    value
        JSON, or whatever stands in its place.
    first
        The source whose first partition takes the records that cannot be read: they are refused there.
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
        kind, client_id = fields["kind"], normal_client_id(fields["client_id"])
        key = client_id.encode()
        readable = isinstance(kind, str) and bool(client_id)
    except (ValueError, LookupError, TypeError, AttributeError):
        readable = False
    if not readable:
        return Address(first, 0, None)
    return Address(route(kind), _partition_of(client_id, partitions), key)


def addresses_of(values: Sequence[bytes], partitions: int) -> Addresses:
    """Return where many plain records go, at once; for the others `address_of` has to be called."""
    text, ends = joined(values)
    addresses = Addresses(*(np.full(len(values), NOT_PLAIN) for _ in Addresses._fields))
    _address_all(text, ends, partitions, addresses, np.zeros(1, PLAIN).view(np.recarray)[0])
    return addresses


@njit(cache=True)
def _address_all(text: Text, ends: Integers, partitions: int, addresses: Addresses, plain: Plain) -> None:
    for i in range(len(addresses.kinds)):
        if scan(text, ends[i], ends[i + 1], plain):
            start, size = plain.starts[_CLIENT], plain.sizes[_CLIENT]
            addresses.kinds[i] = int(plain.parsed[_KIND])
            addresses.partitions[i] = partition_of_text(text, start, size, partitions)
            addresses.key_starts[i], addresses.key_sizes[i] = start - ends[i], size
