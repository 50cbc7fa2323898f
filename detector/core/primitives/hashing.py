"""Numbers for ids: XXH64, the same in every process and on every machine.

Written from its specification (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), because kernels cannot
call the package `xxhash`, which the tests hold it to.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import config, njit

# Its sums wrap. Compiled they do so silently; as plain Python (NUMBA_DISABLE_JIT=1) NumPy would warn of each.
np.seterr(over="ignore" if config.DISABLE_JIT else None)  # type: ignore[attr-defined] # set by numba.config itself

Text = np.ndarray[Any, np.dtype[np.uint8]]
Integers = np.ndarray[Any, np.dtype[np.int64]]

_P1, _P2 = np.uint64(0x9E3779B185EBCA87), np.uint64(0xC2B2AE3D27D4EB4F)
_P3, _P4, _P5 = np.uint64(0x165667B19E3779F9), np.uint64(0x85EBCA77C2B2AE63), np.uint64(0x27D4EB2F165667C5)
_LANES = 32  # bytes that are taken in at once, in four lanes, if there are as many


def text_of(word: bytes) -> Text:
    """Bytes as kernels take them; copied, as a kernel would be compiled once more for what cannot be written to."""
    return np.frombuffer(bytearray(word), np.uint8)


def joined(values: Sequence[bytes]) -> tuple[Text, Integers]:
    """Bytes one behind the other, and where each ends, after a 0."""
    ends = np.zeros(len(values) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, values), np.int64, len(values)), out=ends[1:])
    return np.frombuffer(bytearray().join(values), np.uint8), ends


@njit(cache=True)
def _number(text: Text, at: int, count: int) -> np.uint64:
    """The number that so many bytes are, the lowest first."""
    number = np.uint64(0)
    for k in range(count):
        number |= np.uint64(text[at + k]) << np.uint64(8 * k)
    return number


@njit(cache=True)
def _turned(number: np.uint64, bits: int) -> np.uint64:
    """The number with its bits turned left."""
    return (number << np.uint64(bits)) | (number >> np.uint64(64 - bits))


@njit(cache=True)
def _mixed(lane: np.uint64, number: np.uint64) -> np.uint64:
    return _turned(lane + number * _P2, 31) * _P1


@njit(cache=True)
def _merged(found: np.uint64, lane: np.uint64) -> np.uint64:
    return (found ^ _mixed(np.uint64(0), lane)) * _P1 + _P4


@njit(cache=True)
def _of_lanes(text: Text, at: int, stop: int) -> tuple[np.uint64, int]:
    """The four lanes over the whole blocks of a long text, together; and where the rest begins."""
    a, b, c, d = _P1 + _P2, _P2, np.uint64(0), np.uint64(0) - _P1
    while stop - at >= _LANES:
        a, b = _mixed(a, _number(text, at, 8)), _mixed(b, _number(text, at + 8, 8))
        c, d = _mixed(c, _number(text, at + 16, 8)), _mixed(d, _number(text, at + 24, 8))
        at += _LANES
    found = _turned(a, 1) + _turned(b, 7) + _turned(c, 12) + _turned(d, 18)
    return _merged(_merged(_merged(_merged(found, a), b), c), d), at


@njit(cache=True)
def xxh64(text: Text, start: int, size: int) -> np.uint64:
    """XXH64 of `size` bytes of a text, with seed 0."""
    at, stop, found = start, start + size, _P5
    if size >= _LANES:
        found, at = _of_lanes(text, at, stop)
    found += np.uint64(size)
    while stop - at >= 8:  # noqa: PLR2004 - a number's bytes
        found = _turned(found ^ _mixed(np.uint64(0), _number(text, at, 8)), 27) * _P1 + _P4
        at += 8
    if stop - at >= 4:  # noqa: PLR2004 - half of them
        found = _turned(found ^ (_number(text, at, 4) * _P1), 23) * _P2 + _P3
        at += 4
    while at < stop:
        found = _turned(found ^ (np.uint64(text[at]) * _P5), 11) * _P1
        at += 1
    found = (found ^ (found >> np.uint64(33))) * _P2
    found = (found ^ (found >> np.uint64(29))) * _P3
    return found ^ (found >> np.uint64(32))


@njit(cache=True)
def id_number(text: Text, start: int, size: int) -> np.uint64:
    """A number for an id; never 0, which stands for none."""
    return max(xxh64(text, start, size), np.uint64(1))


@njit(cache=True)
def conversation_number(text: Text, start: int, size: int) -> np.uint64:
    """A number for a conversation, of as many bits as rows keep of it; never 0."""
    return max(xxh64(text, start, size) & np.uint64(0xFFFF_FFFF), np.uint64(1))


def hashed(event_id: str) -> int:
    """A number for an id; never 0, which stands for none.

    >>> hashed("e1") == hashed("e1"), hashed("e1") == hashed("e2")
    (True, False)
    """
    text = event_id.encode()
    return int(id_number(text_of(text), 0, len(text)))


def conversation(thread_id: str | None) -> int:
    """A number for a conversation, as rows keep it; 0 = not known.

    >>> conversation(None), conversation("t1") == conversation("t1"), conversation("t1") == conversation("t2")
    (0, True, False)
    """
    if thread_id is None:
        return 0
    text = thread_id.encode()
    return int(conversation_number(text_of(text), 0, len(text)))
