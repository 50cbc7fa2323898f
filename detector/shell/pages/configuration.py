"""Writes docs/configuration.md from the settings, so that the page always agrees with the code.

`python -m detector.shell.pages.configuration` writes it; with `--check` it compares.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic.fields import FieldInfo

from detector.shell.config.load import FILE_VARIABLE
from detector.shell.config.settings import PREFIX, Settings, fields, variable
from detector.shell.pages.page import write_or_check

PAGE: Final = Path(__file__).parents[3] / "docs" / "configuration.md"
_INTRODUCTION: Final = f"""\
# Configuration

A flag (`ghosting --set NAME=VALUE COMMAND`) wins over the environment, which
wins over the TOML file that `{FILE_VARIABLE}` (or `--config`) names, which wins
over the default. In the file a setting has its name without `{PREFIX}`, in small letters: `app_id = "ghosting"`. Lists
are written `a,b` and mappings `vip=4,retail=0.5` in the environment. An empty variable counts as not set; an unknown
one is an error. `ghosting settings` shows the values in force. `make docs` writes this page from the settings.

| setting | default | allowed | meaning |
|---|---|---|---|
"""
_BOUNDS: Final = {
    "minimum": "at least {:,}",
    "exclusiveMinimum": "more than {:,}",
    "maximum": "up to {:,}",
    "maxItems": "up to {} of them",
}


def page() -> str:
    """Build the page.

    Examples
    --------
    >>> print(page().splitlines()[-1].split("|")[1])
     `GHOSTING_FORWARD_CLIENT_IDS`
    """
    schemas = Settings.model_json_schema()["properties"]
    rows = (_row(name, field, schemas[name]) for name, field in fields())
    return _INTRODUCTION + "".join(rows)


def _row(name: str, field: FieldInfo, schema: Mapping[str, Any]) -> str:
    default = _default(field.get_default(call_default_factory=True))
    return f"| `{variable(name)}` | {default} | {', '.join(allowed(schema))} | {field.description} |\n"


def _default(value: Any) -> str:  # noqa: ANN401 (of any setting)
    if isinstance(value, Mapping):
        value = ",".join(f"{key}={inner}" for key, inner in value.items())
    elif isinstance(value, tuple):
        value = ",".join(map(str, value))
    return "none" if value in (None, "") else f"`{value}`"


def allowed(schema: Mapping[str, Any]) -> Iterator[str]:
    """Describe the bounds of a setting: its choices, the range of its number, or the length of its list.

    Examples
    --------
    >>> list(allowed({"exclusiveMinimum": 0, "maximum": 3600, "type": "number"}))
    ['more than 0', 'up to 3,600']
    >>> list(allowed({"enum": ["auto", "json"], "type": "string"}))
    ['`auto`', '`json`']
    """
    yield from (f"`{choice}`" for choice in schema.get("enum", ()))
    for keyword, words in _BOUNDS.items():
        if keyword in schema:
            yield words.format(schema[keyword])


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with `--check` only compare; 1 = it is out of date."""
    return write_or_check(PAGE, page(), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
