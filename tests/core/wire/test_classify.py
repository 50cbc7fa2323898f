"""From an interaction to what the kernels see of it: what it counts as, and which signals it has a value of."""

import math

import numpy as np
import pytest

from detector.core.layout import CONTACT, INTERACTION, MESSAGE, ORDER, OURS, QUESTION
from detector.core.signals import TRAITS
from detector.core.wire.classify import classify
from detector.core.wire.fields import parsed_fields
from tests.builders import DAY_S, interaction

LEARNED = {"contact_rate", "order_rate", "reply_latency"}  # by the kernels, from the times


def columns(**fields):
    """Give the row of an interaction, as far as its facts tell."""
    row = np.zeros(1, INTERACTION).view(np.recarray)[0]
    classify(row, parsed_fields(interaction(1, **fields)), math.inf)
    return row


def values(**fields):
    """Give the values that an interaction has, by signal."""
    told = zip(TRAITS, columns(**fields)["values"].tolist(), strict=True)
    return {trait.name: value for trait, value in told if not math.isnan(value)}


@pytest.mark.parametrize(
    ("fields", "traits"),
    [
        ({}, CONTACT | MESSAGE),
        ({"kind": "message"}, CONTACT | MESSAGE),
        ({"kind": "ticket"}, CONTACT | MESSAGE),
        ({"substantive": True}, CONTACT | MESSAGE),
        ({"substantive": False}, CONTACT),
        ({"kind": "call"}, CONTACT),
        ({"kind": "meeting", "outcome": "held"}, CONTACT),
        ({"kind": "payment"}, CONTACT),
        ({"kind": "survey"}, CONTACT),
        ({"kind": "order"}, CONTACT | ORDER),
        ({"kind": "order", "outcome": "placed"}, CONTACT | ORDER),
        ({"kind": "order", "outcome": "cancelled"}, CONTACT),
        ({"kind": "order", "outcome": "returned"}, CONTACT),
        ({"kind": "order", "outcome": "refunded"}, CONTACT),
        ({"automated": True}, 0),
        ({"direction": "none"}, 0),
        ({"direction": "outbound"}, OURS | QUESTION),
        ({"direction": "outbound", "automated": True}, 0),
        ({"direction": "outbound", "outcome": "delivered"}, OURS | QUESTION),
        ({"direction": "outbound", "outcome": "bounced"}, OURS),
        ({"direction": "outbound", "outcome": "failed"}, OURS),
        ({"direction": "outbound", "substantive": False}, OURS),
        ({"direction": "outbound", "kind": "order"}, OURS),
        ({"direction": "outbound", "kind": "call", "outcome": "voicemail"}, OURS | QUESTION),
        ({"direction": "outbound", "kind": "call", "outcome": "missed"}, OURS),
    ],
)
def test_what_an_interaction_counts_as(fields, traits):
    """Who acted, whether it ordered or wrote, and whether we may expect an answer."""
    assert columns(**fields)["traits"] == traits


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"length": 120}, {"reply_length": 120}),
        ({"kind": "call", "length": 120}, {}),
        ({"direction": "outbound", "length": 120, "sentiment": 0.5, "substantive": True}, {}),
        ({"automated": True, "length": 120, "sentiment": 0.5, "substantive": True}, {}),
        ({"sentiment": -0.5}, {"sentiment": -0.5}),
        ({"substantive": True}, {"substance": 1}),
        ({"substantive": False}, {"substance": 0}),
        ({"kind": "order", "amount": 12.5}, {"order_value": 12.5}),
        ({"kind": "order", "amount": 0.0}, {}),
        ({"kind": "order", "amount": -12.5}, {}),
        ({"kind": "order", "amount": 12.5, "outcome": "returned"}, {}),
        ({"kind": "payment", "amount": 12.5}, {}),
        ({"kind": "meeting", "outcome": "held"}, {"meetings_kept": 1}),
        ({"kind": "meeting", "outcome": "postponed"}, {"meetings_kept": 0}),
        ({"kind": "meeting", "outcome": "declined"}, {"meetings_kept": 0}),
        ({"kind": "meeting", "outcome": "no_show", "direction": "none"}, {"meetings_kept": 0}),
        ({"kind": "meeting", "outcome": "accepted"}, {}),
        ({"kind": "meeting"}, {}),
        ({"kind": "payment", "due_at": interaction(1)["at"] - 3 * DAY_S}, {"payment_delay": 3}),
        ({"kind": "payment", "due_at": interaction(1)["at"] + 3 * DAY_S, "direction": "none"}, {"payment_delay": -3}),
        ({"kind": "payment", "due_at": interaction(1)["at"], "outcome": "refunded"}, {}),
        ({"kind": "order", "due_at": interaction(1)["at"]}, {}),
    ],
)
def test_which_signals_an_interaction_has_a_value_of(fields, expected):
    """In the signal's unit, where it says something of it."""
    assert values(**fields) == expected
    assert not LEARNED & values(**fields).keys()
