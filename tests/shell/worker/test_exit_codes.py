"""The exit codes of a worker."""

from pathlib import Path

import pytest

from detector.shell.config.settings import Settings, variable
from detector.shell.worker.exit_codes import MEANINGS, Exit

GUARANTEES = (Path(__file__).parents[3] / "docs" / "guarantees.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", Exit)
def test_every_code_is_documented(code):
    """Each has its row, word for word."""
    assert f"| {int(code)} | {MEANINGS[code]} |" in GUARANTEES.splitlines()


def test_each_cause_has_one_code():
    """The causes of a worker's own end lie between 70 and 79, and no two share a code."""
    causes = [code for code in Exit if 70 <= code <= 79]
    assert len({int(code) for code in Exit}) == len(MEANINGS) == len(Exit)
    assert len(causes) == 10


def test_named_settings_exist():
    """What a meaning refers to can be set."""
    variables = {f"`{variable(name)}`" for name in Settings.model_fields}
    named = {word.rstrip(":,") for meaning in MEANINGS.values() for word in meaning.split() if "GHOSTING_" in word}
    assert named <= variables
