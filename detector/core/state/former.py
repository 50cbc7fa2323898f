"""State that a former version wrote, made into the present one: what `stored` and `layout` were, and what became of it.

A record stays as it was written until its client does something, so every former layout that may still lie in a state
topic has to be read. What a version wrote is kept as a fixture of the tests (tests/core/fixtures).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from detector.core.clock import DAY_S
from detector.core.layout import CHANNELS_HEARD, COUNT_MAX, INCIDENT, LAYOUT, SEEN, SIGNALS, SILENCES
from detector.core.lifecycle import State
from detector.core.state import codec
from detector.core.state.table import CLIENT_KEY

Rows = np.ndarray[Any, Any]

_SILENCE_4 = np.dtype(
    [
        ("last_s", "f8"),  # NaN = there is none
        ("total_days", "f8"),
        ("longest_days", "f8"),
        ("second_days", "f8"),
        ("third_days", "f8"),
        ("gaps", "u4"),
        ("incident", INCIDENT),
    ]
)
_CLIENT_4 = np.dtype(
    [
        ("layout", "u1"),
        ("segment", "u2"),
        ("account", "u4"),
        ("contacts", "u4"),
        ("contact", _SILENCE_4),
        ("orders", _SILENCE_4),
        ("reply", _SILENCE_4),
        ("thread", "u4"),
        ("awaiting_reply_s", "u4"),
        ("channels", "u1", (CHANNELS_HEARD,)),
        ("channels_s", "u4", (CHANNELS_HEARD,)),
        ("seen", "u8", (SEEN,)),
        ("seen_next", "u1"),
    ]
)
_TREND_4 = np.dtype(
    [
        ("score", "f8"),
        ("level", "f4"),
        ("m2", "f4"),
        ("count", "u4"),
        ("first_s", "u4"),
        ("last_s", "u4"),
        ("since_s", "u4"),
        ("opened_s", "u4"),
        ("before", "f4"),
        ("now", "f4"),
        ("now_count", "u2"),
        ("baseline", "f4"),
        ("state", "u1"),
        ("signal", "u1"),
    ]
)


# How many bytes of a row were a part in layout 5, which put them down in their order: of a client, and of each trend.
_PARTS_5 = (39, 4, 30, 5, 30, 5, 30, 5, 4, 4, 4, 4, 4, 4, 4, *SIGNALS * (1, 22, 14, 5))
_FORM_5 = codec.Form(np.arange(codec.ROW.itemsize, dtype=np.uint16), np.cumsum(_PARTS_5))


def present(kind: bytes, value: bytes) -> bytes:
    """Give the present form of a stored value; of client records the rows change, of others only the version.

    Raises
    ------
    ValueError, LookupError
        If it is of a layout that nobody knows, or damaged.
    """
    version = value[0]
    if version == LAYOUT:
        return value
    from_client = CLIENT_FROM[version]
    return from_client(value) if kind == CLIENT_KEY else bytes([LAYOUT]) + value[1:]


def _client_from_4(value: bytes) -> bytes:
    """Instants become whole seconds, the longest gaps too, and counts stop where they weigh no more.

    The ids that were seen last are forgotten, as they were hashed in another way: an event that was sent before the
    upgrade and comes again right after it is not recognised. So is the conversation of our unanswered message.
    """
    trends_at = _CLIENT_4.itemsize + 1
    ids_at = trends_at + value[trends_at - 1] * _TREND_4.itemsize
    before = np.frombuffer(value, _CLIENT_4, 1)
    row = codec.new_rows(1)
    client = row["client"]
    for name in ("segment", "account", "contacts", "awaiting_reply_s", "channels", "channels_s"):
        client[name] = before[name]
    for silence in SILENCES:
        _take_silence_4(client[silence], before[silence])
    for trend in np.frombuffer(value[trends_at:ids_at], _TREND_4):
        _take_trend_4(row["trends"][:, trend["signal"]], trend)
    ids = [event_id.encode() for event_id in json.loads(value[ids_at:])]
    sized = b"".join([len(one).to_bytes(2, "little") + one for one in ids])
    return bytes([LAYOUT]) + codec.encode_rows(row)[0] + sized


def _take_silence_4(silence: Rows, before: Rows) -> None:
    silence["last_s"] = np.nan_to_num(before["last_s"])
    silence["total_days"] = before["total_days"]
    silence["gaps"] = np.minimum(before["gaps"], COUNT_MAX)
    for gap in ("longest", "second", "third"):
        silence[f"{gap}_s"] = before[f"{gap}_days"] * DAY_S + 0.5
    silence["incident"] = before["incident"]
    silence["incident"]["opened_s"][before["incident"]["state"] == State.QUIET] = 0


def _take_trend_4(trend: Rows, before: Any) -> None:  # noqa: ANN401 (one record)
    for name in ("signal", "score", "level", "m2", "baseline", "since_s", "before", "now", "now_count", "state"):
        trend[name] = before[name]
    trend["count"] = min(before["count"], COUNT_MAX)
    for end in ("first", "last"):
        trend[f"{end}_day"] = before[f"{end}_s"] // DAY_S
    trend["opened_s"] = 0 if before["state"] == State.QUIET else before["opened_s"]


def _client_from_5(value: bytes) -> bytes:
    """Only the parts are others. What was left of declines that are over is forgotten."""
    row, (size,) = codec.decode_rows([value[1:]], _FORM_5)
    trends = row["trends"]
    for name in ("before", "now"):
        trends[name][trends["now_count"] == 0] = 0
    return bytes([LAYOUT]) + codec.encode_rows(row)[0] + value[1 + size :]


CLIENT_FROM: Final[Mapping[int, Callable[[bytes], bytes]]] = {4: _client_from_4, 5: _client_from_5}
"""Per former layout, how the record of a client is made into the present one."""
