"""The stored form of a client: its record, and its trends as pairs of (signal, record).

    client record | number of trends | signal, trend record | signal, trend record | ...

Records take the bytes that differ from a new one (`form`). A signal is stored by its number in signals.TRAITS, and only
trends that have begun are stored: another signal changes nothing in what is stored of a client without it.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

from detector.core.layout import CHANNELS_HEARD, CLIENT, SIGNALS, SILENCES, TREND, Records, new_clients
from detector.core.state.form import (
    CUT_OFF,
    Form,
    Integers,
    Octets,
    Part,
    Placed,
    form_of,
    octets,
    places_of,
    read,
    size_max,
    write,
)

Rows = np.ndarray[Any, Any]

_ALL = slice(None)
_LOW, _HIGH = slice(1), slice(1, None)  # of a count, nearly always below 256
_LOW_2, _HIGH_2 = slice(2), slice(2, None)  # of a number, mostly below 65,536
_LOW_3, _HIGH_3 = slice(3), slice(3, None)  # of a gap in seconds, mostly below 194 days

CLIENT_PARTS: Final[Sequence[Part]] = (
    {"segment": _LOW, "contacts": _LOW_2, "seen": _ALL, "seen_next": _ALL},
    {"segment": _HIGH, "contacts": _HIGH_2, "account": _HIGH_2},
    {"account": _LOW_2},
    {"thread": _ALL},
    {"awaiting_reply_s": _ALL},
    *({"channels": slice(k, k + 1), "channels_s": slice(4 * k, 4 * k + 4)} for k in range(CHANNELS_HEARD)),
)
SILENCE_PARTS: Final[Sequence[Part]] = (
    {"last_s": _ALL},
    {"total_days": _ALL, "longest_s": _LOW_3, "second_s": _LOW_3, "third_s": _LOW_3, "gaps": _LOW},
    {"longest_s": _HIGH_3},
    {"second_s": _HIGH_3, "third_s": _HIGH_3, "gaps": _HIGH},
    {"incident.next_s": _ALL},
    {"incident.opened_s": _ALL, "incident.state": _ALL},
)
TREND_PARTS: Final[Sequence[Part]] = (
    {"score": _ALL, "level": _ALL, "m2": _ALL, "baseline": _ALL, "count": _LOW, "first_day": _ALL, "last_day": _ALL},
    {"since_s": _ALL, "before": _ALL, "now": _ALL, "now_count": _LOW},
    {"opened_s": _ALL, "state": _ALL},
    {"count": _HIGH, "now_count": _HIGH},
    {"currency": _ALL},
)


def _form_of_clients() -> Form:
    parts = [Placed(0, CLIENT, part) for part in CLIENT_PARTS]
    for silence in SILENCES:
        start = places_of(CLIENT, silence).start
        parts += [Placed(start, CLIENT[silence], part) for part in SILENCE_PARTS]
    return form_of(parts, new_clients(1))


_CLIENT: Final = _form_of_clients()
_TREND: Final = form_of([Placed(0, TREND, part) for part in TREND_PARTS], np.zeros(1, TREND), apart=["signal"])
(_SIGNAL_AT,) = places_of(TREND, "signal")
_SIZE_MAX: Final = size_max(_CLIENT) + 1 + SIGNALS * (1 + size_max(_TREND))


class DecodedClients(NamedTuple):
    """Clients as they were stored.

    Parameters
    ----------
    clients
        Records of layout.CLIENT, one for each value.
    trends
        Records of layout.TREND, of all clients.
    owners
        Places of the trends' clients in `clients`.
    ids
        What stands behind each client: the ids of its last contacts (`recent`).
    """

    clients: Rows
    trends: Rows
    owners: Integers
    ids: list[bytes]


def encode_clients(clients: Records, trends: Records, trend_of: Records, rows: Integers) -> list[bytes]:
    """Return the stored form of the clients in these rows.

    Parameters
    ----------
    clients, trends
        All of a table.
    trend_of
        Records of outbox.TREND_NUMBERS, one for each client.
    rows
        Which clients.
    """
    stored, ends = np.empty(len(rows) * _SIZE_MAX, np.uint8), np.empty(len(rows), np.int64)
    _encode(octets(clients), octets(trends), trend_of, rows, _CLIENT, _TREND, stored, ends)
    stops = ends.tolist()
    everything = stored[: stops[-1]].tobytes()
    return [everything[start:stop] for start, stop in pairwise([0, *stops])]


@njit(cache=True)
def _encode(
    clients: Octets, trends: Octets, trend_of: Records, rows: Integers, client: Form, trend: Form,
    stored: Octets, ends: Integers,
) -> None:  # fmt: skip
    at = 0
    for k in range(len(rows)):
        at = write(client, clients, rows[k], stored, at)
        count_at = at
        stored[at] = 0
        at += 1
        numbers = trend_of[rows[k]].of
        for signal in range(SIGNALS):
            if numbers[signal] > 0:
                stored[count_at] += 1
                stored[at] = signal
                at = write(trend, trends, numbers[signal], stored, at + 1)
        ends[k] = at


def decode_clients(values: Sequence[bytes]) -> DecodedClients:
    """Return the clients that were stored.

    Raises
    ------
    ValueError
        If there are too few bytes, or a signal is unknown.
    """
    stops = np.array([*accumulate(map(len, values))])
    stored = np.frombuffer(b"".join(values), np.uint8)
    clients, sizes = np.empty(len(values), CLIENT), np.empty(len(values), np.int64)
    trends, owners = np.empty(len(values) * SIGNALS, TREND), np.empty(len(values) * SIGNALS, np.int64)
    count = int(_decode(stored, stops, _CLIENT, _TREND, octets(clients), octets(trends), owners, sizes))
    if count == CUT_OFF:
        raise ValueError("a client has fewer bytes than its flags say, or a signal that is not known here")
    ids = [value[size:] for value, size in zip(values, sizes.tolist(), strict=True)]
    return DecodedClients(clients, trends[:count], owners[:count], ids)


@njit(cache=True)
def _decode(
    stored: Octets, stops: Integers, client: Form, trend: Form,
    clients: Octets, trends: Octets, owners: Integers, sizes: Integers,
) -> int:  # fmt: skip
    """Read clients; -> how many trends they have together, or CUT_OFF."""
    first = count = 0
    for k in range(len(stops)):
        at = read(client, clients, k, stored, first, stops[k])
        if at == CUT_OFF or at == stops[k]:
            return CUT_OFF
        left = stored[at]
        at += 1
        while left > 0:
            if at == stops[k] or stored[at] >= SIGNALS or len(trends) == count:
                return CUT_OFF
            signal = stored[at]
            at = read(trend, trends, count, stored, at + 1, stops[k])
            if at == CUT_OFF:
                return CUT_OFF
            trends[count, _SIGNAL_AT], owners[count] = signal, k
            count += 1
            left -= 1
        sizes[k], first = at - first, stops[k]
    return count
