"""From the effects that the shards left to incidents: what was said, about whom, and how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from detector.backtest.alarms import Alarms, placed
from detector.backtest.log import Bools, Ints, Log
from detector.backtest.silences import Silences
from detector.core.alerts.alert import or_none
from detector.core.engine.drain import Effects
from detector.core.incidents.effect import CONTACT_SIGNAL, RESOLVED
from detector.core.incidents.transitions import ESCALATED, OPENED
from detector.core.lifecycle import REASON_WORDS, SIGNAL_WORDS, TYPE_OF
from schemas.incident import Reason

_NONE = -1  # instead of a place


@dataclass(frozen=True)
class Incident:
    """A silence of all contact: what the alert that opened it said, and what followed.

    Parameters
    ----------
    client, client_id, segment
        Its client, by number and by name.
    opened_s, last_heard_s
        When it was opened, and since when the client had been silent.
    silent_days
        The time between them.
    expected_s
        When nine in ten had been heard.
    mean_gap_days, gaps
        The rhythm of the client, and how many gaps it was known from.
    probability_gone
        As the last alert before the end of the incident gave it.
    escalated_s, resolved_s
        When; None if that did not happen.
    resolved_reason
        Why, if it was resolved.
    """

    client: int
    client_id: str
    segment: str
    opened_s: float
    last_heard_s: float
    silent_days: float
    expected_s: float
    mean_gap_days: float
    gaps: int
    probability_gone: float | None
    escalated_s: float | None
    resolved_s: float | None
    resolved_reason: Reason | None


class Told(NamedTuple):
    """The transitions of all incidents, in the order in which alerts of them would be emitted.

    Parameters
    ----------
    effects
        What the kernels wrote of each.
    client
        The number of its client.
    shard
        Whose it is.
    opened, escalated, resolved
        Per incident, in the order of their opening, the places of its transitions above; -1 = there is none.
    """

    effects: Effects
    client: Ints
    shard: Ints
    opened: Ints
    escalated: Ints
    resolved: Ints

    @property
    def of_contact(self) -> Bools:
        """Which incidents are silences on all channels: the one signal whose budget is judged here."""
        of_contact: Bools = self.signals == CONTACT_SIGNAL
        return of_contact

    @property
    def signals(self) -> Ints:
        """Per incident, the place of its signal among the words."""
        return self.effects["signal"][self.opened].astype(np.int64)


def told_by(effects: Sequence[Effects], log: Log) -> Told:
    """Put the effects of all shards in order, and group them by incident.

    Parameters
    ----------
    effects
        Of each shard, in the order in which they came.
    log
        That the shards read.
    """
    client = np.concatenate(
        [numbers[its_effects["row"]] for numbers, its_effects in zip(log.numbers, effects, strict=True)]
    )
    shard = np.repeat(np.arange(len(effects)), [len(its_effects) for its_effects in effects])
    together = np.concatenate(list(effects))
    order = np.lexsort((_ranks(log.clients)[client], together["emitted_s"]))  # stable, as `alert.in_order` is used
    together, client, shard = together[order], client[order], shard[order]
    incident = _incidents(together, client)
    opened, escalated, resolved = (
        _places(incident, together["transition"] == transition) for transition in (OPENED, ESCALATED, RESOLVED)
    )
    by_opening = np.argsort(opened)
    return Told(together, client, shard, opened[by_opening], escalated[by_opening], resolved[by_opening])


def _ranks(clients: Sequence[str]) -> Ints:
    """Return the places of the clients if they were sorted by their ids."""
    ranks = np.empty(len(clients), np.int64)
    ranks[sorted(range(len(clients)), key=clients.__getitem__)] = np.arange(len(clients))
    return ranks


def _incidents(effects: Effects, client: Ints) -> Ints:
    """Number the incidents that effects belong to: same client, same signal, opened in the same second."""
    parts = client, effects["signal"], effects["opened_s"]
    order = np.lexsort(parts)
    begins = np.zeros(len(order), np.bool_)
    for part in parts:
        begins[1:] |= part[order][1:] != part[order][:-1]
    incident = np.empty(len(order), np.int64)
    incident[order] = np.cumsum(begins)
    return incident


def _places(incident: Ints, which: Bools) -> Ints:
    """Return, per incident, the place of its transition among these; -1 = there is none."""
    places = np.full(incident.max(initial=_NONE) + 1, _NONE)
    places[incident[which]] = np.flatnonzero(which)
    return places


def incidents_of(told: Told, log: Log, segments: Sequence[Sequence[str]]) -> list[Incident]:
    """The silences of contact among them, in the order in which they were opened.

    Parameters
    ----------
    told
        All that was told.
    log
        That it was told of.
    segments
        Per shard, the names of its segments.
    """
    chosen = told.of_contact
    opened, escalated, resolved = (places[chosen].tolist() for places in (told.opened, told.escalated, told.resolved))
    client, shard = told.client.tolist(), told.shard.tolist()
    names = (
        "segment",
        "opened_s",
        "last_heard_s",
        "actual_heard_within_days",
        "p90_s",
        "mean_gap_days",
        "gaps_seen",
        "probability_gone",
        "at_s",
        "reason",
    )
    segment, opened_s, last_s, silent_days, p90_s, mean_gap_days, gaps, gone, at_s, reason = (
        told.effects[name].tolist() for name in names
    )
    return [
        Incident(
            client=client[first],
            client_id=log.clients[client[first]],
            segment=segments[shard[first]][segment[first]],
            opened_s=opened_s[first],
            last_heard_s=last_s[first],
            silent_days=round(silent_days[first], 4),
            expected_s=p90_s[first],
            mean_gap_days=round(mean_gap_days[first], 4),
            gaps=gaps[first],
            probability_gone=or_none(gone[first if worse == _NONE else worse], 6),
            escalated_s=None if worse == _NONE else at_s[worse],
            resolved_s=None if last == _NONE else at_s[last],
            resolved_reason=None if last == _NONE else REASON_WORDS[reason[last]],
        )
        for first, worse, last in zip(opened, escalated, resolved, strict=True)
    ]


def contact_alarms(told: Told, silences: Silences) -> Alarms:
    """The silences of contact among them as alarms, to be judged beside the baselines'.

    An incident that was resolved is false: the client came back, or had come back and the event was late.
    """
    opened = told.opened[told.of_contact]
    return placed(
        silences, told.client[opened], told.effects["opened_s"][opened], told.resolved[told.of_contact] != _NONE
    )


def others(told: Told) -> dict[str, tuple[int, int]]:
    """Count the incidents of all other types and signals: opened, and how many of them were resolved."""
    resolved = told.resolved != _NONE
    counts = {}
    for number in np.unique(told.signals[~told.of_contact]).tolist():
        signal, which = SIGNAL_WORDS[number], told.signals == number
        counts[f"{TYPE_OF[signal]} {signal}"] = int(which.sum()), int(resolved[which].sum())
    return dict(sorted(counts.items()))
