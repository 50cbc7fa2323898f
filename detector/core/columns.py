"""What the kernels need of an interaction, as a row of layout.INTERACTION: its traits and the values of its signals.

The times between contacts and orders, and until replies, are values too; the kernels add them.
"""

import math
from typing import Final

from xxhash import xxh3_64_intdigest

from detector.core.clock import DAY_S
from detector.core.layout import CONTACT, ELSEWHERE, MESSAGE, ORDER, OURS, QUESTION, SIGNALS
from schemas.interaction import Interaction

Columns = tuple[float | int | tuple[float, ...], ...]

_WRITTEN: Final = frozenset({"email", "message", "ticket"})
_UNDELIVERED: Final = frozenset({"bounced", "failed"})
_TAKEN_BACK: Final = frozenset({"cancelled", "returned", "refunded"})
_KEPT: Final = {"held": 1.0, "postponed": 0.0, "declined": 0.0, "no_show": 0.0}
_THREADS: Final = 0xFFFF_FFFF
NAN: Final = math.nan


def hashed(text: str) -> int:
    """A number for an id, the same in every process; never 0, which stands for none.

    >>> hashed("e1") == hashed("e1"), hashed("e1") == hashed("e2")
    (True, False)
    """
    return xxh3_64_intdigest(text.encode()) or 1


def conversation(thread_id: str | None) -> int:
    """A number for a conversation, as rows keep it; 0 = not known.

    >>> conversation(None), conversation("t1") == conversation("t1"), conversation("t1") == conversation("t2")
    (0, True, False)
    """
    return 0 if thread_id is None else (hashed(thread_id) & _THREADS) or 1


def columns_of(interaction: Interaction, offset: int, row: int, account: int, segment: int, channel: int) -> Columns:
    """The row of an interaction; names are given as their numbers. The merge adds its key and its source."""
    kind, outcome = interaction["kind"], interaction.get("outcome")
    traits, amount, length, delay_days, kept, substance, sentiment = 0, NAN, NAN, NAN, NAN, NAN, NAN
    if not interaction.get("automated"):
        direction, written = interaction["direction"], kind in _WRITTEN
        matters = interaction.get("substantive")
        if direction == "inbound":
            traits = CONTACT
            if written:
                length = interaction.get("length", NAN)
                traits |= 0 if matters is False else MESSAGE
            elif kind == "order" and outcome not in _TAKEN_BACK:
                traits |= ORDER
                amount = _positive(interaction.get("amount"))
            substance = NAN if matters is None else float(matters)
            sentiment = interaction.get("sentiment", NAN)
        elif direction == "outbound":
            traits = OURS
            asks = (written and outcome not in _UNDELIVERED) or (kind == "call" and outcome == "voicemail")
            traits |= QUESTION if asks and matters is not False else 0
    if kind == "meeting":
        kept = _KEPT.get(outcome or "", NAN)
    elif kind == "payment" and "due_at" in interaction and outcome not in _TAKEN_BACK:
        delay_days = (interaction["at"] - interaction["due_at"]) / DAY_S
    return (
        0.0,
        interaction["at"],
        offset,
        hashed(interaction["event_id"]),
        row,
        account,
        conversation(interaction.get("thread_id")),
        segment,
        0,
        channel,
        traits,
        (NAN, NAN, amount, NAN, length, kept, delay_days, substance, sentiment),
    )


def columns_elsewhere(interaction: Interaction, offset: int) -> Columns:
    """The row of an interaction of another shard's client, which waits for its turn to go on: it only has a time."""
    return (0.0, interaction["at"], offset, 0, ELSEWHERE, 0, 0, 0, 0, 0, 0, (NAN,) * SIGNALS)


def _positive(amount: float | None) -> float:
    """What was ordered for; a sum that goes back, or none, says nothing of it."""
    return amount if amount is not None and amount > 0 else NAN
