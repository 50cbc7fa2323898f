"""The life of an incident: which steps there are, and that nothing else moves one."""

import ast
import itertools
from pathlib import Path

import numpy as np
import pytest

from detector.core.engine.shard import Policy, Shard
from detector.core.layout import INCIDENT
from detector.core.lifecycle import STEP_WORDS, STEPS, IllegalTransitionError, State, move
from tests.builders import DAY_S, NOW_S, SOURCES, START_S, data, interaction

CORE = Path(__file__).parents[2] / "detector" / "core"

# As people would draw it; the table of the code is compared with this drawing.
DRAWN = """
    quiet        -opened->       open
    quiet        -held->         held
    held         -resolved->     quiet
    open         -acknowledged-> acknowledged
    open         -snoozed->      snoozed
    open         -escalated->    escalated
    open         -resolved->     quiet
    acknowledged -escalated->    escalated
    acknowledged -resolved->     quiet
    snoozed      -escalated->    escalated
    snoozed      -resolved->     quiet
    escalated    -resolved->     quiet
"""
ARROWS = {tuple(line.replace("->", "").replace("-", "").split()) for line in DRAWN.strip().splitlines()}


def test_the_table_is_what_is_drawn():
    """No step is missing from the table, and none is more than the drawing has."""
    assert {(state.name.lower(), step, after.name.lower()) for (state, step), after in STEPS.items()} == ARROWS


@pytest.mark.parametrize(("state", "step"), list(itertools.product(State, STEP_WORDS)))
def test_a_step_that_is_not_in_the_table_changes_nothing(state, step):
    """A legal step sets the state that follows; each other one raises, and the incident stays as it was."""
    incident = np.zeros(1, INCIDENT).view(np.recarray)[0]
    incident.state = state
    following = [after for before, name, after in ARROWS if (before, name) == (state.name.lower(), step)]
    if following:
        move(incident, STEP_WORDS.index(step))
        assert State(incident.state).name.lower() == following[0]
    else:
        with pytest.raises(IllegalTransitionError):
            move(incident, STEP_WORDS.index(step))
        assert incident.state == state


def test_nothing_else_sets_a_state():
    """No other module of the core assigns the state of an incident or a trend: all steps go through the table."""
    assigning = {
        path.name
        for path in CORE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "state" and isinstance(node.ctx, ast.Store)
    }
    assert assigning == {"lifecycle.py"}


def test_a_held_incident_publishes_nothing():
    """While a segment learns, a silence begins and ends without an alert, and is counted."""
    shard = Shard(Policy(sources=SOURCES, learning_gaps_min=100))
    weekly = [interaction(7 * week) for week in range(6)]
    shard.enqueue_interactions("emails", list(enumerate([*weekly, interaction(400)])), [], 6, NOW_S)
    assert data(shard.advance(START_S + 399 * DAY_S)) == []
    assert shard.table.clients[0].contact.incident.state == State.HELD
    assert shard.counts["held"] == 1
    assert data(shard.advance(START_S + 401 * DAY_S)) == []
    assert shard.table.clients[0].contact.incident.state == State.QUIET
