"""Kernels over many clients: a batch learned in order, and the numbers that an alert reports of one client."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from detector.core import rhythm
from detector.core.clock import DAY_S, deadline_s, to_operational_days
from detector.core.layout import RECENT, Records
from detector.core.lifecycle import State
from detector.core.merge import Batch

QUIET = int(State.QUIET)  # as a kernel sees it
NOT_KEPT, LATE = -1, -2  # instead of a slot
DEPARTURES_PER_CLIENT_YEAR = 1.0
_ESCALATION_Y = math.log(10.0)  # a silence escalates when it is ten times less likely than at its opening
_ESCALATION_LONGEST = 2.0  # and longer than this many times the longest gap


@njit(cache=True)
def learn_until_told(
    clients: Records, segments: Records, batch: Batch, start: int, session_days: float, slots: np.ndarray
) -> int:
    """Learn interactions from `start` on, until one asks for a transition; return its index, or the batch's length.

    A transition is asked for when something was due at the client before the interaction, or when the interaction
    ends its silence; the caller carries it out and calls again with the same index. `slots` takes, per interaction,
    the slot for its id, NOT_KEPT, or LATE (older than the client's last contact; nothing is learned of it).
    """
    for i in range(start, len(batch)):
        event = batch[i]
        client = clients[event.row]
        silence = client.contact
        if silence.next_s < event.key_s:
            return i
        slots[i] = NOT_KEPT
        # A second contact at the very instant of the last one says nothing new of a silence that has been opened since.
        repeated = silence.state != QUIET and silence.last_s == event.at_s
        late = event.contact and (silence.last_s > event.at_s or repeated)
        if event.contact and not late:
            if silence.state != QUIET:
                return i
            slots[i] = client.contacts % RECENT
            client.contacts += 1
            client.channel = event.channel
        if late:
            slots[i] = LATE
        if event.segment:
            client.segment = event.segment - 1
        if event.account:
            client.account = event.account
        if slots[i] >= 0:
            silence.heard_s = event.key_s
            rhythm.learn_contact(silence, segments[client.segment], event.at_s, session_days)
    return len(batch)


class Facts(NamedTuple):
    """The numbers of one client's silence at an instant, as an alert reports them."""

    expected_days: float
    median_s: float
    p90_s: float
    probability_gone: float
    mean_gap_days: float
    prior_weight: float
    escalates_s: float


@njit(cache=True)
def _facts(clients: Records, segments: Records, row: int, opened_s: float, at_s: float) -> tuple[float, ...]:
    silence = clients[row].contact
    segment = segments[clients[row].segment]
    expected_days = to_operational_days(opened_s) - to_operational_days(silence.last_s)
    days = max(to_operational_days(at_s) - to_operational_days(silence.last_s), 1 / DAY_S)
    y = -math.log(rhythm.alert_probability(silence, segment)) + _ESCALATION_Y
    escalation_days = max(
        rhythm.outlasted_days(silence, segment, y),
        _ESCALATION_LONGEST * silence.longest_days,
        expected_days + 1 / DAY_S,
    )
    return (
        expected_days,
        deadline_s(silence.last_s, rhythm.outlasted_days(silence, segment, math.log(2.0))),
        deadline_s(silence.last_s, rhythm.outlasted_days(silence, segment, math.log(10.0))),
        rhythm.probability_gone(silence, segment, days, DEPARTURES_PER_CLIENT_YEAR),
        rhythm.mean_gap_days(silence, segment),
        1.0 / (silence.weight + 1.0),
        deadline_s(silence.last_s, escalation_days),
    )


def facts(clients: Records, segments: Records, row: int, opened_s: float, at_s: float) -> Facts:
    """What is known at `at_s` of the silence that opened, or opens, at `opened_s`."""
    return Facts(*_facts(clients, segments, row, opened_s, at_s))
