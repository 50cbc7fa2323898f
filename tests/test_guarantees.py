"""Each promise of docs/guarantees.md, held to the tests that it names."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUARANTEES = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
PROMISED = GUARANTEES.split("## Promised")[1].split("## Not promised")[0]
PROMISES = [" ".join(part.split()) for part in re.split(r"^- ", PROMISED, flags=re.MULTILINE)[1:]]
LINK = re.compile(r"\[test\]\(\.\./(tests/[\w/]+\.py)#(test_\w+)\)")


@pytest.mark.parametrize("promise", PROMISES)
def test_every_promise_names_tests_that_exist(promise):
    """A promise without a test is a hope; a link to nothing is worse."""
    links = LINK.findall(promise)
    assert links
    for path, name in links:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {
            node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
