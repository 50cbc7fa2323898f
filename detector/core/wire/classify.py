"""What an interaction counts as, and the values that it has of the signals that can decline.

What is contact stands in one table, `COUNTS_AS`: by kind, direction and outcome, the first row that fits decides. The
kernel reads the table as an array. docs/concepts.md shows the same table, and a test compares them.

Three things lie beside the table. A machine's message counts as nothing. What is not about business is no message and
no question, and an order of less than 0 is a return. What lies ahead of the time at which its record was written has
not happened yet (`_when`).

The times between contacts and orders, and until replies, are values too; `detector.core.engine.apply` adds them.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

from detector.core.clock import DAY_S
from detector.core.layout import CONTACT, MESSAGE, ORDER, OURS, QUESTION
from detector.core.signals import SIGNAL_NUMBER
from detector.core.wire.fields import DIRECTIONS, KINDS, NUMBER_OF, OUTCOMES, ParsedFields, places

CLOCKS_APART_MAX_S: Final = 300.0
"""How far the clock of a producer may be ahead of its record's timestamp before its time is taken for the future."""
PLANNED: Final = ("call", "meeting", "payment")
"""Kinds that people enter before they happen; ahead of its record, one is a promise. The others happen when written."""
_ANY: Final = ("any",)
_WRITTEN_KINDS: Final = ("email", "message", "ticket")


class Row(NamedTuple):
    """One row of the table: interactions of these kinds, directions and outcomes count as this sum of traits."""

    kinds: tuple[str, ...]
    directions: tuple[str, ...]
    outcomes: tuple[str, ...]
    traits: int


COUNTS_AS: Final = (
    # The client did nothing: it did not come, or its bank or a mail server speaks.
    Row(_ANY, ("inbound",), ("no_show", "bounced", "failed"), 0),
    Row(("payment",), ("inbound",), ("declined",), 0),
    # The client acted.
    Row(_WRITTEN_KINDS, ("inbound",), _ANY, CONTACT | MESSAGE),
    Row(("order",), ("inbound",), ("cancelled", "returned", "refunded"), CONTACT),
    Row(("order",), ("inbound",), _ANY, CONTACT | ORDER),
    Row(_ANY, ("inbound",), _ANY, CONTACT),
    # Both were there, whoever arranged it.
    Row(("call",), ("outbound",), ("answered",), CONTACT | OURS),
    Row(("meeting",), ("outbound",), ("held",), CONTACT | OURS),
    Row(("call",), ("none",), ("answered",), CONTACT),
    Row(("meeting",), ("none",), ("held",), CONTACT),
    # We acted.
    Row(_WRITTEN_KINDS, ("outbound",), ("bounced", "failed"), OURS),
    Row(_WRITTEN_KINDS, ("outbound",), _ANY, OURS | QUESTION),
    Row(("call",), ("outbound",), ("voicemail",), OURS | QUESTION),
    Row(_ANY, ("outbound",), _ANY, OURS),
    # Neither acted.
    Row(_ANY, ("none",), _ANY, 0),
)
"""What is contact, and what else an interaction counts as: the first row that fits."""
TRAIT_WORDS: Final = {CONTACT: "contact", ORDER: "order", MESSAGE: "message", OURS: "ours", QUESTION: "question"}


def traits_of(kind: str, direction: str, outcome: str | None) -> int:
    """Return what an interaction counts as by the table alone; no outcome is an outcome that only `any` fits.

    >>> traits_of("meeting", "outbound", "held") == CONTACT | OURS, traits_of("meeting", "inbound", "no_show")
    (True, 0)
    """
    for row in COUNTS_AS:
        columns = ((row.kinds, kind), (row.directions, direction), (row.outcomes, outcome))
        if all(words == _ANY or word in words for words, word in columns):
            return row.traits
    raise AssertionError("the table has no row for this")


_NO_OUTCOME: Final = len(OUTCOMES)  # a place behind the words
_TRAITS = np.array(
    [
        [[traits_of(kind, direction, outcome) for outcome in (*OUTCOMES, None)] for direction in DIRECTIONS]
        for kind in KINDS
    ],
    np.uint8,
)
_IS_PLANNED: Final = places(KINDS, frozenset(PLANNED))
_WRITTEN: Final = places(KINDS, frozenset(_WRITTEN_KINDS))
_KIND, _AT, _DIRECTION, _AUTOMATED, _LENGTH, _OUTCOME, _AMOUNT, _CURRENCY, _DUE, _SUBSTANTIVE, _SENTIMENT = (
    NUMBER_OF[name]
    for name in (
        "kind", "at", "direction", "automated", "length", "outcome", "amount", "currency", "due_at", "substantive",
        "sentiment",
    )
)  # fmt: skip
_INBOUND: Final = DIRECTIONS.index("inbound")
_MEETING, _PAYMENT, _HELD = KINDS.index("meeting"), KINDS.index("payment"), OUTCOMES.index("held")
_BROKEN, _UNPAID = (
    places([*OUTCOMES, ""], frozenset(words))
    for words in ({"postponed", "declined", "no_show"}, {"cancelled", "returned", "refunded", "declined", "failed"})
)
(ORDER_VALUE, REPLY_LENGTH, MEETINGS_KEPT, PAYMENT_DELAY, SUBSTANCE, SENTIMENT) = (
    SIGNAL_NUMBER[signal]
    for signal in ("order_value", "reply_length", "meetings_kept", "payment_delay", "substance", "sentiment")
)

Event = Any  # one record of layout.INTERACTION, seen from Numba


@njit(cache=True)
def classify(event: Event, fields: ParsedFields, written_s: float) -> bool:
    """Write when an interaction happened, what it counts as and which values it has; return whether it is a promise.

    Parameters
    ----------
    event
        Its row of `layout.INTERACTION`.
    fields
        Its fields as numbers.
    written_s
        When its record was written; infinite = nobody knows.
    """
    event.traits = 0
    event.currency = 0 if math.isnan(fields[_CURRENCY]) else int(fields[_CURRENCY])
    for signal in range(len(event.values)):
        event.values[signal] = math.nan
    kind, direction = int(fields[_KIND]), int(fields[_DIRECTION])
    event.at_s = fields[_AT]
    if fields[_AT] > written_s + CLOCKS_APART_MAX_S:
        if _IS_PLANNED[kind]:
            return True
        event.at_s = written_s  # it was written then, so it happened then, whatever its producer's clock says
    outcome = _NO_OUTCOME if math.isnan(fields[_OUTCOME]) else int(fields[_OUTCOME])
    if not fields[_AUTOMATED] > 0:
        event.traits = _traits(fields, int(_TRAITS[kind, direction, outcome]))
        if direction == _INBOUND and event.traits & CONTACT:
            _value_inbound(event, fields, kind)
    if kind == _MEETING and (outcome == _HELD or _BROKEN[outcome]):
        event.values[MEETINGS_KEPT] = outcome == _HELD
    elif kind == _PAYMENT and not _UNPAID[outcome]:
        event.values[PAYMENT_DELAY] = (event.at_s - fields[_DUE]) / DAY_S
    return False


@njit(cache=True)
def _traits(fields: ParsedFields, traits: int) -> int:
    """Return the traits of the table without those that other fields take away."""
    if fields[_SUBSTANTIVE] == 0:
        traits &= ~(MESSAGE | QUESTION)
    if fields[_AMOUNT] < 0:
        traits &= ~ORDER
    return traits


@njit(cache=True)
def _value_inbound(event: Event, fields: ParsedFields, kind: int) -> None:
    """Write the values of what the client did."""
    if _WRITTEN[kind]:
        event.values[REPLY_LENGTH] = fields[_LENGTH]
    if event.traits & ORDER and fields[_AMOUNT] > 0:  # of an order for nothing there is no value
        event.values[ORDER_VALUE] = fields[_AMOUNT]
    event.values[SUBSTANCE], event.values[SENTIMENT] = fields[_SUBSTANTIVE], fields[_SENTIMENT]
