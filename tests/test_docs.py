"""The documents, held to the code: what can be set, run or subscribed to is written down."""

from pathlib import Path

import pytest
import typer.main

from detector.cli import app
from detector.shell.settings import OWN_TOPICS, Settings, variable

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name):
    """Each setting has a row with its variable and, word for word, its description."""
    (row,) = [line for line in CONFIGURATION.splitlines() if line.startswith(f"| `{variable(name)}` |")]
    assert row.endswith(f"| {Settings.model_fields[name].description} |")


@pytest.mark.parametrize("command", sorted(typer.main.get_command(app).commands))
def test_every_command_is_in_the_readme(command):
    """Each command of `ghosting` appears as one would type it."""
    assert f"ghosting {command}" in README


@pytest.mark.parametrize("topic", [*OWN_TOPICS, *Settings().sources])
def test_every_topic_is_in_the_readme(topic):
    """Each topic of an installation appears with the installation's name in front."""
    assert f"`<app>.{topic}`" in README
