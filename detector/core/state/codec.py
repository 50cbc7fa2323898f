"""The stored form of a client: its row and its trends without the parts that are as in a new client.

Most clients have few signals, use few channels and are quiet, and few numbers need all of their bytes, so that most of
a row says nothing. Its bytes are put into parts of what is mostly said together; flags, one bit a part, say which of
them follow. All rows of a batch are packed at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

from detector.core.layout import CHANNELS_HEARD, CLIENT, SIGNALS, SILENCES, TREND, Records, new_clients

ROW: Final = np.dtype([("client", CLIENT), ("trends", TREND, (SIGNALS,))])

Octets = np.ndarray[Any, np.dtype[np.uint8]]
Integers = np.ndarray[Any, np.dtype[np.int64]]
Rows = np.ndarray[Any, Any]

_ALL = slice(None)
_LOW, _HIGH = slice(1), slice(1, None)  # of a count, nearly always below 256
_LOW_2, _HIGH_2 = slice(2), slice(2, None)  # of a number, mostly below 65,536
_LOW_3, _HIGH_3 = slice(3), slice(3, None)  # of a gap in seconds, mostly below 194 days

Part = Mapping[str, slice]  # the fields of a record that it is made of, and which of their bytes

_CLIENT_PARTS: Final[Sequence[Part]] = (
    {"segment": _LOW, "contacts": _LOW_2, "seen": _ALL, "seen_next": _ALL},
    {"segment": _HIGH, "contacts": _HIGH_2, "account": _HIGH_2},
    {"account": _LOW_2},
    {"thread": _ALL},
    {"awaiting_reply_s": _ALL},
    *({"channels": slice(k, k + 1), "channels_s": slice(4 * k, 4 * k + 4)} for k in range(CHANNELS_HEARD)),
)
_SILENCE_PARTS: Final[Sequence[Part]] = (
    {"last_s": _ALL},
    {"total_days": _ALL, "longest_s": _LOW_3, "second_s": _LOW_3, "third_s": _LOW_3, "gaps": _LOW},
    {"longest_s": _HIGH_3},
    {"second_s": _HIGH_3, "third_s": _HIGH_3, "gaps": _HIGH},
    {"incident.next_s": _ALL},
    {"incident.opened_s": _ALL, "incident.state": _ALL},
)
_TREND_PARTS: Final[Sequence[Part]] = (
    {"score": _ALL, "level": _ALL, "m2": _ALL, "baseline": _ALL, "count": _LOW, "first_day": _ALL, "last_day": _ALL},
    {"since_s": _ALL, "before": _ALL, "now": _ALL, "now_count": _LOW},
    {"opened_s": _ALL, "state": _ALL},
    {"count": _HIGH, "now_count": _HIGH, "signal": _ALL},
)


class Form(NamedTuple):
    """How a row is stored.

    Parameters
    ----------
    order
        Where its bytes are, in the order in which they are stored.
    ends
        Behind the last byte of each part, in that order.
    """

    order: np.ndarray[Any, np.dtype[np.uint16]]
    ends: Integers


def _places(record: np.dtype[Any], name: str) -> range:
    """Where the bytes of a field are."""
    start = 0
    for step in name.split("."):
        assert record.fields is not None
        record, offset, *_ = record.fields[step]
        start += offset
    return range(start, start + record.itemsize)


def _form_of(parts: Iterable[tuple[int, np.dtype[Any], Part]]) -> Form:
    """Put parts behind each other; each is of a record that begins at a byte of the row."""
    octets = [
        [at + place for name, some in part.items() for place in _places(record, name)[some]]
        for at, record, part in parts
    ]
    assert sorted(place for part in octets for place in part) == [*range(ROW.itemsize)]
    return Form(np.concatenate(octets).astype(np.uint16), np.array([*accumulate(map(len, octets))]))


def _form() -> Form:
    of_client = [(0, CLIENT, part) for part in _CLIENT_PARTS]
    for silence in SILENCES:
        of_client += [(_places(CLIENT, silence).start, CLIENT[silence], part) for part in _SILENCE_PARTS]
    at = range(CLIENT.itemsize, ROW.itemsize, TREND.itemsize)
    return _form_of([*of_client, *((start, TREND, part) for start in at for part in _TREND_PARTS)])


def _new() -> Octets:
    row = np.zeros(1, ROW)
    row["client"] = new_clients(1)
    row["trends"]["signal"] = np.arange(SIGNALS)
    return row.view(np.uint8)


_FORM: Final = _form()
_NEW: Final = _new()


def new_rows(count: int) -> Rows:
    """Rows of clients that nobody has heard of, with a trend of each signal that has had no value."""
    return np.tile(_NEW, count).view(ROW)


def whole_rows(clients: Records, trends: Records, trend_of: Records, rows: Integers) -> Rows:
    """Copies of clients with their trends."""
    whole = new_rows(len(rows))
    _collect(_octets(whole), _octets(clients), _octets(trends), trend_of, rows)
    return whole


def encode_rows(rows: Rows) -> list[bytes]:
    """The stored form of each row."""
    packed = np.empty(len(rows) * (_flags_size(_FORM) + ROW.itemsize), np.uint8)
    ends = np.empty(len(rows), np.int64)
    _encode(_octets(rows), _NEW, _FORM, packed, ends)
    stops = ends.tolist()
    everything = packed[: stops[-1]].tobytes()
    return [everything[start:stop] for start, stop in pairwise([0, *stops])]


def decode_rows(values: Sequence[bytes], form: Form = _FORM) -> tuple[Rows, list[int]]:
    """Rows again, and how many bytes each took.

    Raises
    ------
    ValueError
        If there are too few bytes.
    """
    rows, sizes = new_rows(len(values)), np.empty(len(values), np.int64)
    ends = np.array([*accumulate(map(len, values))])
    _decode(_octets(rows), form, np.frombuffer(b"".join(values), np.uint8), ends, sizes)
    if (sizes > np.diff(ends, prepend=0)).any():
        raise ValueError("a row has fewer bytes than its flags say")
    return rows, sizes.tolist()


def _octets(records: Rows) -> Octets:
    return records.view(np.ndarray).view(np.uint8).reshape(len(records), -1)


@njit(cache=True)
def _flags_size(form: Form) -> int:
    return (len(form.ends) + 7) // 8


@njit(cache=True)
def _collect(whole: Octets, clients: Octets, trends: Octets, trend_of: Records, rows: Integers) -> None:
    size = trends.shape[1]
    for k in range(len(rows)):
        whole[k, : clients.shape[1]] = clients[rows[k]]
        for signal in range(SIGNALS):
            number = trend_of[rows[k]].of[signal]
            if number > 0:
                start = clients.shape[1] + signal * size
                whole[k, start : start + size] = trends[number]


@njit(cache=True)
def _encode(rows: Octets, new: Octets, form: Form, packed: Octets, ends: Integers) -> None:
    """Write the stored form of rows behind each other, and where each ends."""
    order, part_ends = form
    end = 0
    for k in range(len(rows)):
        row, flags, start = rows[k], end, 0
        end += _flags_size(form)
        packed[flags:end] = 0
        for part in range(len(part_ends)):
            stop = part_ends[part]
            said = start
            while said < stop and row[order[said]] == new[order[said]]:
                said += 1
            if said < stop:
                packed[flags + part // 8] |= 128 >> part % 8
                for j in range(start, stop):
                    packed[end + j - start] = row[order[j]]
                end += stop - start
            start = stop
        ends[k] = end


@njit(cache=True)
def _decode(rows: Octets, form: Form, packed: Octets, ends: Integers, sizes: Integers) -> None:
    """Write what was stored over new rows, and how many bytes of each value that takes or would take."""
    order, part_ends = form
    first = 0
    for k in range(len(rows)):
        at, start = first + _flags_size(form), 0
        has_flags = at <= ends[k]
        for part in range(len(part_ends)):
            if has_flags and packed[first + part // 8] & 128 >> part % 8:
                following = at + part_ends[part] - start
                if following <= ends[k]:
                    for j in range(start, part_ends[part]):
                        rows[k, order[j]] = packed[at + j - start]
                at = following
            start = part_ends[part]
        sizes[k], first = at - first, ends[k]
