"""Exports the contracts for other languages: a JSON Schema each, and one AsyncAPI document for all topics.

`python -m schemas.contract` writes them beside this file; `python -m schemas.contract --check` compares.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import TypeAdapter
from pydantic.json_schema import DEFAULT_REF_TEMPLATE, GenerateJsonSchema

from schemas.alert import AlertEvent
from schemas.asyncapi import asyncapi
from schemas.interaction import INTERACTION
from schemas.outlook import Outlook
from schemas.rejection import Rejection

HOME: Final = Path(__file__).parent
CONTRACTS: Final[dict[str, TypeAdapter[Any]]] = {
    "interaction": INTERACTION,
    "alert": TypeAdapter(AlertEvent),
    "rejection": TypeAdapter(Rejection),
    "outlook": TypeAdapter(Outlook),
}
ON_TOPICS: Final = ("interaction", "alert", "rejection")


def documents() -> dict[str, str]:
    """Build all documents: path below the folder of the export -> text."""
    texts = {
        f"json/{name}.json": json.dumps({"$schema": GenerateJsonSchema.schema_dialect, **_schema(contract)}, indent=2)
        for name, contract in CONTRACTS.items()
    }
    named: dict[str, Any] = {}
    for name in ON_TOPICS:
        schema = _schema(CONTRACTS[name], "#/components/schemas/{model}")
        named |= schema.pop("$defs", {}) | {schema["title"]: schema}
    texts["asyncapi.yaml"] = yaml.dump(
        asyncapi(named), Dumper=_Unfolded, sort_keys=False, allow_unicode=True, width=120
    )
    return {path: text.rstrip() + "\n" for path, text in texts.items()}


def export(folder: Path) -> list[Path]:
    """Write all documents below `folder`, and say which."""
    written = []
    for name, text in documents().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def outdated(folder: Path) -> list[Path]:
    """Find the documents below `folder` that are missing, or not what `export` would write."""
    return [
        folder / name
        for name, text in documents().items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]


class _Documented(GenerateJsonSchema):
    """Leaves out the titles that only repeat the name of their field."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 (pydantic's signature)
        return False


class _Unfolded(yaml.SafeDumper):
    """Writes every part in full: readers of YAML do not like to look up anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 (PyYAML's signature)
        return True


def _schema(contract: TypeAdapter[Any], ref_template: str = DEFAULT_REF_TEMPLATE) -> dict[str, Any]:
    schema: dict[str, Any] = _on_one_line(contract.json_schema(ref_template=ref_template, schema_generator=_Documented))
    return schema


def _on_one_line(node: Any) -> Any:  # noqa: ANN401 (JSON)
    """Join the lines that the descriptions have in the source."""
    if isinstance(node, dict):
        return {
            name: " ".join(child.split()) if name == "description" and isinstance(child, str) else _on_one_line(child)
            for name, child in node.items()
        }
    return [_on_one_line(child) for child in node] if isinstance(node, list) else node


def main(arguments: Sequence[str]) -> int:
    """Export beside this file, or with `--check` only compare; 1 = something is out of date."""
    parser = argparse.ArgumentParser(prog="python -m schemas.contract", description="Exports the contracts.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if an export would change something")
    if not parser.parse_args(arguments).check:
        export(HOME)
        return 0
    paths = outdated(HOME)
    for path in paths:
        sys.stderr.write(f"{path} is out of date: run python -m schemas.contract and review the diff\n")
    return 1 if paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
