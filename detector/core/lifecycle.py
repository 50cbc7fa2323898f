"""The life of an incident, as one table: all transitions are here, and what is not here is illegal.

Acknowledging and snoozing have their place in the table and nobody who asks for them yet.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, get_args

import numpy as np
from numba import njit

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


# Kernels know the words by their place in the closed sets.
TRANSITION_WORDS: Final[tuple[Transition, ...]] = get_args(Transition)
REASON_WORDS: Final[tuple[Reason, ...]] = get_args(Reason)
SIGNAL_WORDS: Final[tuple[Signal, ...]] = get_args(Signal)
SEVERITY_WORDS: Final[tuple[Severity, ...]] = get_args(Severity)
TYPE_OF: Final[Mapping[Signal, Type]] = {
    signal: "silence_exceeded" if signal in ("contact", "orders", "reply_overdue") else "declining_trend"
    for signal in SIGNAL_WORDS
}


def _after_numbers() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The table as kernels see it: by state and transition; _ILLEGAL where it has nothing."""
    numbers = np.full((len(State), len(TRANSITION_WORDS)), _ILLEGAL, np.uint8)
    for (state, transition), following in TRANSITIONS.items():
        numbers[state, TRANSITION_WORDS.index(transition)] = following
    return numbers


_ILLEGAL = len(State)
_AFTER = _after_numbers()

Stateful = Any  # one record of layout.INCIDENT or layout.TREND, seen from Numba


@njit(cache=True, error_model="numpy")
def move(incident: Stateful, transition: int) -> None:
    """Let an incident make a transition; one that is not in the table raises and changes nothing."""
    state = _AFTER[incident.state, transition]
    if state == _ILLEGAL:
        raise IllegalTransitionError("an incident cannot make this transition from its state")
    incident.state = state
