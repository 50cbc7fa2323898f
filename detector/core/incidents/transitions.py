"""Transitions of a client's incidents: which is due, and carrying one out as an effect.

A silence of orders is told only of a client that is still heard otherwise: while all contact is silent, or nothing was
heard since the last order, it waits.
"""

from typing import Any, NamedTuple

from numba import njit

from detector.core.clock import NEVER_S, TimeOff, elapsed_days
from detector.core.incidents import effect
from detector.core.incidents.effect import CONTACT_SIGNAL, FIRST_TREND, ORDERS_SIGNAL, REPLY_SIGNAL, RESOLVED
from detector.core.incidents.outbox import COUNT_HELD, Arrays, Rules
from detector.core.lifecycle import (
    REASON_WORDS,
    SEVERITY_WORDS,
    SIGNAL_WORDS,
    STEP_WORDS,
    TRANSITION_WORDS,
    State,
    move,
)
from detector.core.model import trend

ORDER_RATE_SIGNAL = SIGNAL_WORDS.index("order_rate")
QUIET, HELD, ESCALATED_STATE = int(State.QUIET), int(State.HELD), int(State.ESCALATED)  # as a kernel sees them
OPENED, ESCALATED = TRANSITION_WORDS.index("opened"), TRANSITION_WORDS.index("escalated")
HELD_STEP = STEP_WORDS.index("held")
DEADLINE_PASSED, TREND_CROSSED = REASON_WORDS.index("deadline_passed"), REASON_WORDS.index("trend_crossed")
SILENCE_LASTS, RECOVERED = REASON_WORDS.index("silence_lasts"), REASON_WORDS.index("recovered")
CURRENCY_CHANGED = REASON_WORDS.index("currency_changed")
RETURNED, LATE_EVENT = REASON_WORDS.index("returned"), REASON_WORDS.index("late_event")
INFO, WARNING = SEVERITY_WORDS.index("info"), SEVERITY_WORDS.index("warning")

Client = Any  # one record of layout.CLIENT, seen from Numba
Segment = Any  # one record of layout.SEGMENT
Silence = Any  # one record of layout.SILENCE, or of layout.POPULATION
Event = Any  # one record of layout.INTERACTION
TrendNumbers = Any  # one record of outbox.TREND_NUMBERS
Outbox = Any  # one record of outbox.OUTBOX
Effect = Any  # one record of effect.EFFECT
Trend = Any  # one record of layout.TREND


class Origin(NamedTuple):
    """Of whom an effect tells, and how many interactions of its batch were applied before it."""

    row: int
    applied: int


class Times(NamedTuple):
    """When an incident was opened, when this transition of it happened, and when it is told."""

    opened_s: float
    at_s: float
    emitted_s: float


@njit(cache=True, error_model="numpy")
def due(client: Client, session_days: float, off: TimeOff) -> tuple[int, float]:
    """The signal whose transition is due first, and when."""
    signal, due_s = CONTACT_SIGNAL, float(client.contact.incident.next_s)
    orders = client.orders
    if orders.incident.next_s < NEVER_S and client.contact.incident.state == QUIET:
        heard_since = elapsed_days(orders.last_s, client.contact.last_s, off) > session_days
        orders_s = max(float(orders.incident.next_s), float(client.contact.last_s))
        if heard_since and orders_s < due_s:
            signal, due_s = ORDERS_SIGNAL, orders_s
    if client.reply.incident.next_s < due_s:
        signal, due_s = REPLY_SIGNAL, float(client.reply.incident.next_s)
    return signal, due_s


@njit(cache=True, error_model="numpy")
def find_due(arrays: Arrays, rows: int, session_days: float) -> None:
    """Note for each client when its next transition is due."""
    off = TimeOff(arrays.calendars[0])
    for row in range(rows):
        arrays.due_s[row] = min(due(arrays.clients[row], session_days, off)[1], float(NEVER_S))


@njit(cache=True, error_model="numpy")
def decline_budget(numbers: TrendNumbers, budget: float) -> float:
    """Each signal's part of the budget that all declines of a client share."""
    signals = 0
    for number in numbers.of:
        signals += number > 0
    return budget / max(signals, 1)


@njit(cache=True, error_model="numpy")
def silence_of(client_or_segment: Client, signal: int) -> Silence:
    """A client's silence, or a segment's population, of all contact, of orders, or of a reply.

    For a decline, that of all contact.
    """
    if signal == ORDERS_SIGNAL:
        return client_or_segment.orders
    if signal == REPLY_SIGNAL:
        return client_or_segment.reply
    return client_or_segment.contact


@njit(cache=True, error_model="numpy")
def severity_of(signal: int, escalated: bool) -> int:
    """Declines are for information; of silences orders alone are one level lower than all contact."""
    if signal not in (CONTACT_SIGNAL, ORDERS_SIGNAL, REPLY_SIGNAL):
        return INFO
    return WARNING + escalated - (signal == ORDERS_SIGNAL)


@njit(cache=True, error_model="numpy")
def emit(
    out: Outbox, client: Client, segment: Segment, origin: Origin, signal: int, times: Times, off: TimeOff
) -> Effect:
    """Write an effect but for its words, and for what only declines have."""
    told = out.effects[out.used]
    out.used += 1
    told.row, told.event, told.signal = origin.row, origin.applied, signal
    told.opened_s, told.at_s, told.emitted_s = times.opened_s, times.at_s, times.emitted_s
    effect.fill_client(told, client, segment, off)
    effect.fill_silence(told, silence_of(client, signal), silence_of(segment, signal), off)
    effect.fill_facts(told, client.contact, segment.contact, off)
    return told


@njit(cache=True, error_model="numpy")
def carry_out(
    out: Outbox,
    rules: Rules,
    client: Client,
    segment: Segment,
    origin: Origin,
    signal: int,
    due_s: float,
    emitted_s: float,
    off: TimeOff,
) -> None:
    """Open a silence, or escalate it; while its population still learns nobody is told."""
    silence, population = silence_of(client, signal), silence_of(segment, signal)
    incident = silence.incident
    escalates = incident.state != QUIET
    if not escalates:
        incident.opened_s = int(due_s)
        if population.fitted_gaps < rules.learning_gaps_min:
            move(incident, HELD_STEP)
            incident.next_s = NEVER_S
            out.counts[COUNT_HELD] += 1
            return
    told = emit(out, client, segment, origin, signal, Times(float(incident.opened_s), due_s, emitted_s), off)
    effect.fill_expected(told, off)
    told.transition = ESCALATED if escalates else OPENED
    told.reason = SILENCE_LASTS if escalates else DEADLINE_PASSED
    told.severity = severity_of(signal, escalates)
    move(incident, told.transition)
    incident.next_s = NEVER_S
    if not escalates and signal != REPLY_SIGNAL:
        incident.next_s = effect.escalates_s(silence, due_s, rules.escalate_at, off)


@njit(cache=True, error_model="numpy")
def carry_out_due(
    out: Outbox,
    rules: Rules,
    client: Client,
    segment: Segment,
    origin: Origin,
    until_s: float,
    emitted_s: float,
    off: TimeOff,
) -> float:
    """Carry out, in the order of time, what is due at a client before an instant; -> when the next is due.

    It is told not before `emitted_s`.
    """
    signal, due_s = due(client, rules.session_days, off)
    while due_s < until_s:
        carry_out(out, rules, client, segment, origin, signal, due_s, max(due_s, emitted_s), off)
        signal, due_s = due(client, rules.session_days, off)
    return min(due_s, float(NEVER_S))


@njit(cache=True, error_model="numpy")
def is_any_open(client: Client) -> bool:
    """Check whether the client is silent in any way, as far as anybody was told or would have been."""
    open_: bool = (client.contact.incident.state | client.orders.incident.state | client.reply.incident.state) != QUIET
    return open_


@njit(cache=True, error_model="numpy")
def resolve(
    out: Outbox,
    client: Client,
    segment: Segment,
    origin: Origin,
    signal: int,
    at_s: float,
    emitted_s: float,
    off: TimeOff,
) -> None:
    """Resolve a silence or an overdue reply. A held incident emits nothing."""
    incident = silence_of(client, signal).incident
    if incident.state == HELD:
        move(incident, RESOLVED)
        incident.opened_s, incident.next_s = 0, NEVER_S
        return
    told = emit(out, client, segment, origin, signal, Times(float(incident.opened_s), at_s, emitted_s), off)
    effect.fill_expected(told, off)
    told.transition = RESOLVED
    told.reason = LATE_EVENT if at_s < incident.opened_s else RETURNED
    told.severity = severity_of(signal, incident.state == ESCALATED_STATE)
    move(incident, RESOLVED)
    incident.opened_s, incident.next_s = 0, NEVER_S


@njit(cache=True, error_model="numpy")
def may_turn(client: Client, declining: Trend, silent: bool) -> bool:
    """Check whether a new value can open or end a decline; none is opened by what ends a silence.

    Of a client that does nothing but order, the rate of orders is the rate of contacts, and is not told twice. Of a
    client that was never heard nothing is told: there is nothing that it could lose.
    """
    if declining.state != QUIET:
        return True
    told_already = declining.signal == ORDER_RATE_SIGNAL - FIRST_TREND and client.orders.gaps == client.contact.gaps
    untold = silent or told_already or client.contact.last_s == 0
    return not untold and trend.may_cross(declining)


@njit(cache=True, error_model="numpy")
def turn(
    out: Outbox,
    client: Client,
    segment: Segment,
    declining: Trend,
    budget: float,
    origin: Origin,
    event: Event,
    off: TimeOff,
) -> None:
    """Open or end a decline, if its score says so."""
    if not trend.turns(declining, budget):
        return
    if declining.state != QUIET:
        end_decline(out, client, segment, declining, budget, origin, event, RECOVERED, off)
        return
    declining.opened_s = int(event.at_s)
    _emit_decline(out, client, segment, declining, budget, origin, event, TREND_CROSSED, off)


@njit(cache=True, error_model="numpy")
def end_decline(
    out: Outbox,
    client: Client,
    segment: Segment,
    declining: Trend,
    budget: float,
    origin: Origin,
    event: Event,
    reason: int,
    off: TimeOff,
) -> None:
    """Resolve an open decline for this reason."""
    _emit_decline(out, client, segment, declining, budget, origin, event, reason, off)
    declining.opened_s = 0
    trend.forget_decline(declining)


@njit(cache=True, error_model="numpy")
def _emit_decline(
    out: Outbox,
    client: Client,
    segment: Segment,
    declining: Trend,
    budget: float,
    origin: Origin,
    event: Event,
    reason: int,
    off: TimeOff,
) -> None:
    """Emit that a decline opens, or, for any other reason than TREND_CROSSED, that it ends."""
    signal = declining.signal + FIRST_TREND
    told = emit(out, client, segment, origin, signal, Times(float(declining.opened_s), event.at_s, event.key_s), off)
    effect.fill_trend(told, declining, budget)
    told.transition, told.reason = OPENED if reason == TREND_CROSSED else RESOLVED, reason
    told.severity = severity_of(signal, False)  # noqa: FBT003
    move(declining, told.transition)
