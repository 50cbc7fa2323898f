"""The small parts: names and numbers, the lifecycle."""

import itertools

import numpy as np
import pytest

from detector.core.layout import INCIDENT
from detector.core.lifecycle import TRANSITION_WORDS, TRANSITIONS, IllegalTransitionError, State, move


@pytest.mark.parametrize(("state", "transition"), list(itertools.product(State, TRANSITION_WORDS)))
def test_the_table_is_the_whole_lifecycle(state, transition):
    """What is in the table moves the state; everything else raises, and changes nothing."""
    incident = np.zeros(1, INCIDENT).view(np.recarray)[0]
    incident.state = state
    if (state, transition) in TRANSITIONS:
        move(incident, TRANSITION_WORDS.index(transition))
        assert incident.state == TRANSITIONS[state, transition]
    else:
        with pytest.raises(IllegalTransitionError):
            move(incident, TRANSITION_WORDS.index(transition))
        assert incident.state == state
