"""`ghosting map` from outside, and the invented records of 17 tools that are kept beside the repository."""

import importlib.util
import json
import os
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from detector.cli import app
from detector.mapping import config, library
from detector.mapping.run import as_json, map_file

FIXTURES = Path(os.environ.get("GHOSTING_FIXTURES") or Path(__file__).parents[3] / "shared" / "fixtures")
ORDERS = "Id,Created at,Email,Lineitem name,Total\n1,2025-05-01 10:00:00,a@b.example,x,5.00\n,,,y,\n"


def ghosting(*arguments, env=None):
    """Run a command."""
    return CliRunner().invoke(app, ["map", *map(str, arguments)], env=env, catch_exceptions=True)


@pytest.fixture
def orders(tmp_path):
    """Return a file of orders."""
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS)
    return path


def test_list_and_show():
    """All presets are named, and each can be printed, to copy and change."""
    listed = ghosting("list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(library.names())
    assert ghosting("show", "shopify").stdout == library.text_of("shopify")
    assert "is no preset" in str(ghosting("show", "nothing").exception)


def test_try(orders, tmp_path):
    """Record by record, and a summary; as JSON one line each, and nothing else on the standard output."""
    shown = ghosting("shopify", "--try", orders)
    assert "line 2" in shown.stdout
    assert "dropped, continuation" in shown.stdout
    (tmp_path / "firm.toml").write_text('time_zone = "Asia/Tokyo"')
    lines = ghosting("auto", "--try", orders, "--config", tmp_path / "firm.toml", "--json")
    first, second = map(json.loads, lines.stdout.splitlines())
    assert first["interactions"][0]["at"] == "2025-05-01T10:00:00+09:00"
    assert (second["record"], second["dropped"]) == (2, "continuation")
    assert "preset shopify" in lines.stderr


def test_a_mapping_of_one_s_own(orders, tmp_path):
    """A preset that was copied works from its new place."""
    own = tmp_path / "own.toml"
    own.write_text(library.text_of("shopify"))
    assert ghosting(own, "--try", orders).exit_code == 0


def test_a_secret_hides_the_clients(orders):
    """The secret comes from the environment, and not from the command line."""
    hidden = ghosting("shopify", "--try", orders, "--json", env={"GHOSTING_MAPPING_SECRET": "invented"})
    assert "a@b.example" not in hidden.stdout
    assert ghosting("shopify", "--try", orders, "--secret", "invented").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shopify", "--try", "absent.csv"], "cannot be opened"),
        (["shop", "--try", "x.csv"], "is no preset"),
        (["shopify", "--try", "x.csv", "--config", "absent.toml"], "cannot be read"),
    ],
)
def test_mistakes(arguments, said, tmp_path, monkeypatch):
    """A mistake is told in one line."""
    monkeypatch.chdir(tmp_path)
    found = ghosting(*arguments)
    assert said in str(found.exception)
    assert "\n" not in str(found.exception)


def test_without_a_file_there_is_nothing_to_try():
    """The command says how it is called."""
    assert ghosting("shopify").exit_code == 2


def cases():
    """Return the cases that are there."""
    return sorted(path.relative_to(FIXTURES).as_posix() for path in FIXTURES.glob("*/*.expected.json")) or ["none"]


@pytest.mark.parametrize("case", cases())
def test_records_of_tools(case, tmp_path):
    """Every record of every tool becomes what its fixture says."""
    expected = FIXTURES / case
    if not expected.is_file():
        pytest.skip(f"data absent: {expected}; GHOSTING_FIXTURES names the folder that has it")
    spec = importlib.util.spec_from_file_location("check", FIXTURES / "check.py")
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)
    stem = expected.name.removesuffix(".expected.json")
    (source,) = [path for path in expected.parent.glob(f"{stem}.*") if path != expected]
    preset = library.load(expected.parent.name, config.load(FIXTURES / "config.json"))
    output = tmp_path / "output.ndjson"
    output.write_bytes(b"\n".join(orjson.dumps(as_json(mapped)) for mapped in map_file(source, preset)))
    differences, _ = check.compare(expected, output, any_reason=False)
    assert differences == []
