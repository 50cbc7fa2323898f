"""Kernels over many clients: a batch applied in order, and what is due when nothing happens.

Both stop when there is no room for further effects; the caller takes the effects and calls again.

Arrays stay in `apply` and `sweep`; whatever they call is given single records, which are free. To call a function with
`Arrays` costs as much as a trend (about 100 ns), because Numba counts a reference to each of them.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from detector.core.clock import NEVER_S, TimeOff
from detector.core.incidents import transitions
from detector.core.incidents.effect import CONTACT_SIGNAL, ORDERS_SIGNAL, REPLY_SIGNAL
from detector.core.incidents.outbox import (
    COUNT_DUPLICATES,
    COUNT_LATE,
    EFFECTS_AT_ONCE,
    EFFECTS_PER_EVENT,
    Arrays,
    Rules,
)
from detector.core.incidents.transitions import QUIET, Origin
from detector.core.layout import CHANNELS_HEARD, CONTACT, MESSAGE, ORDER, OURS, QUESTION, RECENT, SEEN, SIGNALS, Batch
from detector.core.model import replies, rhythm, trend
from detector.core.primitives.prefetch import prefetch
from detector.core.signals import SIGNAL_NUMBER

NOT_KEPT, REFUSED = -1, -2  # instead of a slot
CONTACT_RATE, ORDER_RATE, ORDER_VALUE, REPLY_LATENCY = (
    SIGNAL_NUMBER[name] for name in ("contact_rate", "order_rate", "order_value", "reply_latency")
)
CLIENTS_AHEAD, TRENDS_AHEAD = 8, 4  # interactions before it is needed; where a trend is, is read near the client
SILENCES = np.array([CONTACT_SIGNAL, ORDERS_SIGNAL, REPLY_SIGNAL])

Client = Any  # one record of layout.CLIENT, seen from Numba
Event = Any  # one record of layout.INTERACTION
Segment = Any  # one record of layout.SEGMENT
Trend = Any  # one record of layout.TREND
TrendNumbers = Any  # one record of outbox.TREND_NUMBERS
Outbox = Any  # one record of outbox.OUTBOX


class Segments(NamedTuple):
    """The segments that a client was in before an interaction, and is in after it."""

    before: Segment
    after: Segment


@njit(cache=True, error_model="numpy")
def is_duplicate(client: Client, event: int) -> bool:
    """Check whether this id is among the last ones of the client, and remember it."""
    for k in range(SEEN):
        if client.seen[k] == event:
            return True
    client.seen[client.seen_next] = event
    client.seen_next = (client.seen_next + 1) % SEEN
    return False


@njit(cache=True, error_model="numpy")
def hear_on(client: Client, channel: int, at_s: float) -> None:
    """Move a channel to the front; the one heard least recently gives way."""
    k = 0
    while k < CHANNELS_HEARD - 1 and client.channels[k] != channel:
        k += 1
    for j in range(k, 0, -1):
        client.channels[j], client.channels_s[j] = client.channels[j - 1], client.channels_s[j - 1]
    client.channels[0], client.channels_s[0] = channel, int(at_s)


@njit(cache=True, error_model="numpy")
def is_late(client: Client, event: Event) -> bool:
    """Check whether a contact is older than the last one, or repeats its second while its silence is open."""
    repeated = client.contact.incident.state != QUIET and client.contact.last_s == int(event.at_s)
    result: bool = client.contact.last_s > event.at_s or repeated
    return result


@njit(cache=True, error_model="numpy")
def end_silences(
    out: Outbox, client: Client, segment: Segment, origin: Origin, event: Event, replied: bool, off: TimeOff
) -> None:
    """The client acted: what was silent is so no longer."""
    for signal in SILENCES:
        ends = signal == CONTACT_SIGNAL
        if signal == ORDERS_SIGNAL:
            ends = (event.traits & ORDER) != 0
        elif signal == REPLY_SIGNAL:
            ends = replied
        if ends and transitions.silence_of(client, signal).incident.state != QUIET:
            transitions.resolve(out, client, segment, origin, signal, event.at_s, event.key_s, off)


@njit(cache=True, error_model="numpy")
def learn_inbound(
    client: Client, segment: Segment, event: Event, session_days: float, replied: bool, off: TimeOff
) -> None:
    """The client acted: its rhythms, and how fast it replied; what was learned joins the event's values."""
    hear_on(client, event.channel, event.at_s)
    gap_days = rhythm.learn_contact(client.contact, segment.contact, event.at_s, session_days, off)
    if gap_days > 0:
        event.values[CONTACT_RATE] = gap_days
    if event.traits & ORDER:
        gap_days = rhythm.learn_contact(client.orders, segment.orders, event.at_s, session_days, off)
        if gap_days > 0:
            event.values[ORDER_RATE] = gap_days
    if replied:
        event.values[REPLY_LATENCY] = replies.learn_reply(client, segment, event.at_s, off)
    if event.traits & MESSAGE:
        replies.await_our_reply(client, event.at_s)


@njit(cache=True, error_model="numpy")
def learn_outbound(client: Client, segment: Segment, latency: Trend, event: Event, off: TimeOff) -> None:
    """We acted: our answer to what the client wrote, and perhaps a question of ours."""
    replies.learn_our_reply(client, segment, event.at_s, off)
    overtaken = client.contact.last_s > event.at_s  # read after what the client did later
    if event.traits & QUESTION and not overtaken:
        replies.await_reply(client, segment, event.at_s, event.thread, trend.interval_days(latency), off)


@njit(cache=True, error_model="numpy", inline="always")  # as its only caller would write it
def learn(
    client: Client, segment: Segment, latency: Trend, event: Event, session_days: float, replied: bool, off: TimeOff
) -> int:
    """Take in what an interaction says but for its values; -> the slot for its id, or NOT_KEPT."""
    slot = NOT_KEPT
    if event.traits & OURS:  # first: where both were there, we answered, and nothing is asked
        learn_outbound(client, segment, latency, event, off)
    if event.traits & CONTACT:
        slot = client.contacts % RECENT
        client.contacts += 1
        learn_inbound(client, segment, event, session_days, replied, off)
    return slot


@njit(cache=True, error_model="numpy", inline="always")  # as above
def apply_one(
    out: Outbox,
    rules: Rules,
    client: Client,
    segments: Segments,
    latency: Trend,
    origin: Origin,
    event: Event,
    off: TimeOff,
) -> int:
    """Take in an interaction but for its values; -> the slot for its id, or NOT_KEPT, or REFUSED.

    What it ends is told of the segment that the client was in; what is learned is learned of the one that it is in now.
    """
    if is_duplicate(client, event.event):
        out.counts[COUNT_DUPLICATES] += 1
        return REFUSED
    contact = (event.traits & CONTACT) != 0
    late = contact and is_late(client, event)
    replied = replies.is_reply(client, event.thread)  # before what is overdue ends: what ends it is the reply
    if contact and not late and transitions.is_any_open(client):
        end_silences(out, client, segments.before, origin, event, replied, off)
    if event.segment:
        client.segment = event.segment - 1
    if event.account:
        client.account = event.account
    if late:
        out.counts[COUNT_LATE + event.source] += 1
        return REFUSED
    return learn(client, segments.after, latency, event, rules.session_days, replied, off)


@njit(cache=True, error_model="numpy")
def heed_currency(
    out: Outbox,
    rules: Rules,
    client: Client,
    segment: Segment,
    numbers: TrendNumbers,
    declining: Trend,
    origin: Origin,
    event: Event,
    off: TimeOff,
) -> None:
    """Begin the trend of amounts anew if their currency changes; a decline that is open ends with it."""
    if trend.is_of_another_currency(declining, event.currency):
        if declining.state != QUIET:
            budget = transitions.decline_budget(numbers, rules.decline_budget)
            reason = transitions.CURRENCY_CHANGED
            transitions.end_decline(out, client, segment, declining, budget, origin, event, reason, off)
        trend.begin_anew(declining)
    if event.currency:
        declining.currency = event.currency


@njit(cache=True, error_model="numpy")
def apply(arrays: Arrays, rules: Rules, batch: Batch, start: int, slots: np.ndarray) -> int:  # noqa: C901, PLR0912 - see above
    """Apply interactions from `start` on; -> the index behind the last one applied. `slots` takes where ids go."""
    clients, due_s, trend_of, trends, trends_used, segments, calendars, outbox = arrays
    out, off = outbox[0], TimeOff(calendars[0])
    for i in range(start, len(batch)):
        if out.used > EFFECTS_AT_ONCE - EFFECTS_PER_EVENT:
            return i
        if i + CLIENTS_AHEAD < len(batch):
            prefetch(clients, batch[i + CLIENTS_AHEAD].row)
            prefetch(due_s, batch[i + CLIENTS_AHEAD].row)
            prefetch(trend_of, batch[i + CLIENTS_AHEAD].row)
            for number in trend_of[batch[i + TRENDS_AHEAD].row].of:
                if number > 0:
                    prefetch(trends, number)
        event = batch[i]
        row = event.row
        client, numbers = clients[row], trend_of[row]
        segment = segments[client.segment]
        if due_s[row] < event.key_s:
            due_s[row] = transitions.carry_out_due(out, rules, client, segment, Origin(row, i), event.key_s, 0.0, off)
        silent = client.contact.incident.state != QUIET
        moved = Segments(segment, segments[event.segment - 1] if event.segment else segment)
        latency = trends[numbers.of[REPLY_LATENCY]]
        slots[i] = apply_one(out, rules, client, moved, latency, Origin(row, i), event, off)
        if slots[i] == REFUSED:
            continue
        origin = Origin(row, i + 1)
        for signal in range(SIGNALS):
            if not math.isnan(event.values[signal]):
                if numbers.of[signal] == 0:
                    numbers.of[signal] = trends_used[0]
                    trends_used[0] += 1
                    trends[numbers.of[signal]].signal = signal
                declining = trends[numbers.of[signal]]
                if signal == ORDER_VALUE:
                    heed_currency(out, rules, client, moved.after, numbers, declining, origin, event, off)
                trend.learn_value(declining, event.at_s, event.values[signal], off)
                if transitions.may_turn(client, declining, silent):
                    budget = transitions.decline_budget(numbers, rules.decline_budget)
                    transitions.turn(out, client, moved.after, declining, budget, origin, event, off)
        next_s = min(transitions.due(client, rules.session_days, off)[1], float(NEVER_S))
        if next_s < event.key_s:
            next_s = transitions.carry_out_due(out, rules, client, moved.after, origin, event.key_s, event.key_s, off)
        due_s[row] = next_s
    return len(batch)


@njit(cache=True, error_model="numpy")
def sweep(arrays: Arrays, rules: Rules, rows: np.ndarray, start: int, until_s: float, event: int) -> int:
    """Carry out what is due before an instant at these clients, from `start` on; -> behind the last one seen."""
    until, out, off = min(until_s, float(NEVER_S)), arrays.outbox[0], TimeOff(arrays.calendars[0])
    for k in range(start, len(rows)):
        row = rows[k]
        if out.used > EFFECTS_AT_ONCE - EFFECTS_PER_EVENT:
            return k
        client = arrays.clients[row]
        segment = arrays.segments[client.segment]
        arrays.due_s[row] = transitions.carry_out_due(out, rules, client, segment, Origin(row, event), until, 0.0, off)
    return len(rows)
