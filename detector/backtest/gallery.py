"""The clients that a report shows: the biggest hits and the worst false alarms of one budget."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from detector.backtest.incidents import Incident
from detector.backtest.log import Floats
from detector.backtest.run import Backtest, Judged

_EACH_MAX = 6


@dataclass(frozen=True)
class Timeline:
    """One client of the gallery: what was heard of it, and what was said about it.

    Parameters
    ----------
    incident
        The one that it was chosen for.
    incidents
        All of the client.
    contacts_s
        The end of each of its contacts.
    order_value
        Sum of its orders' amounts; 0 without amounts.
    """

    client_id: str
    incident: Incident
    incidents: list[Incident]
    contacts_s: Floats
    order_value: float


@dataclass(frozen=True)
class Gallery:
    """Up to twelve clients."""

    hits: list[Timeline]
    false_alarms: list[Timeline]


def gallery(result: Backtest, judged: Judged) -> Gallery:
    """Choose the clients worth looking at.

    Parameters
    ----------
    result
        The log.
    judged
        One of its budgets.
    """
    log = result.log
    contacts = np.bincount(result.silences.client, minlength=len(log.clients)).astype(np.float64)
    values = log.order_value if log.order_value.any() else contacts

    def at_stake(incident: Incident) -> float:
        return (incident.probability_gone or 0.0) * float(values[incident.client])

    def surety(incident: Incident) -> float:
        return incident.probability_gone or 0.0

    open_at_end = (incident for incident in judged.incidents if incident.resolved_s is None)
    # Resolved by a late event, it was the log's disorder that raised it, not the detector.
    returned = (incident for incident in judged.incidents if incident.resolved_reason == "returned")
    return Gallery(
        hits=[_timeline(result, judged, incident) for incident in _first_of_each_client(open_at_end, at_stake)],
        false_alarms=[_timeline(result, judged, incident) for incident in _first_of_each_client(returned, surety)],
    )


def _first_of_each_client(incidents: Iterable[Incident], rank: Callable[[Incident], float]) -> list[Incident]:
    first: dict[int, Incident] = {}
    for incident in sorted(incidents, key=rank, reverse=True):
        first.setdefault(incident.client, incident)
        if len(first) == _EACH_MAX:
            break
    return list(first.values())


def _timeline(result: Backtest, judged: Judged, incident: Incident) -> Timeline:
    client, silences = incident.client, result.silences
    return Timeline(
        client_id=incident.client_id,
        incident=incident,
        incidents=[other for other in judged.incidents if other.client == client],
        contacts_s=silences.begin_s[silences.client == client],
        order_value=float(result.log.order_value[client]),
    )
