"""How one record is stored: the bytes that differ from a new record, behind flags that say which they are.

Most clients have few signals, use few channels and are quiet, and few numbers need all of their bytes, so most of a
record says nothing. Its bytes are put into parts that mostly change together; one flag a part says whether the part
follows. What does not follow is as in a new record.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numba import njit

Octets = np.ndarray[Any, np.dtype[np.uint8]]
Integers = np.ndarray[Any, np.dtype[np.int64]]

CUT_OFF = -1  # instead of a place: there are fewer bytes than the flags say

Part = Mapping[str, slice]  # the fields of a record that a part is made of, and which of their bytes


class Placed(NamedTuple):
    """A part of a record that lies in another one, from a byte on."""

    start: int
    record: np.dtype[Any]
    part: Part


class Form(NamedTuple):
    """The form of one kind of record, as kernels see it.

    Parameters
    ----------
    order
        Places of the record's bytes, in the order in which they are stored.
    ends
        Behind the last byte of each part, in that order.
    new
        The bytes of a new record.
    """

    order: np.ndarray[Any, np.dtype[np.uint16]]
    ends: Integers
    new: Octets


def form_of(parts: Sequence[Placed], new: np.ndarray[Any, Any], *, apart: Sequence[str] = ()) -> Form:
    """Return the form with these parts, which hold each byte of the record once.

    Parameters
    ----------
    parts
        In the order in which they are stored.
    new
        One new record.
    apart
        Fields that are stored elsewhere.
    """
    places = [
        [start + place for name, some in part.items() for place in places_of(record, name)[some]]
        for start, record, part in parts
    ]
    elsewhere = [place for name in apart for place in places_of(new.dtype, name)]
    assert sorted([*elsewhere, *(place for part in places for place in part)]) == [*range(new.dtype.itemsize)]
    order = np.concatenate(places).astype(np.uint16)
    return Form(order, np.array([*accumulate(map(len, places))]), octets(new).reshape(-1).copy())


def places_of(record: np.dtype[Any], name: str) -> range:
    """Return where the bytes of a field are; `a.b` is the field b of the record in field a."""
    start = 0
    for step in name.split("."):
        assert record.fields is not None
        record, offset, *_ = record.fields[step]
        start += offset
    return range(start, start + record.itemsize)


def octets(records: np.ndarray[Any, Any]) -> Octets:
    """Return the bytes of records: a view, a row each."""
    return records.view(np.ndarray).view(np.uint8).reshape(len(records), -1)


def size_max(form: Form) -> int:
    """Return how many bytes a record takes at most."""
    return int(flags_size(form)) + len(form.order)


@njit(cache=True)
def flags_size(form: Form) -> int:
    """Return how many bytes the flags take."""
    return (len(form.ends) + 7) // 8


@njit(cache=True)
def write(form: Form, records: Octets, k: int, out: Octets, at: int) -> int:
    """Write the k-th record; -> the place behind it."""
    order, part_ends, new = form
    end, start = at + flags_size(form), 0
    out[at:end] = 0
    for part in range(len(part_ends)):
        stop = part_ends[part]
        same = start
        while same < stop and records[k, order[same]] == new[order[same]]:
            same += 1
        if same < stop:
            out[at + part // 8] |= 128 >> part % 8
            for j in range(start, stop):
                out[end + j - start] = records[k, order[j]]
            end += stop - start
        start = stop
    return end


@njit(cache=True)
def read(form: Form, records: Octets, k: int, stored: Octets, at: int, stop: int) -> int:
    """Read the k-th record from what is stored up to `stop`; -> the place behind it, or CUT_OFF."""
    order, part_ends, new = form
    for j in range(len(new)):
        records[k, j] = new[j]
    end, start = at + flags_size(form), 0
    if end > stop:
        return CUT_OFF
    for part in range(len(part_ends)):
        if stored[at + part // 8] & 128 >> part % 8:
            following = end + part_ends[part] - start
            if following > stop:
                return CUT_OFF
            for j in range(start, part_ends[part]):
                records[k, order[j]] = stored[end + j - start]
            end = following
        start = part_ends[part]
    return end
