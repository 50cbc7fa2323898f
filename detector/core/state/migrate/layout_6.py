"""Layout 6: a client's row with one trend for each of nine signals, in parts behind flags."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np
from numba import njit

from detector.core.state.codec import DecodedClients
from detector.core.state.form import CUT_OFF, Form, Integers, Octets, Placed, form_of, octets, places_of, read
from detector.core.state.migrate.carry import Rows, carried

_INCIDENT = [("next_s", "u4"), ("opened_s", "u4"), ("state", "u1")]
_SILENCE: Final = np.dtype(
    [
        ("last_s", "u4"),
        ("total_days", "f8"),
        ("longest_s", "u4"),
        ("second_s", "u4"),
        ("third_s", "u4"),
        ("gaps", "u2"),
        ("incident", _INCIDENT),
    ]
)
CLIENT: Final = np.dtype(
    [
        ("segment", "u2"),
        ("contacts", "u4"),
        ("seen", "u8", (4,)),
        ("seen_next", "u1"),
        ("account", "u4"),
        ("contact", _SILENCE),
        ("orders", _SILENCE),
        ("reply", _SILENCE),
        ("thread", "u4"),
        ("awaiting_reply_s", "u4"),
        ("channels", "u1", (4,)),
        ("channels_s", "u4", (4,)),
    ]
)
TREND: Final = np.dtype(
    [
        ("signal", "u1"),
        ("score", "f4"),
        ("level", "f4"),
        ("m2", "f4"),
        ("baseline", "f4"),
        ("count", "u2"),
        ("first_day", "u2"),
        ("last_day", "u2"),
        ("since_s", "u4"),
        ("before", "f4"),
        ("now", "f4"),
        ("now_count", "u2"),
        ("opened_s", "u4"),
        ("state", "u1"),
    ]
)
SIGNALS: Final = 9
ROW: Final = np.dtype([("client", CLIENT), ("trends", TREND, (SIGNALS,))])
_NEVER_S: Final = 2**32 - 1

_ALL = slice(None)
_LOW, _HIGH = slice(1), slice(1, None)
_LOW_2, _HIGH_2 = slice(2), slice(2, None)
_LOW_3, _HIGH_3 = slice(3), slice(3, None)
_CLIENT_PARTS: Final = (
    {"segment": _LOW, "contacts": _LOW_2, "seen": _ALL, "seen_next": _ALL},
    {"segment": _HIGH, "contacts": _HIGH_2, "account": _HIGH_2},
    {"account": _LOW_2},
    {"thread": _ALL},
    {"awaiting_reply_s": _ALL},
    *({"channels": slice(k, k + 1), "channels_s": slice(4 * k, 4 * k + 4)} for k in range(4)),
)
_SILENCE_PARTS: Final = (
    {"last_s": _ALL},
    {"total_days": _ALL, "longest_s": _LOW_3, "second_s": _LOW_3, "third_s": _LOW_3, "gaps": _LOW},
    {"longest_s": _HIGH_3},
    {"second_s": _HIGH_3, "third_s": _HIGH_3, "gaps": _HIGH},
    {"incident.next_s": _ALL},
    {"incident.opened_s": _ALL, "incident.state": _ALL},
)
_TREND_PARTS: Final = (
    {"score": _ALL, "level": _ALL, "m2": _ALL, "baseline": _ALL, "count": _LOW, "first_day": _ALL, "last_day": _ALL},
    {"since_s": _ALL, "before": _ALL, "now": _ALL, "now_count": _LOW},
    {"opened_s": _ALL, "state": _ALL},
    {"count": _HIGH, "now_count": _HIGH, "signal": _ALL},
)


def new_rows(count: int) -> Rows:
    """Return rows as this layout took them where nothing was stored."""
    rows = np.zeros(count, ROW)
    for silence in ("contact", "orders", "reply"):
        rows["client"][silence]["incident"]["next_s"] = _NEVER_S
    rows["trends"]["signal"] = np.arange(SIGNALS)
    return rows


def _form() -> Form:
    parts = [Placed(0, CLIENT, part) for part in _CLIENT_PARTS]
    for silence in ("contact", "orders", "reply"):
        parts += [Placed(places_of(CLIENT, silence).start, _SILENCE, part) for part in _SILENCE_PARTS]
    starts = range(CLIENT.itemsize, ROW.itemsize, TREND.itemsize)
    return form_of([*parts, *(Placed(at, TREND, part) for at in starts for part in _TREND_PARTS)], new_rows(1))


_FORM: Final = _form()


def decode(values: Sequence[bytes]) -> DecodedClients:
    """Return the clients of stored values."""
    return decode_rows(values, _FORM)


def decode_rows(values: Sequence[bytes], form: Form) -> DecodedClients:
    """Return the clients of values that hold a whole row each, behind the number of the layout.

    Raises
    ------
    ValueError
        If a value has too few bytes.
    """
    rows, ends = np.empty(len(values), ROW), np.empty(len(values), np.int64)
    stops = np.array([*accumulate(map(len, values))])
    _read_rows(octets(rows), form, np.frombuffer(b"".join(values), np.uint8), stops, ends)
    if (ends == CUT_OFF).any():
        raise ValueError("a row has fewer bytes than its flags say")
    sizes = np.array([*map(len, values)]) - (stops - ends)
    ids = [value[size:] for value, size in zip(values, sizes.tolist(), strict=True)]
    return carried(rows["client"], rows["trends"], ids)


@njit(cache=True)
def _read_rows(rows: Octets, form: Form, stored: Octets, stops: Integers, ends: Integers) -> None:
    first = 0
    for k in range(len(rows)):
        ends[k] = read(form, rows, k, stored, first + 1, stops[k])
        first = stops[k]
