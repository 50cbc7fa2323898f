"""From the alerts that the shards emitted to incidents: what was said, about whom, and how it ended."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from pydantic_core import from_json

from detector.backtest.alarms import Alarms, placed
from detector.backtest.log import Log
from detector.backtest.silences import Silences
from schemas.incident import Reason, Signal, Transition, Type


@dataclass(frozen=True)
class Incident:
    """One incident: the alert that opened it, and what followed.

    Parameters
    ----------
    opened
        Data of the opening alert.
    probability_gone
        As the last alert before the end of the incident gave it; None for a signal without one.
    escalated_at, resolved_at
        When; None if that did not happen.
    resolved_reason
        Why, if it was resolved.
    """

    opened: dict[str, Any]
    probability_gone: float | None
    escalated_at: str | None
    resolved_at: str | None
    resolved_reason: Reason | None


def incidents_of(alerts: Iterable[bytes]) -> list[Incident]:
    """Put alerts, in the order in which they were emitted, together to incidents, in the order of their opening."""
    told: dict[str, dict[Transition, dict[str, Any]]] = {}
    for alert in alerts:
        data = from_json(alert)["data"]
        told.setdefault(data["incident_id"], {})[data["transition"]] = data
    return [_incident(transitions) for transitions in told.values()]


def _incident(told: dict[Transition, dict[str, Any]]) -> Incident:
    opened = told["opened"]
    escalated, resolved = told.get("escalated"), told.get("resolved")
    return Incident(
        opened=opened,
        probability_gone=(escalated or opened)["probability_gone"],
        escalated_at=escalated["at"] if escalated else None,
        resolved_at=resolved["at"] if resolved else None,
        resolved_reason=resolved["reason"] if resolved else None,
    )


def contact_alarms(incidents: list[Incident], silences: Silences, log: Log) -> Alarms:
    """The silences of contact among them as alarms, to be judged beside the baselines'.

    An incident that was resolved is false: the client came back, or had come back and the event was late.
    """
    numbers = {client: number for number, client in enumerate(log.clients)}
    return placed(
        silences,
        np.array([numbers[one.opened["client_id"]] for one in incidents], np.int64),
        np.array([seconds(one.opened["opened_at"]) for one in incidents], np.float64),
        np.array([one.resolved_at is not None for one in incidents], np.bool_),
    )


def is_of_contact(incident: Incident) -> bool:
    """Whether it is a silence on all channels: the one signal whose budget is judged here."""
    kind: Type = incident.opened["type"]
    signal: Signal = incident.opened["signal"]
    return kind == "silence_exceeded" and signal == "contact"


def seconds(at: str) -> float:
    """Epoch seconds of an alert's time."""
    return datetime.fromisoformat(at).timestamp()
