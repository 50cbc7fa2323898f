"""Spoken contacts and trade: calls, meetings, orders and their payments.

A client that declines talks shorter, does not keep its meetings, orders less and pays later.
"""

from detector.simulate.hours import DAY_S, OFFICE
from detector.simulate.scenario import Scenario

CALL_S = 240.0
ANSWERED_SHARE = 0.8
"""Calls of the client that we take; the others reach the voicemail or nobody."""
MEETING_DURATIONS_S = 1800, 2700, 3600
MEETINGS_BROKEN = 0.08
"""Meetings that a steady client does not keep ..."""
MEETINGS_BROKEN_DECLINE = 0.7
"""... and what a complete decline adds."""
BROKEN_MEETINGS = "postponed", "postponed", "declined", "no_show"
"""How a meeting is not kept, with equal chances."""
PAYMENT_SPREAD_DAYS = 2.5
PAYMENT_DELAY_DECLINE_DAYS = 25.0
"""What a complete decline adds to the delay of a payment."""


def call(scenario: Scenario, at_s: int) -> None:
    """Play a call by the client."""
    if scenario.chance(ANSWERED_SHARE):
        duration_s = 10 + int(scenario.around(CALL_S, 0.8) * (1 - 0.6 * scenario.decline("length", at_s)))
        scenario.event_log.record(at_s, "call", "inbound", outcome="answered", duration_s=duration_s)
    else:
        outcome = "voicemail" if scenario.chance(0.6) else "missed"
        scenario.event_log.record(at_s, "call", "inbound", outcome=outcome)


def meeting(scenario: Scenario, at_s: int) -> None:
    """Play a meeting: held, put off by the client, or missed without a word, which is an act of nobody."""
    if scenario.chance(MEETINGS_BROKEN + MEETINGS_BROKEN_DECLINE * scenario.decline("meetings_kept", at_s)):
        outcome = BROKEN_MEETINGS[int(scenario.rng.integers(len(BROKEN_MEETINGS)))]
        scenario.event_log.record(at_s, "meeting", "none" if outcome == "no_show" else "inbound", outcome=outcome)
    else:
        duration_s = MEETING_DURATIONS_S[int(scenario.rng.integers(len(MEETING_DURATIONS_S)))]
        scenario.event_log.record(at_s, "meeting", "inbound", outcome="held", duration_s=duration_s, substantive=True)


def order(scenario: Scenario, at_s: int) -> None:
    """Play an order, with the confirmation that a machine sends, and the payment when the client makes it."""
    client = scenario.client
    amount = round(scenario.around(client.order_amount, 0.35) * (1 - 0.6 * scenario.decline("order_value", at_s)), 2)
    scenario.event_log.record(at_s, "order", "inbound", amount=amount, currency=client.currency, outcome="placed")
    scenario.event_log.record(at_s + 60, "email", "outbound", automated="auto-generated", length=900)
    _payment(scenario, at_s, amount)


def _payment(scenario: Scenario, ordered_s: int, amount: float) -> None:
    client = scenario.client
    due_s = ordered_s + client.payment_terms_days * DAY_S
    delay_days = scenario.rng.normal(client.payment_delay_days, PAYMENT_SPREAD_DAYS)
    delay_days += PAYMENT_DELAY_DECLINE_DAYS * scenario.decline("payment_delay", due_s)
    # A silent client does not pay: the payment waits for the client's return. A client that has gone never pays.
    day = scenario.course.active_day(max(due_s + int(delay_days * DAY_S), ordered_s) // DAY_S)
    if day is None:
        return
    scenario.event_log.record(
        OFFICE.instant(day, scenario.rng.random()),
        "payment",
        "inbound",
        amount=amount,
        currency=client.currency,
        due_at=scenario.event_log.text(due_s),
        outcome="paid",
    )
