"""The small parts: names and numbers, the lifecycle."""

import itertools

import pytest

from detector.core.directory import Vocabulary
from detector.core.lifecycle import TRANSITIONS, IllegalTransitionError, State, after
from schemas.incident import REASONS


def test_words_are_saved_once():
    """Only words that came since the last time are handed out to be saved."""
    words = Vocabulary()
    words.number("a")
    assert list(words.unsaved()) == [(0, "a")]
    words.number("b")
    assert list(words.unsaved()) == [(1, "b")]
    assert list(words.unsaved()) == []
    assert "a" in words
    assert len(words) == 2


@pytest.mark.parametrize(("state", "transition"), list(itertools.product(State, REASONS)))
def test_the_table_is_the_whole_lifecycle(state, transition):
    """What is in the table moves the state; everything else raises."""
    if (state, transition) in TRANSITIONS:
        assert after(state, transition) is TRANSITIONS[state, transition]
    else:
        with pytest.raises(IllegalTransitionError):
            after(state, transition)
