"""The page: complete, self-contained, and in the words of the documents."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from detector.backtest.definitions import DEFINITIONS
from detector.backtest.gallery import gallery
from detector.backtest.report import page

DOCUMENT = (Path(__file__).parents[2] / "docs" / "backtest.md").read_text(encoding="utf-8")


class Words(HTMLParser):
    """Gather what a reader sees, and where the page points to."""

    def __init__(self):
        """Begin with nothing."""
        super().__init__()
        self.text, self.addresses = [], []

    def handle_data(self, data):
        """Take the text."""
        self.text.append(data)

    def handle_starttag(self, tag, attrs):
        """Take what is loaded or linked."""
        self.addresses += [value for name, value in attrs if name in ("src", "href")]


def read(html):
    """Give the words and the addresses of a page."""
    words = Words()
    words.feed(html)
    return " ".join(" ".join(words.text).split()), words.addresses


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.name)
def test_every_figure_is_defined_in_the_document(definition):
    """The document and the page say the same, caveat and all."""
    assert f"| {definition.name} | {definition.meaning} | {definition.caveat} |" in DOCUMENT


def test_the_page_needs_nothing_else(firm, run):
    """Its pictures are in it: seventeen SVGs that can be read as XML; there is no script and no link."""
    html = page(run(firm, budgets=(0.5, 4.0)), ["log.csv"], 1.0)

    _, addresses = read(html)
    assert len(addresses) == 5 + 12
    for address in addresses:
        kind, _, picture = address.partition(",")
        assert kind == "data:image/svg+xml;base64"
        assert ET.fromstring(base64.b64decode(picture)).tag.endswith("svg")
    assert "<script" not in html


def test_the_page_says_what_the_figures_mean(firm, run):
    """Every definition with its caveat, and the first of all caveats at the top."""
    text, _ = read(page(run(firm), ["log.csv"], 1.0))

    assert text.index("A silence up to the end of a log is not a confirmed departure.") < text.index("Budgets beside")
    for definition in DEFINITIONS:
        assert definition.meaning in text
        assert definition.caveat in text


def test_the_page_shows_the_budget_in_force(firm, run):
    """Of those that were tried, the nearest one; its figures are in the first lines."""
    found = run(firm, budgets=(0.5, 4.0))
    text, _ = read(page(found, ["folder/log.csv"], 3.0))

    assert "log.csv: " in text
    assert "folder" not in text
    assert "with a budget of 4 false alerts per client and year" in text
    assert f"{found.judged[1].score.alerts_per_week:.1f} alerts a week" in text


def test_names_from_the_log_cannot_become_part_of_the_page(firm, run):
    """A client may be called what it likes."""
    for event in firm:
        event["client_id"] = f"<script>{event['client_id']}</script>"

    assert "<script" not in page(run(firm), ["<script>.csv"], 1.0)


def test_the_gallery_shows_hits_and_false_alarms(firm, run):
    """Six clients each, each once: hits not heard again, by what is at stake; false alarms by how sure it was."""
    found = run(firm)
    chosen = gallery(found, found.judged[0])

    assert (len(chosen.hits), len(chosen.false_alarms)) == (6, 6)
    assert all(one.incident.resolved_s is None for one in chosen.hits)
    assert all(one.incident.resolved_reason == "returned" for one in chosen.false_alarms)
    at_stake = [one.incident.probability_gone * one.order_value for one in chosen.hits]
    assert at_stake == sorted(at_stake, reverse=True)
    surety = [one.incident.probability_gone for one in chosen.false_alarms]
    assert surety == sorted(surety, reverse=True)
    for half in (chosen.hits, chosen.false_alarms):
        assert len({one.client_id for one in half}) == 6


def test_the_same_log_gives_the_same_page(firm, run):
    """Byte for byte, so that two reports can be compared."""
    pages = [page(run(firm), ["log.csv"], 1.0) for _ in range(2)]

    assert pages[0] == pages[1]
    assert not re.search(r"\b(nan|None)\b", read(pages[0])[0])
