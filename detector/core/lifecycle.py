"""The life of an incident, as one table: each step that an incident can take is here, and no other is legal.

A step is a transition that is published, or `held`: an incident opens while its segment still learns. What ends a held
incident is the step `resolved`, and it is not published, because its opening was not.

Acknowledging and snoozing stand in the table, and nothing asks for them yet.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

import numpy as np
from numba import njit

from schemas.incident import SIGNALS, Reason, Severity, Signal, Transition, Type


class State(IntEnum):
    """Where a client stands with one signal.

    HELD is an incident that opened while its segment still learned: it is counted, and not published.
    """

    QUIET = 0
    OPEN = 1
    ACKNOWLEDGED = 2
    SNOOZED = 3
    ESCALATED = 4
    HELD = 5


class IllegalTransitionError(Exception):
    """A bug: this step is not in the table."""


Step = Transition | Literal["held"]

STEPS: Final[Mapping[tuple[State, Step], State]] = MappingProxyType(
    {
        (State.QUIET, "opened"): State.OPEN,
        (State.QUIET, "held"): State.HELD,
        (State.HELD, "resolved"): State.QUIET,
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
STEP_WORDS: Final[tuple[Step, ...]] = (*TRANSITION_WORDS, "held")
REASON_WORDS: Final[tuple[Reason, ...]] = get_args(Reason)
SIGNAL_WORDS: Final[tuple[Signal, ...]] = get_args(Signal)
SEVERITY_WORDS: Final[tuple[Severity, ...]] = get_args(Severity)
TYPE_OF: Final[Mapping[Signal, Type]] = {
    signal: incident_type for incident_type, signals in SIGNALS.items() for signal in signals
}


def _after_numbers() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the table as kernels see it: by state and step; _ILLEGAL where it has nothing."""
    numbers = np.full((len(State), len(STEP_WORDS)), _ILLEGAL, np.uint8)
    for (state, step), following in STEPS.items():
        numbers[state, STEP_WORDS.index(step)] = following
    return numbers


_ILLEGAL = len(State)
_AFTER = _after_numbers()

Stateful = Any  # one record of layout.INCIDENT or layout.TREND, seen from Numba


@njit(cache=True, error_model="numpy")
def move(incident: Stateful, step: int) -> None:
    """Set the state that follows a step, by its number in STEP_WORDS; an illegal one raises and changes nothing."""
    state = _AFTER[incident.state, step]
    if state == _ILLEGAL:
        raise IllegalTransitionError("an incident cannot take this step from its state")
    incident.state = state
