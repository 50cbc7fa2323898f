"""What the detector looks at in an interaction, as numbers: the fields of the contract in one array.

A field of words (kind, direction, outcome) is the place of its word, a truth 0 or 1, a time epoch seconds; NaN = not
given. Names are not among them: they have numbers of their own, by `directory`.
"""

from collections.abc import Sequence
from typing import Any, Final, get_args

import numpy as np

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
_NUMBERS: Final = ("at", "due_at", "automated", "substantive", "length", "duration_s", "amount", "sentiment")

ParsedFields = np.ndarray[Any, np.dtype[np.float64]]


def parsed_fields(interaction: Interaction) -> ParsedFields:
    """The facts of an interaction.

    >>> fields = parsed_fields({"event_id": "e", "client_id": "c", "kind": "call", "at": 7.0, "direction": "none"})
    >>> fields[NUMBER_OF["kind"]], fields[NUMBER_OF["at"]], fields[NUMBER_OF["amount"]]
    (np.float64(1.0), np.float64(7.0), np.float64(nan))
    """
    given: Any = interaction
    fields = np.full(len(FIELDS), np.nan)
    for name in _NUMBERS:
        if name in given:
            fields[NUMBER_OF[name]] = given[name]
    for name, words in _WORDS.items():
        if name in given:
            fields[NUMBER_OF[name]] = words.index(given[name])
    return fields


def places(words: Sequence[str], names: frozenset[str]) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Which of the words are among the names, by place."""
    return np.array([word in names for word in words])
