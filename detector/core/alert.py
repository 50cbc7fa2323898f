"""From a transition of a silence to the alert that is published, with ids that depend on the input alone."""

import uuid
from typing import Any, Final, NamedTuple

from detector.core.clock import DAY_S, rfc3339
from detector.core.explain import explanation
from detector.core.silence import Facts
from schemas.alert import encode
from schemas.incident import Reason, Transition

MODEL: Final = "r-tail-o/1"
_IDS: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:ghosting:alert")


class Alert(NamedTuple):
    """An alert ready to be written.

    Parameters
    ----------
    told_s
        Its place in the order of effects: when the clock came to it. Later than `at_s` only for what arrived late.
    key, value
        As Kafka gets them.
    at_s
        Its own time, by which it is news or history.
    """

    told_s: float
    key: bytes
    value: bytes
    at_s: float


def in_order(alert: Alert) -> tuple[float, bytes]:
    """Sort by this: time, then client; a stable sort keeps the transitions of one client as they came."""
    return alert.told_s, alert.key


class Told(NamedTuple):
    """What is known of the client at the transition, apart from the numbers of the rhythm."""

    app_id: str
    client_id: str
    account_id: str | None
    segment: str
    channel: str | None
    recent_ids: list[str]
    last_s: float
    opened_s: float
    longest_days: float
    gaps: int
    segment_gaps: int
    budget: float


def build(
    told: Told, facts: Facts, transition: Transition, reason: Reason, severity: str, at_s: float, told_s: float
) -> Alert:
    """Build the alert of one transition at `at_s`, which the clock came to at `told_s`.

    Days are rounded to 1/10,000 and probabilities to 1/1,000,000: finer digits mean nothing and differ between
    processors.
    """
    opened_at = rfc3339(told.opened_s)
    incident_id = str(uuid.uuid5(_IDS, f"{told.client_id}\0silence_exceeded\0contact\0{opened_at}"))
    at = rfc3339(at_s)
    alert_id = str(uuid.uuid5(_IDS, f"{incident_id}\0{transition}\0{at}"))
    data: dict[str, Any] = {
        "alert_id": alert_id,
        "incident_id": incident_id,
        "type": "silence_exceeded",
        "signal": "contact",
        "transition": transition,
        "reason": reason,
        "severity": severity,
        "client_id": told.client_id,
        "account_id": told.account_id,
        "segment": told.segment,
        "opened_at": opened_at,
        "at": at,
        "last_heard_at": rfc3339(told.last_s),
        "last_heard_channel": told.channel,
        "expected_heard_within_days": round(facts.expected_days, 4),
        "actual_heard_within_days": round((at_s - told.last_s) / DAY_S, 4),
        "expected_next_at": {"median": rfc3339(facts.median_s), "p90": rfc3339(facts.p90_s)},
        "probability_gone": 0.0 if transition == "resolved" else round(facts.probability_gone, 6),
        "false_alerts_per_client_year": told.budget,
        "evidence": {
            "gaps_seen": told.gaps,
            "mean_gap_days": round(facts.mean_gap_days, 4),
            "longest_gap_days": round(told.longest_days, 4),
            "prior_weight": round(facts.prior_weight, 6),
            "last_interaction_ids": told.recent_ids,
            "completed_gaps_in_segment": told.segment_gaps,
        },
    }
    data |= {"explanation": explanation(data), "model": MODEL}
    event = {
        "specversion": "1.0",
        "id": alert_id,
        "source": f"/{told.app_id}",
        "type": f"ghosting.alert.{transition}.v1",
        "subject": told.client_id,
        "time": at,
        "datacontenttype": "application/json",
        "data": data,
    }
    return Alert(told_s, told.client_id.encode(), encode(event), at_s)
