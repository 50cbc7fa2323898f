"""Alerts as tests read them: each is held to its contract, the model and the JSON Schema that subscribers are given."""

import json
from collections.abc import Iterable
from pathlib import Path

import jsonschema_rs

from schemas.alert import AlertEvent

SCHEMA = Path(__file__).parents[1] / "schemas" / "json" / "alert.json"
_VALIDATOR = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")), validate_formats=True)


def held(values: Iterable[bytes]) -> list[bytes]:
    """Give the alerts back, all of which keep the contract."""
    found = list(values)
    for value in found:
        AlertEvent.model_validate_json(value)
        _VALIDATOR.validate(json.loads(value))
    return found


def held_in(path: Path) -> list[bytes]:
    """Read a file with an alert per line, all of which keep the contract."""
    return held(path.read_bytes().splitlines())
