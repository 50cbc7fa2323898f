"""What the kernels need of an interaction, as a row of layout.INTERACTION: its traits and the values of its signals.

The times between contacts and orders, and until replies, are values too; the kernels add them.
"""

import math
from typing import Any, Final

from numba import njit

from detector.core.clock import DAY_S
from detector.core.layout import CONTACT, MESSAGE, ORDER, OURS, QUESTION
from detector.core.signals import SIGNAL_NUMBER
from detector.core.wire.fields import DIRECTIONS, KINDS, NUMBER_OF, OUTCOMES, ParsedFields, places

_KIND, _AT, _DIRECTION, _AUTOMATED, _LENGTH, _OUTCOME, _AMOUNT, _DUE, _SUBSTANTIVE, _SENTIMENT = (
    NUMBER_OF[name]
    for name in (
        "kind", "at", "direction", "automated", "length", "outcome", "amount", "due_at", "substantive", "sentiment",
    )
)  # fmt: skip
_INBOUND, _OUTBOUND = DIRECTIONS.index("inbound"), DIRECTIONS.index("outbound")
_CALL, _MEETING, _ORDER, _PAYMENT = (KINDS.index(kind) for kind in ("call", "meeting", "order", "payment"))
_VOICEMAIL, _HELD = OUTCOMES.index("voicemail"), OUTCOMES.index("held")
_WRITTEN: Final = places(KINDS, frozenset({"email", "message", "ticket"}))
_NO_OUTCOME: Final = len(OUTCOMES)  # a place behind the words
_UNDELIVERED, _TAKEN_BACK, _BROKEN = (
    places([*OUTCOMES, ""], frozenset(words))
    for words in (
        {"bounced", "failed"},
        {"cancelled", "returned", "refunded"},
        {"postponed", "declined", "no_show"},
    )
)
(ORDER_VALUE, REPLY_LENGTH, MEETINGS_KEPT, PAYMENT_DELAY, SUBSTANCE, SENTIMENT) = (
    SIGNAL_NUMBER[signal]
    for signal in ("order_value", "reply_length", "meetings_kept", "payment_delay", "substance", "sentiment")
)

Event = Any  # one record of layout.INTERACTION, seen from Numba


@njit(cache=True)
def classify(event: Event, fields: ParsedFields) -> None:
    """Write what an interaction counts as, and which values it has; both only from its facts."""
    event.at_s = fields[_AT]
    event.traits = 0
    for signal in range(len(event.values)):
        event.values[signal] = math.nan
    outcome = _NO_OUTCOME if math.isnan(fields[_OUTCOME]) else int(fields[_OUTCOME])
    if not fields[_AUTOMATED] > 0:
        if fields[_DIRECTION] == _INBOUND:
            _classify_inbound(event, fields, outcome)
        elif fields[_DIRECTION] == _OUTBOUND:
            _classify_outbound(event, fields, outcome)
    if fields[_KIND] == _MEETING:
        if outcome == _HELD or _BROKEN[outcome]:
            event.values[MEETINGS_KEPT] = outcome == _HELD
    elif fields[_KIND] == _PAYMENT and not _TAKEN_BACK[outcome]:
        event.values[PAYMENT_DELAY] = (fields[_AT] - fields[_DUE]) / DAY_S


@njit(cache=True)
def _classify_inbound(event: Event, fields: ParsedFields, outcome: int) -> None:
    """The client acted."""
    kind = int(fields[_KIND])
    event.traits = CONTACT
    if _WRITTEN[kind]:
        event.values[REPLY_LENGTH] = fields[_LENGTH]
        if fields[_SUBSTANTIVE] != 0:
            event.traits |= MESSAGE
    elif kind == _ORDER and not _TAKEN_BACK[outcome]:
        event.traits |= ORDER
        if fields[_AMOUNT] > 0:  # a sum that goes back, or none, says nothing of what was ordered for
            event.values[ORDER_VALUE] = fields[_AMOUNT]
    event.values[SUBSTANCE], event.values[SENTIMENT] = fields[_SUBSTANTIVE], fields[_SENTIMENT]


@njit(cache=True)
def _classify_outbound(event: Event, fields: ParsedFields, outcome: int) -> None:
    """We acted."""
    kind = int(fields[_KIND])
    event.traits = OURS
    asks = (_WRITTEN[kind] and not _UNDELIVERED[outcome]) or (kind == _CALL and outcome == _VOICEMAIL)
    if asks and fields[_SUBSTANTIVE] != 0:
        event.traits |= QUESTION
