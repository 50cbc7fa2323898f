"""The one table of what is contact: the same in the document, in the code and in what the kernel reads."""

from pathlib import Path

import pytest

from detector.core.layout import CONTACT, MESSAGE, ORDER, OURS, QUESTION
from detector.core.wire.classify import COUNTS_AS, TRAIT_WORDS, traits_of
from detector.core.wire.fields import DIRECTIONS, KINDS, OUTCOMES
from tests.core.wire.test_classify import columns, values

CONCEPTS = Path(__file__).parents[3] / "docs" / "concepts.md"


def words(cell):
    """Read a cell of the document: `any`, or words in quotes."""
    return tuple(word.strip().strip("`") for word in cell.split(","))


def test_the_document_has_the_table_of_the_code():
    """docs/concepts.md lists the same rows in the same order."""
    _, _, below = CONCEPTS.read_text(encoding="utf-8").partition(
        "| kind | direction | outcome | counts as |\n|---|---|---|---|\n"
    )
    table = below.partition("\n\n")[0]
    rows = [tuple(words(cell) for cell in line.strip("|").split("|")) for line in table.splitlines()]
    numbers = {word: trait for trait, word in TRAIT_WORDS.items()} | {"nothing": 0}
    assert [(*row[:3], sum(numbers[word] for word in row[3])) for row in rows] == [tuple(row) for row in COUNTS_AS]


def test_every_row_decides_something():
    """No row stands behind others that take all of its cases, and the last one takes what is left."""
    deciding = set()
    for kind in KINDS:
        for direction in DIRECTIONS:
            for outcome in (*OUTCOMES, None):
                fitting = [
                    number
                    for number, row in enumerate(COUNTS_AS)
                    if all(
                        cell == ("any",) or word in cell
                        for cell, word in zip(row[:3], (kind, direction, outcome), strict=True)
                    )
                ]
                deciding.add(fitting[0])
    assert deciding == set(range(len(COUNTS_AS)))
    with pytest.raises(AssertionError, match="no row"):
        traits_of("email", "sideways", None)


@pytest.mark.parametrize("outcome", [*OUTCOMES, None])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_kernel_reads_the_table(kind, direction, outcome):
    """Of an interaction that says nothing else, the traits are those of the table."""
    said = {} if outcome is None else {"outcome": outcome}
    assert columns(kind=kind, direction=direction, **said)["traits"] == traits_of(kind, direction, outcome)


@pytest.mark.parametrize(
    ("fields", "traits"),
    [
        ({"kind": "meeting", "outcome": "no_show"}, 0),
        ({"kind": "email", "outcome": "bounced"}, 0),
        ({"kind": "payment", "outcome": "failed"}, 0),
        ({"kind": "payment", "outcome": "declined"}, 0),
        ({"kind": "meeting", "outcome": "declined"}, CONTACT),
        ({"kind": "meeting", "outcome": "cancelled"}, CONTACT),
        ({"kind": "call", "outcome": "missed"}, CONTACT),
        ({"kind": "call", "direction": "outbound", "outcome": "answered"}, CONTACT | OURS),
        ({"kind": "meeting", "direction": "outbound", "outcome": "held"}, CONTACT | OURS),
        ({"kind": "meeting", "direction": "none", "outcome": "held"}, CONTACT),
        ({"kind": "meeting", "direction": "outbound", "outcome": "held", "automated": True}, 0),
        ({"kind": "call", "direction": "outbound", "outcome": "voicemail", "substantive": False}, OURS),
        ({"kind": "order", "amount": -80.0}, CONTACT),
        ({"kind": "order", "amount": 0.0}, CONTACT | ORDER),
        ({"kind": "payment", "amount": -80.0}, CONTACT),
        ({"kind": "email", "amount": -80.0}, CONTACT | MESSAGE),
        ({"kind": "email", "direction": "outbound", "amount": -80.0}, OURS | QUESTION),
    ],
)
def test_signs_of_life(fields, traits):
    """A client that did not come, or whose bank or mail server speaks, gives none; where both were there, it does."""
    assert columns(**fields)["traits"] == traits


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "email", "outcome": "bounced", "length": 100, "sentiment": -1.0, "substantive": True},
        {"kind": "payment", "outcome": "declined", "due_at": 1e9},
        {"kind": "payment", "outcome": "failed", "due_at": 1e9},
    ],
)
def test_what_is_no_sign_of_life_has_no_value(fields):
    """A bounced mail is no mail of the client's, and a payment that failed was not paid late."""
    assert values(**fields) == {}
