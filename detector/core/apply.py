"""Kernels over many clients: a batch applied in order, and what is due when nothing happens.

Both stop when there is no room for further effects; the caller takes the effects and calls again.

What most interactions need is given single records: to call a function with `Arrays` costs as much as a trend (about
100 ns), because Numba counts a reference to each of them. So these are called only if there is something to tell.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from detector.core import debt, incident, rhythm, trend
from detector.core.clock import NEVER_S
from detector.core.effect import CONTACT_SIGNAL, FIRST_TREND, ORDERS_SIGNAL, REPLY_SIGNAL
from detector.core.incident import (
    COUNT_DUPLICATES,
    COUNT_LATE,
    EFFECTS_AT_ONCE,
    EFFECTS_PER_EVENT,
    QUIET,
    Arrays,
    Rules,
)
from detector.core.layout import CHANNELS_HEARD, CONTACT, MESSAGE, ORDER, OURS, QUESTION, RECENT, SEEN, SIGNALS
from detector.core.merge import Batch
from detector.core.signals import NUMBER

NOT_KEPT = -1  # instead of a slot
CONTACT_RATE, ORDER_RATE, REPLY_LATENCY = (NUMBER[name] for name in ("contact_rate", "order_rate", "reply_latency"))
SILENCES = np.array([CONTACT_SIGNAL, ORDERS_SIGNAL, REPLY_SIGNAL])

Client = Any  # one record of layout.CLIENT, seen from Numba
Event = Any  # one record of layout.INTERACTION
Segment = Any  # one record of layout.SEGMENT
Trend = Any  # one record of layout.TREND


@njit(cache=True)
def is_duplicate(client: Client, event: int) -> bool:
    """Tell whether this id is among the last ones of the client, and remember it."""
    for k in range(SEEN):
        if client.seen[k] == event:
            return True
    client.seen[client.seen_next] = event
    client.seen_next = (client.seen_next + 1) % SEEN
    return False


@njit(cache=True)
def hear_on(client: Client, channel: int, at_s: float) -> None:
    """Move a channel to the front; the one heard least recently gives way."""
    k = 0
    while k < CHANNELS_HEARD - 1 and client.channels[k] != channel:
        k += 1
    for j in range(k, 0, -1):
        client.channels[j], client.channels_s[j] = client.channels[j - 1], client.channels_s[j - 1]
    client.channels[0], client.channels_s[0] = channel, int(at_s)


@njit(cache=True)
def is_late(client: Client, event: Event) -> bool:
    """Tell whether a contact is older than the last one, or repeats its second while its silence is open."""
    repeated = client.contact.incident.state != QUIET and client.contact.last_s == int(event.at_s)
    result: bool = client.contact.last_s > event.at_s or repeated
    return result


@njit(cache=True)
def end_silences(arrays: Arrays, rules: Rules, applied: int, event: Event, replied: bool) -> None:
    """The client acted: what was silent is so no longer."""
    client = arrays.clients[event.row]
    for signal in SILENCES:
        ends = signal == CONTACT_SIGNAL
        if signal == ORDERS_SIGNAL:
            ends = (event.traits & ORDER) != 0
        elif signal == REPLY_SIGNAL:
            ends = replied
        if ends and incident.silence_of(client, signal).incident.state != QUIET:
            incident.resolve(arrays, rules, applied, event.row, signal, event.at_s, event.key_s)


@njit(cache=True)
def learn_contact(client: Client, segment: Segment, event: Event, session_days: float, replied: bool) -> None:
    """The client acted: its rhythms, and how fast it replied; what was learned joins the event's values."""
    hear_on(client, event.channel, event.at_s)
    gap_days = rhythm.learn_contact(client.contact, segment.contact, event.at_s, session_days)
    if gap_days > 0:
        event.values[CONTACT_RATE] = gap_days
    if event.traits & ORDER:
        gap_days = rhythm.learn_contact(client.orders, segment.orders, event.at_s, session_days)
        if gap_days > 0:
            event.values[ORDER_RATE] = gap_days
    if replied:
        event.values[REPLY_LATENCY] = debt.learn_reply(client, segment, event.at_s)
    if event.traits & MESSAGE:
        debt.owe(client, event.at_s)


@njit(cache=True)
def learn_ours(client: Client, segment: Segment, latency: Trend, event: Event) -> None:
    """We acted: our answer to what the client wrote, and perhaps a question of ours."""
    debt.we_answered(client, segment, event.at_s)
    overtaken = client.contact.last_s > event.at_s  # read after what the client did later
    if event.traits & QUESTION and not overtaken:
        debt.ask(client, segment, event.at_s, event.thread, trend.interval_days(latency))


@njit(cache=True, inline="always")  # called, it would cost its references
def learn_values(arrays: Arrays, rules: Rules, applied: int, event: Event, silent: bool) -> None:
    """Take the event's values in and judge the trends of their signals."""
    client = arrays.clients[event.row]
    for signal in range(SIGNALS):
        if not math.isnan(event.values[signal]):
            if arrays.trend_of[event.row, signal] == 0:
                arrays.trend_of[event.row, signal] = arrays.trends_used[0]
                arrays.trends_used[0] += 1
            declining = arrays.trends[arrays.trend_of[event.row, signal]]
            declining.signal = signal
            trend.learn_value(declining, event.at_s, event.values[signal])
            if incident.may_turn(client, declining, silent) and trend.turns(
                declining, incident.decline_budget(arrays.trend_of, event.row, rules.decline_budget)
            ):
                incident.turn(arrays, rules, applied, event.row, signal + FIRST_TREND, event.at_s, event.key_s)


@njit(cache=True, inline="always")  # as above
def apply_one(arrays: Arrays, rules: Rules, i: int, event: Event) -> int:
    """Apply one interaction; -> the slot for its id, or NOT_KEPT."""
    client = arrays.clients[event.row]
    if arrays.due_s[event.row] < event.key_s:
        incident.carry_out_due(arrays, rules, i, event.row, event.key_s, 0.0)
    if is_duplicate(client, event.event):
        arrays.counts[COUNT_DUPLICATES] += 1
        return NOT_KEPT
    contact = (event.traits & CONTACT) != 0
    late = contact and is_late(client, event)
    silent = client.contact.incident.state != QUIET
    replied = debt.is_reply(client, event.thread)  # before what is overdue ends: what ends it is the reply
    if contact and not late and incident.is_any_open(client):
        end_silences(arrays, rules, i, event, replied)
    if event.segment:
        client.segment = event.segment - 1
    if event.account:
        client.account = event.account
    if late:
        arrays.counts[COUNT_LATE + event.source] += 1
        return NOT_KEPT
    slot = NOT_KEPT
    if contact:
        slot = client.contacts % RECENT
        client.contacts += 1
        learn_contact(client, arrays.segments[client.segment], event, rules.session_days, replied)
    elif event.traits & OURS:
        latency = arrays.trends[arrays.trend_of[event.row, REPLY_LATENCY]]
        learn_ours(client, arrays.segments[client.segment], latency, event)
    learn_values(arrays, rules, i + 1, event, silent)
    due_s = incident.due(client, rules.session_days)[1]
    arrays.due_s[event.row] = min(due_s, float(NEVER_S))
    if due_s < event.key_s:
        incident.carry_out_due(arrays, rules, i + 1, event.row, event.key_s, event.key_s)
    return slot


@njit(cache=True)
def apply(arrays: Arrays, rules: Rules, batch: Batch, start: int, slots: np.ndarray) -> int:
    """Apply interactions from `start` on; -> the index behind the last one applied. `slots` takes where ids go."""
    for i in range(start, len(batch)):
        if arrays.effects_used[0] > EFFECTS_AT_ONCE - EFFECTS_PER_EVENT:
            return i
        slots[i] = apply_one(arrays, rules, i, batch[i])
    return len(batch)


@njit(cache=True)
def sweep(arrays: Arrays, rules: Rules, start: int, stop: int, until_s: float, event: int) -> int:
    """Carry out what is due before an instant at the clients from `start` on; -> the row behind the last one seen."""
    until = min(until_s, float(NEVER_S))
    for row in range(start, stop):
        if arrays.due_s[row] < until:
            if arrays.effects_used[0] > EFFECTS_AT_ONCE - EFFECTS_PER_EVENT:
                return row
            incident.carry_out_due(arrays, rules, event, row, until, 0.0)
    return stop
