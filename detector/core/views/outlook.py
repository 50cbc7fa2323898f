"""A client at an instant: when it was heard, when it is expected, how likely it has left, and what is open.

The numbers are those that an alert would tell at this instant; here they are told of every client, also of the quiet
ones.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import njit

from detector.core.alerts.alert import expected_next, incident_id_of, or_none
from detector.core.clock import NEVER_S, TimeOff, rfc3339
from detector.core.incidents import effect
from detector.core.incidents.effect import EFFECT, FIRST_TREND
from detector.core.incidents.transitions import ESCALATED_STATE, HELD, QUIET, severity_of
from detector.core.layout import SILENCES, STAGES, Records
from detector.core.lifecycle import SEVERITY_WORDS, SIGNAL_WORDS, TYPE_OF, State
from detector.core.state.table import Table
from schemas.alert import encode

_AT_ONCE = 1024
_TOLD = (
    "median_s",
    "p90_s",
    "survival",
    "probability_gone",
    "probability_no_contact_in_30_days",
    "probability_no_contact_in_90_days",
)
_SIGNAL_OF = {"contact": "contact", "orders": "orders", "reply": "reply_overdue"}


@njit(cache=True)
def _fill(
    effects: Records,
    clients: Records,
    segments: Records,
    posterior: Records,
    rates: Records,
    at_s: float,
    off: TimeOff,
) -> None:
    """Write the numbers of the silence of each client."""
    chances = np.empty(STAGES)
    for k in range(len(clients)):
        effects[k].at_s = at_s
        number = clients[k].segment
        effect.fill_silence(effects[k], clients[k].contact, segments[number].contact, off)
        effect.fill_facts(effects[k], clients[k].contact, segments[number].contact, off)
        effect.fill_chances(effects[k], posterior[0], rates[number], chances)


def outlooks(table: Table, at_s: float) -> Iterator[bytes]:
    """What is known and expected of each client, as JSON (schemas.outlook)."""
    for start in range(0, len(table.names), _AT_ONCE):
        stop = min(start + _AT_ONCE, len(table.names))
        effects = np.zeros(stop - start, EFFECT).view(np.recarray)
        clients, waiting = table.clients[start:stop].view(np.recarray), table.moments.waiting
        _fill(effects, clients, table.segments, waiting.posterior, waiting.rates, at_s, table.time_off())
        told = effects[list(_TOLD)].tolist()  # a list is read several times faster than a record
        gone_after_days = effects["facts"]["gone_after_days"].tolist()
        for row in range(start, stop):
            if table.names[row]:  # else it was erased
                yield encode(_outlook(table, row, told[row - start], gone_after_days[row - start], at_s))


def _outlook(table: Table, row: int, told: tuple[float, ...], gone_after_days: float, at_s: float) -> dict[str, Any]:
    client, client_id = table.clients[row], table.names[row]
    silence = client.contact
    median_s, p90_s, survival, gone, quiet_30_days, quiet_90_days = told
    deadline_s = silence.incident.next_s if silence.incident.state == QUIET else silence.incident.opened_s
    return {
        "client_id": client_id,
        "account_id": table.accounts[client.account] or None,
        "segment": table.segment_names[client.segment],
        "at": rfc3339(at_s),
        "last_heard_at": rfc3339(float(silence.last_s)) if silence.last_s else None,
        "expected_next_at": expected_next(median_s, p90_s),
        "deadline_at": rfc3339(float(deadline_s)) if deadline_s < NEVER_S else None,
        "silence_percentile": or_none(1 - survival, 6),
        "probability_gone": or_none(gone, 6),
        "gone_after_days": or_none(gone_after_days, 4),
        "probability_no_contact_in_30_days": or_none(quiet_30_days, 6),
        "probability_no_contact_in_90_days": or_none(quiet_90_days, 6),
        "outlook_labels": int(table.moments.posterior[0].labels),
        "incidents": [_incident(client_id, *told) for told in _open(table, row)],
    }


def _open(table: Table, row: int) -> Iterator[tuple[int, int, int]]:
    """Signal, state and opening of what people were told of and is not over."""
    client = table.clients[row]
    found = [(SIGNAL_WORDS.index(_SIGNAL_OF[name]), client[name].incident) for name in SILENCES]
    found += [(FIRST_TREND + int(table.trends[k].signal), table.trends[k]) for k in table.trend_of[row].tolist() if k]
    for signal, incident in found:
        if incident.state not in (QUIET, HELD):
            yield signal, int(incident.state), int(incident.opened_s)


def _incident(client_id: str, number: int, state: int, opened_s: int) -> dict[str, str]:
    signal, opened_at = SIGNAL_WORDS[number], rfc3339(opened_s)
    return {
        "incident_id": incident_id_of(client_id, signal, opened_at),
        "type": TYPE_OF[signal],
        "signal": signal,
        "state": State(state).name.lower(),
        "severity": SEVERITY_WORDS[severity_of(number, state == ESCALATED_STATE)],
        "opened_at": opened_at,
    }
