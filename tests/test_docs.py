"""The documents, held to the code: what can be set, run or subscribed to is written down."""

import doctest
import json
import re
import shlex
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import typer.main
from typer.testing import CliRunner

from detector.cli import app
from detector.shell.config.installation import OWN_TOPICS
from detector.shell.config.settings import Settings, variable
from detector.shell.pages import configuration
from detector.shell.pages.configuration import PAGE, page
from schemas.rejection import MEANINGS
from tests.svg import path_of, texts_of

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *PAGES]
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
README_LINES_MAX = 120
SECTIONS = [
    "Three commands",
    "An alert",
    "Why not a fixed number of days?",
    "With Kafka",
    "How it decides",
    "What is guaranteed",
    "Limits",
    "Read on",
]
PICTURE = ROOT / "docs" / "client.svg"
PICTURE_OFF_MAX = 0.5  # of a point of the picture; fonts differ in less


@pytest.fixture(scope="module")
def firm(tmp_path_factory):
    """Run the commands beside the picture of the README, and those of the page of alerts; return their folder."""
    folder = tmp_path_factory.mktemp("firm")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "docs").mkdir()
        lines = re.findall(r"`(ghosting (?:simulate|timeline) [^`]+)`", README.partition("## ")[0])
        for line in [*sorted(lines), "ghosting replay events.ndjson --partitions 1 --alerts alerts.jsonl"]:
            done = CliRunner().invoke(app, shlex.split(line)[1:])
            assert done.exit_code == 0, done.output
    return folder


def json_in(text):
    """Return the first block of JSON of a document."""
    return json.loads(re.search(r"```json\n(.*?)```", text, re.DOTALL)[1])


def test_the_readme_is_short():
    """Whoever reads it has five minutes."""
    assert len(README.splitlines()) <= README_LINES_MAX
    assert re.findall(r"^## (.*)$", README, re.MULTILINE) == SECTIONS


def test_the_command_beside_the_picture_makes_it(firm):
    """The picture shows the words, ticks and lines that its command draws; only a font may move them a little."""
    drawn, shown = (ET.parse(path).getroot() for path in (firm / "docs" / "client.svg", PICTURE))
    assert "](docs/client.svg)" in README
    assert texts_of(drawn) == texts_of(shown)
    assert any("alert 2025-11-28" in text for text in texts_of(shown))
    for name in ("silence", "expected", "deadline", "contacts", "alert", "escalated"):
        ours, theirs = path_of(drawn, name), path_of(shown, name)
        assert len(ours) == len(theirs) > 0
        for point, other in zip(ours, theirs, strict=True):
            assert point == pytest.approx(other, abs=PICTURE_OFF_MAX)


def test_the_alerts_shown_are_those_of_the_picture(firm):
    """The page of alerts shows one complete, and the README eight fields of it."""
    alerts = [json.loads(line) for line in (firm / "alerts.jsonl").read_text(encoding="utf-8").splitlines()]
    shown = json_in((ROOT / "docs" / "alerts.md").read_text(encoding="utf-8"))
    assert shown in alerts
    fields = json_in(README)
    assert len(fields) == 8
    assert fields.items() <= shown["data"].items()


def test_the_map_names_every_folder():
    """A newcomer finds each folder of the detector in the map, and the steps of an event name files that exist."""
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    folders = {path.parent for path in (ROOT / "detector").rglob("*.py")} - {ROOT / "detector"}
    names = re.findall(r"[`(]((?:[a-z]+/)+)`", guide)
    assert {folder.name for folder in folders} <= {name.strip("/").split("/")[-1] for name in names}
    steps = guide.partition("## One event")[2].partition("## ")[0]
    assert re.findall(r"^(\d+)\. ", steps, re.MULTILINE) == [str(number) for number in range(1, 11)]
    for path in re.findall(r"`((?:core|shell|schemas)/[a-z_/]+\.py)`", guide):
        assert (ROOT / path).exists() or (ROOT / "detector" / path).exists(), path


def test_the_notebook_page_runs():
    """Every line of the page about the estimators does what the page says."""
    failed, tried = doctest.testfile(
        str(ROOT / "docs" / "estimators.md"), module_relative=False, optionflags=doctest.REPORT_NDIFF
    )
    assert failed == 0
    assert tried > 40


def test_every_setting_is_documented():
    """The page of settings is what the settings say of themselves, each with its default and what is allowed."""
    assert page() == PAGE.read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert page().count(f"| `{variable(name)}` |") == 1
        assert field.description
    assert "| `GHOSTING_PARTITIONS` | `4` | at least 1, up to 1,024 | Partitions of every source" in page()
    assert (
        "| `GHOSTING_SEGMENT_BUDGETS` | none |  | False silence alerts that a client of a segment may cause in a year"
        in page()
    )


def test_an_outdated_page_fails_the_check(tmp_path, monkeypatch, capsys):
    """The check says what to run; what it asks for satisfies it."""
    monkeypatch.setattr(configuration, "PAGE", tmp_path / "configuration.md")

    assert configuration.main(["--check"]) == 1
    assert "run make docs" in capsys.readouterr().err
    assert configuration.main([]) == 0
    assert configuration.main(["--check"]) == 0


@pytest.mark.parametrize("command", sorted(typer.main.get_command(app).commands))
def test_every_command_is_on_its_page(command):
    """Each command of `ghosting` appears on the page of commands as one would type it."""
    assert f"ghosting {command}" in COMMANDS


@pytest.mark.parametrize("topic", [*OWN_TOPICS, *Settings().sources])
def test_every_topic_is_on_its_page(topic):
    """Each topic of an installation has a row on the page of topics; sources share one."""
    rows = [line for line in (ROOT / "docs" / "topics.md").read_text(encoding="utf-8").splitlines() if "<app>." in line]
    assert any(re.search(rf"`(<app>)?\.{topic}`", row.partition(" | ")[0]) for row in rows)


def test_every_reason_of_a_rejection_is_on_its_page():
    """Each reason has a row with its meaning, word for word."""
    page_of_input = (ROOT / "docs" / "interactions.md").read_text(encoding="utf-8")
    assert [reason for reason, why in MEANINGS.items() if f"| `{reason}` | {why} |" not in page_of_input] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    """What a document links to inside the repository is there."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)(#[^)]+)?\)", document.read_text(encoding="utf-8"))
    assert [link for link, _ in links if not (document.parent / link).exists()] == []
    for link, anchor in links:
        if anchor and link.endswith(".md"):
            assert anchor[1:] in anchors(document.parent / link), f"{link}{anchor}"


def anchors(document):
    """Return the anchors that a code host gives the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_leads_to_every_document():
    """Nothing in docs has to be found by chance."""
    assert [path.name for path in PAGES if f"](docs/{path.name}" not in README] == []
    for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"):
        assert f"]({name})" in README
