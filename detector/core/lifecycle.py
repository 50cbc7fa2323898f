"""The life of an incident, as one table: all transitions are here, and what is not here is illegal.

Acknowledging and snoozing have their place in the table and nobody who asks for them yet.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final, get_args

from schemas.incident import Reason, Severity, Signal, Transition, Type


class State(IntEnum):
    """Where a client stands with one signal. HELD: an incident while its segment still learns; nobody is told of it."""

    QUIET = 0
    OPEN = 1
    ACKNOWLEDGED = 2
    SNOOZED = 3
    ESCALATED = 4
    HELD = 5


class IllegalTransitionError(Exception):
    """A bug: this transition is not in the table."""


TRANSITIONS: Final[Mapping[tuple[State, Transition], State]] = MappingProxyType(
    {
        (State.QUIET, "opened"): State.OPEN,
        (State.OPEN, "acknowledged"): State.ACKNOWLEDGED,
        (State.OPEN, "snoozed"): State.SNOOZED,
        (State.OPEN, "escalated"): State.ESCALATED,
        (State.OPEN, "resolved"): State.QUIET,
        (State.ACKNOWLEDGED, "escalated"): State.ESCALATED,
        (State.ACKNOWLEDGED, "resolved"): State.QUIET,
        (State.SNOOZED, "escalated"): State.ESCALATED,
        (State.SNOOZED, "resolved"): State.QUIET,
        (State.ESCALATED, "resolved"): State.QUIET,
    }
)


def after(state: State, transition: Transition) -> State:
    """The state after a transition.

    Raises
    ------
    IllegalTransitionError
        If the table does not have it.

    >>> after(State.OPEN, "escalated").name
    'ESCALATED'
    """
    try:
        return TRANSITIONS[state, transition]
    except KeyError:
        raise IllegalTransitionError(f"{state.name} cannot be {transition}") from None


# Kernels know the words by their place in the closed sets.
TRANSITION_WORDS: Final[tuple[Transition, ...]] = get_args(Transition)
REASON_WORDS: Final[tuple[Reason, ...]] = get_args(Reason)
SIGNAL_WORDS: Final[tuple[Signal, ...]] = get_args(Signal)
SEVERITY_WORDS: Final[tuple[Severity, ...]] = get_args(Severity)
TYPE_OF: Final[Mapping[Signal, Type]] = {
    signal: "silence_exceeded" if signal in ("contact", "orders", "reply_overdue") else "declining_trend"
    for signal in SIGNAL_WORDS
}
