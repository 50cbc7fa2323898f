"""The fields of an interaction as numbers, in one array in the order of the contract.

The number of a word (kind, direction, outcome) is its place among the words, of a truth 0 or 1, of a time its epoch
seconds, of a currency its packed letters. NaN = the field is absent, or it is a name: names have numbers of their own
(`detector.core.state.interned`).
"""

from collections.abc import Sequence
from typing import Any, Final, get_args

import numpy as np

from detector.core.primitives.currency import packed_currency
from schemas.interaction import (
    CallOutcome,
    Direction,
    Interaction,
    Kind,
    MailOutcome,
    MeetingOutcome,
    TicketOutcome,
    TradeOutcome,
)

FIELDS: Final = tuple(Interaction.__annotations__)
KINDS: Final[tuple[str, ...]] = get_args(Kind)
DIRECTIONS: Final[tuple[str, ...]] = get_args(Direction)
OUTCOMES: Final = tuple(
    word
    for words in (CallOutcome, MailOutcome, MeetingOutcome, TradeOutcome, TicketOutcome)
    for word in get_args(words)
)
NUMBER_OF: Final = {name: number for number, name in enumerate(FIELDS)}
_WORDS: Final = {"kind": KINDS, "direction": DIRECTIONS, "outcome": OUTCOMES}
_NAMES: Final = (
    "event_id", "client_id", "account_id", "channel", "thread_id", "in_reply_to", "currency", "segment", "attributes",
)  # fmt: skip
_NUMBERS: Final = tuple(name for name in FIELDS if name not in (*_NAMES, *_WORDS))

ParsedFields = np.ndarray[Any, np.dtype[np.float64]]


def parsed_fields(interaction: Interaction) -> ParsedFields:
    """Return the fields of an interaction as numbers.

    >>> fields = parsed_fields({"event_id": "e", "client_id": "c", "kind": "call", "at": 7.0, "direction": "none"})
    >>> fields[NUMBER_OF["kind"]], fields[NUMBER_OF["at"]], fields[NUMBER_OF["amount"]]
    (np.float64(1.0), np.float64(7.0), np.float64(nan))
    """
    values: Any = interaction
    fields = np.full(len(FIELDS), np.nan)
    for name in _NUMBERS:
        if name in values:
            fields[NUMBER_OF[name]] = values[name]
    for name, words in _WORDS.items():
        if name in values:
            fields[NUMBER_OF[name]] = words.index(values[name])
    if "currency" in values:
        fields[NUMBER_OF["currency"]] = packed_currency(*values["currency"].encode())
    return fields


def places(words: Sequence[str], names: frozenset[str]) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Return, for the place of each word, whether the word is among the names."""
    return np.array([word in names for word in words])
