"""An alert that is published, with ids that depend on the input alone; `telling` makes it of an effect."""

import math
import uuid
from hashlib import sha1
from typing import Final, NamedTuple

from detector.core.clock import rfc3339
from detector.core.lifecycle import TYPE_OF
from schemas.incident import Reason, Severity, Signal, Transition

MODEL: Final = "r-tail-o/2+cure/1"
_IDS: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:ghosting:alert")
_IDS_BYTES: Final = _IDS.bytes


class Alert(NamedTuple):
    """An alert ready to be written, and the words about it that are counted.

    Parameters
    ----------
    emitted_s
        Its place in the order of effects: when the clock came to it. Later than `at_s` only for what arrived late.
    key, value
        As Kafka gets them.
    at_s, opened_s
        Its own time, by which it is news or history; and when its incident was opened.
    """

    emitted_s: float
    key: bytes
    value: bytes
    at_s: float
    opened_s: float
    signal: Signal
    transition: Transition
    reason: Reason
    severity: Severity
    segment: str


def in_order(alert: Alert) -> tuple[float, bytes]:
    """Sort by this: time, then client; a stable sort keeps the transitions of one client as they came."""
    return alert.emitted_s, alert.key


def incident_id_of(client_id: str, signal: Signal, opened_at: str) -> str:
    """The id of an incident, from its opening to its resolution: it depends on the input alone."""
    return _id_of(f"{client_id}\0{TYPE_OF[signal]}\0{signal}\0{opened_at}")


def alert_id_of(incident_id: str, transition: Transition, at: str) -> str:
    """The id of one transition of an incident."""
    return _id_of(f"{incident_id}\0{transition}\0{at}")


def _id_of(content: str) -> str:
    """`uuid.uuid5` as text, without an object in between.

    >>> _id_of("content") == str(uuid.uuid5(_IDS, "content"))
    True
    """
    digest = sha1(_IDS_BYTES + content.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def expected_next(median_s: float, p90_s: float) -> dict[str, str] | None:
    """When the next contact is expected, if that is known."""
    return None if math.isnan(median_s) else {"median": rfc3339(median_s), "p90": rfc3339(p90_s)}


def or_none(number: float, digits: int) -> float | None:
    """Round what is known."""
    return None if math.isnan(number) else round(number, digits)
