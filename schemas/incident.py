"""The words for an incident, all of them closed sets, and which of them go together.

An incident is one silence or decline of one client. How it gets from one transition to the next is decided by the core.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

Type = Literal["silence_exceeded", "declining_trend"]
Signal = Literal[
    "contact", "orders",
    "contact_rate", "order_rate", "order_value", "reply_latency", "reply_length", "meetings_kept", "payment_delay",
    "substance", "sentiment", "reply_overdue",
]  # fmt: skip
Severity = Literal["info", "warning", "critical"]
Transition = Literal["opened", "acknowledged", "snoozed", "escalated", "resolved"]
Reason = Literal[
    "deadline_passed",
    "trend_crossed",
    "acknowledged",
    "snoozed",
    "silence_lasts",
    "returned",
    "recovered",
    "late_event",
    "closed",
    "erased",
    "merged",
    "currency_changed",
]
MEANINGS: Final[Mapping[Reason, str]] = {
    "deadline_passed": "no contact, order or reply until the deadline that the rhythm sets",
    "trend_crossed": "the signal left the range that chance explains",
    "acknowledged": "somebody takes care of it",
    "snoozed": "somebody wants to hear of it later",
    "silence_lasts": "the silence has lasted a multiple of its deadline (`GHOSTING_ESCALATE_AT`)",
    "returned": "the client acted again",
    "recovered": "the signal is back in the range that its history explains: it recovered, or the new level lasts",
    "late_event": "an event that came late shows that there was no silence",
    "closed": "the client was closed",
    "erased": "the client was erased",
    "merged": "the client was merged into another",
    "currency_changed": "the orders come in another currency: their value is judged anew",
}
REASONS: Final[Mapping[Transition, frozenset[Reason]]] = {
    "opened": frozenset({"deadline_passed", "trend_crossed"}),
    "acknowledged": frozenset({"acknowledged"}),
    "snoozed": frozenset({"snoozed"}),
    "escalated": frozenset({"silence_lasts"}),
    "resolved": frozenset({"returned", "recovered", "late_event", "closed", "erased", "merged", "currency_changed"}),
}
_SILENCES: Final[frozenset[Signal]] = frozenset({"contact", "orders", "reply_overdue"})
SIGNALS: Final[Mapping[Type, frozenset[Signal]]] = {
    "silence_exceeded": _SILENCES,
    "declining_trend": frozenset(get_args(Signal)) - _SILENCES,
}
