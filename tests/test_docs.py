"""The documents, held to the code: what can be set, run or subscribed to is written down."""

import doctest
import re
from pathlib import Path

import pytest
import typer.main

from detector.cli import app
from detector.shell.config.settings import OWN_TOPICS, Settings, variable
from detector.shell.pages import configuration
from detector.shell.pages.configuration import PAGE, page

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


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
    assert "| `GHOSTING_SEGMENT_BUDGETS` | none |  | False silence alerts that a client of a segment" in page()


def test_an_outdated_page_fails_the_check(tmp_path, monkeypatch, capsys):
    """The check says what to run; what it asks for satisfies it."""
    monkeypatch.setattr(configuration, "PAGE", tmp_path / "configuration.md")

    assert configuration.main(["--check"]) == 1
    assert "run make docs" in capsys.readouterr().err
    assert configuration.main([]) == 0
    assert configuration.main(["--check"]) == 0


@pytest.mark.parametrize("command", sorted(typer.main.get_command(app).commands))
def test_every_command_is_in_the_readme(command):
    """Each command of `ghosting` appears as one would type it."""
    assert f"ghosting {command}" in README


@pytest.mark.parametrize("topic", [*OWN_TOPICS, *Settings().sources])
def test_every_topic_is_in_the_readme(topic):
    """Each topic of an installation appears with the installation's name in front."""
    assert f"`<app>.{topic}`" in README


@pytest.mark.parametrize(
    "document", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_links_lead_somewhere(document):
    """What a document links to inside the repository is there."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_readme_leads_to_every_document():
    """Nothing in docs has to be found by chance."""
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"](docs/{path.name})" not in README] == []
