"""Layout 4: records as they lie in memory, and the ids of a client as JSON.

Instants become whole seconds, the longest gaps too, and counts stop where they weigh no more. The ids that were seen
last are forgotten, because they were hashed in another way: an event that was sent before the upgrade and comes again
right after it is not recognised. The conversation of our unanswered message is forgotten for the same reason.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from detector.core.state.codec import DecodedClients
from detector.core.state.migrate.carry import Rows, carried
from detector.core.state.migrate.layout_6 import new_rows

_INCIDENT = [("next_s", "u4"), ("opened_s", "u4"), ("state", "u1")]
_SILENCE: Final = np.dtype(
    [
        ("last_s", "f8"),  # NaN = there is none
        ("total_days", "f8"),
        ("longest_days", "f8"),
        ("second_days", "f8"),
        ("third_days", "f8"),
        ("gaps", "u4"),
        ("incident", _INCIDENT),
    ]
)
_CLIENT: Final = np.dtype(
    [
        ("layout", "u1"),
        ("segment", "u2"),
        ("account", "u4"),
        ("contacts", "u4"),
        ("contact", _SILENCE),
        ("orders", _SILENCE),
        ("reply", _SILENCE),
        ("thread", "u4"),
        ("awaiting_reply_s", "u4"),
        ("channels", "u1", (4,)),
        ("channels_s", "u4", (4,)),
        ("seen", "u8", (4,)),
        ("seen_next", "u1"),
    ]
)
_TREND: Final = np.dtype(
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
_COUNT_MAX: Final = 65_535
_DAY_S: Final = 86_400
_QUIET: Final = 0


def decode(values: Sequence[bytes]) -> DecodedClients:
    """Return the clients of stored values."""
    rows = new_rows(len(values))
    ids = [_read_row(row, value) for row, value in zip(rows, values, strict=True)]
    return carried(rows["client"], rows["trends"], ids)


def _read_row(row: Any, value: bytes) -> bytes:  # noqa: ANN401 (one record)
    """Read one client; -> the ids of its contacts, each behind its size."""
    trends_at = _CLIENT.itemsize + 1
    ids_at = trends_at + value[trends_at - 1] * _TREND.itemsize
    former = np.frombuffer(value, _CLIENT, 1)[0]
    client = row["client"]
    for name in ("segment", "account", "contacts", "awaiting_reply_s", "channels", "channels_s"):
        client[name] = former[name]
    for silence in ("contact", "orders", "reply"):
        _read_silence(client[silence], former[silence])
    for trend in np.frombuffer(value[trends_at:ids_at], _TREND):
        _read_trend(row["trends"][trend["signal"]], trend)
    ids = [event_id.encode() for event_id in json.loads(value[ids_at:])]
    return b"".join([len(event_id).to_bytes(2, "little") + event_id for event_id in ids])


def _read_silence(silence: Rows, former: Rows) -> None:
    silence["last_s"] = np.nan_to_num(former["last_s"])
    silence["total_days"] = former["total_days"]
    silence["gaps"] = min(former["gaps"], _COUNT_MAX)
    for gap in ("longest", "second", "third"):
        silence[f"{gap}_s"] = former[f"{gap}_days"] * _DAY_S + 0.5
    silence["incident"] = former["incident"]
    if former["incident"]["state"] == _QUIET:
        silence["incident"]["opened_s"] = 0


def _read_trend(trend: Rows, former: Any) -> None:  # noqa: ANN401 (one record)
    for name in ("signal", "score", "level", "m2", "baseline", "since_s", "before", "now", "now_count", "state"):
        trend[name] = former[name]
    trend["count"] = min(former["count"], _COUNT_MAX)
    for end in ("first", "last"):
        trend[f"{end}_day"] = former[f"{end}_s"] // _DAY_S
    trend["opened_s"] = 0 if former["state"] == _QUIET else former["opened_s"]
