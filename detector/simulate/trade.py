"""What is said and bought: calls, meetings, orders and their payments.

A client that declines talks shorter, does not keep its meetings, orders less and pays later.
"""

from detector.simulate.hours import DAY_S, OFFICE
from detector.simulate.story import Story

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


def call(story: Story, at_s: int) -> None:
    """Tell of a call by the client."""
    if story.chance(ANSWERED_SHARE):
        duration_s = 10 + int(story.around(CALL_S, 0.8) * (1 - 0.6 * story.course.decline(at_s // DAY_S)))
        story.diary.write(at_s, "call", "inbound", outcome="answered", duration_s=duration_s)
    else:
        outcome = "voicemail" if story.chance(0.6) else "missed"
        story.diary.write(at_s, "call", "inbound", outcome=outcome)


def meeting(story: Story, at_s: int) -> None:
    """Tell of a meeting: held, put off by the client, or missed without a word, which is no act of anybody."""
    if story.chance(MEETINGS_BROKEN + MEETINGS_BROKEN_DECLINE * story.course.decline(at_s // DAY_S)):
        outcome = BROKEN_MEETINGS[int(story.rng.integers(len(BROKEN_MEETINGS)))]
        story.diary.write(at_s, "meeting", "none" if outcome == "no_show" else "inbound", outcome=outcome)
    else:
        duration_s = MEETING_DURATIONS_S[int(story.rng.integers(len(MEETING_DURATIONS_S)))]
        story.diary.write(at_s, "meeting", "inbound", outcome="held", duration_s=duration_s, substantive=True)


def order(story: Story, at_s: int) -> None:
    """Tell of an order, the confirmation that a machine sends, and the payment when the client makes it."""
    client = story.client
    amount = round(story.around(client.order_amount, 0.35) * (1 - 0.6 * story.course.decline(at_s // DAY_S)), 2)
    story.diary.write(at_s, "order", "inbound", amount=amount, currency=client.currency, outcome="placed")
    story.diary.write(at_s + 60, "email", "outbound", automated="auto-generated", length=900)
    _payment(story, at_s, amount)


def _payment(story: Story, ordered_s: int, amount: float) -> None:
    client = story.client
    due_s = ordered_s + client.payment_terms_days * DAY_S
    delay_days = story.rng.normal(client.payment_delay_days, PAYMENT_SPREAD_DAYS)
    delay_days += PAYMENT_DELAY_DECLINE_DAYS * story.course.decline(due_s // DAY_S)
    # Who is silent does not pay either: it waits for the return, and for those who have gone it never comes.
    day = story.course.active_day(max(due_s + int(delay_days * DAY_S), ordered_s) // DAY_S)
    if day is None:
        return
    story.diary.write(
        OFFICE.instant(day, story.rng.random()),
        "payment",
        "inbound",
        amount=amount,
        currency=client.currency,
        due_at=story.diary.text(due_s),
        outcome="paid",
    )
