"""From an effect to the alert that is published, with ids that depend on the input alone."""

import math
import uuid
from collections.abc import Mapping, Sequence
from hashlib import sha1
from typing import Any, Final, NamedTuple

from detector.core.clock import rfc3339, to_operational_days
from detector.core.explain import explanation
from detector.core.lifecycle import REASON_WORDS, SEVERITY_WORDS, SIGNAL_WORDS, TRANSITION_WORDS, TYPE_OF
from detector.core.signals import NUMBER, TRAITS
from schemas.alert import encode
from schemas.incident import Reason, Severity, Signal, Transition

MODEL: Final = "r-tail-o/1"
_IDS: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:ghosting:alert")


class Alert(NamedTuple):
    """An alert ready to be written, and the words about it that are counted.

    Parameters
    ----------
    told_s
        Its place in the order of effects: when the clock came to it. Later than `at_s` only for what arrived late.
    key, value
        As Kafka gets them.
    at_s, opened_s
        Its own time, by which it is news or history; and when its incident was opened.
    """

    told_s: float
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
    return alert.told_s, alert.key


class Names(NamedTuple):
    """The words behind an effect's numbers."""

    app_id: str
    client_id: str
    account_id: str | None
    segment: str
    channels: Sequence[str | None]  # the last heard first
    recent_ids: Sequence[str]


def incident_id_of(client_id: str, signal: Signal, opened_at: str) -> str:
    """The id of an incident, from its opening to its resolution: it depends on the input alone."""
    return _id_of(f"{client_id}\0{TYPE_OF[signal]}\0{signal}\0{opened_at}")


def _id_of(content: str) -> str:
    """`uuid.uuid5` as text, without an object in between: it is a fifth of the time that an alert takes.

    >>> _id_of("content") == str(uuid.uuid5(_IDS, "content"))
    True
    """
    digest = sha1(_IDS.bytes + content.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def build(effect: Mapping[str, Any], names: Names) -> Alert:
    """Build the alert of one transition from the fields of its effect.

    Days are rounded to 1/10,000 and probabilities to 1/1,000,000: finer digits mean nothing and differ between
    processors.
    """
    signal, transition = SIGNAL_WORDS[effect["signal"]], TRANSITION_WORDS[effect["transition"]]
    reason, severity = REASON_WORDS[effect["reason"]], SEVERITY_WORDS[effect["severity"]]
    opened_at, at = rfc3339(effect["opened_s"]), rfc3339(effect["at_s"])
    incident_id = incident_id_of(names.client_id, signal, opened_at)
    alert_id = _id_of(f"{incident_id}\0{transition}\0{at}")
    data: dict[str, Any] = {
        "alert_id": alert_id,
        "incident_id": incident_id,
        "type": TYPE_OF[signal],
        "signal": signal,
        "transition": transition,
        "reason": reason,
        "severity": severity,
        "client_id": names.client_id,
        "account_id": names.account_id,
        "segment": names.segment,
        "opened_at": opened_at,
        "at": at,
        **_silence(effect, names, signal, back=reason in ("returned", "late_event")),
        "trend": _trend(effect, NUMBER[signal]) if signal in NUMBER else None,
        "evidence": {
            "gaps_seen": effect["gaps"],
            "mean_gap_days": round(effect["mean_gap_days"], 4),
            "longest_gap_days": round(effect["longest_days"], 4),
            "prior_weight": round(effect["prior_weight"], 6),
            "last_interaction_ids": list(names.recent_ids),
            "completed_gaps_in_segment": int(effect["segment_gaps"]),
        },
    }
    data |= {"explanation": explanation(data), "model": MODEL}
    event = {
        "specversion": "1.0",
        "id": alert_id,
        "source": f"/{names.app_id}",
        "type": f"ghosting.alert.{transition}.v1",
        "subject": names.client_id,
        "time": at,
        "datacontenttype": "application/json",
        "data": data,
    }
    key = names.client_id.encode()
    return Alert(
        effect["told_s"], key, encode(event), effect["at_s"], effect["opened_s"],
        signal, transition, reason, severity, names.segment,
    )  # fmt: skip


def _silence(effect: Mapping[str, Any], names: Names, signal: Signal, *, back: bool) -> dict[str, Any]:
    """When the client was heard and when it was expected; once it is back nothing is expected any more."""
    heard = zip(names.channels, effect["channels_s"], strict=True)
    active = [channel for channel, at_s in heard if channel is not None and at_s > effect["active_since_s"]]
    actual_days = to_operational_days(effect["at_s"]) - to_operational_days(effect["from_s"])
    return {
        "last_heard_at": rfc3339(effect["from_s"] if signal == "orders" else effect["last_s"]),
        "last_heard_channel": None if signal == "orders" else names.channels[0],
        "expected_heard_within_days": or_none(effect["expected_days"], 4),
        "actual_heard_within_days": max(round(actual_days, 4), 0.0),
        "expected_next_at": expected_next(effect["median_s"], effect["p90_s"]),
        "silence_percentile": or_none(1 - effect["survival"], 6),
        "probability_gone": 0.0 if back else or_none(effect["gone"], 6),
        "probability_no_contact_in_30_days": None if back else or_none(effect["quiet_30_days"], 6),
        "false_alerts_per_client_year": effect["budget"],
        "channels_active": active,
        "unanswered_since": rfc3339(effect["asked_s"]) if effect["asked_s"] else None,
        "waiting_on_us_since": rfc3339(effect["waiting_s"]) if effect["waiting_s"] else None,
    }


def _trend(effect: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {
        "unit": TRAITS[number].unit,
        "before": round(effect["before"], 4),
        "now": round(effect["now"], 4),
        "since": rfc3339(effect["since_s"]),
        "ratio_to_first_half_year": or_none(effect["ratio"], 4),
        "score": round(effect["score"], 6),
        "threshold": round(effect["threshold"], 6),
        "values_seen": effect["values"],
    }


def expected_next(median_s: float, p90_s: float) -> dict[str, str] | None:
    """When the next contact is expected, if that is known."""
    return None if math.isnan(median_s) else {"median": rfc3339(median_s), "p90": rfc3339(p90_s)}


def or_none(number: float, digits: int) -> float | None:
    """Round what is known."""
    return None if math.isnan(number) else round(number, digits)
