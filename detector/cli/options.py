"""What several commands share: arguments, and the settings that are in force."""

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, get_args

import typer

from schemas.incident import Type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from detector.shell.config.settings import Settings
    from detector.shell.forward.filter import Selection

Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE", help="CSV or JSON in any order, gzip or zip too; - is stdin, in its own order."),
]
InOrder = Annotated[
    bool,
    typer.Option("--in-order", help="Keep the order of each file, as a stream has it; else all are sorted by time."),
]
Encoding = Annotated[
    str | None, typer.Option(metavar="NAME", help="How files that are not UTF-8 are encoded, such as cp1252.")
]
DecimalComma = Annotated[
    bool, typer.Option("--decimal-comma", help="Numbers in cells of CSV are written 1.013,50 instead of 1013.50.")
]
TimesIn = Annotated[
    str,
    typer.Option("--times-in", metavar="UNIT", help="Unit of times that are numbers: s, ms, us or excel-days (UTC)."),
]
KeepFar = Annotated[
    bool,
    typer.Option("--keep-far", help="Keep rows far from all others in time, which are refused as mistyped otherwise."),
]
Prior = Annotated[Path | None, typer.Option(metavar="FILE", help="What `ghosting learn` made, instead of the setting.")]
MapWith = Annotated[
    str | None,
    typer.Option(
        "--map",
        metavar="PRESET|FILE|auto",
        help="Map files of another tool; `ghosting map list` has the presets.",
    ),
]
FirmConfig = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="What the firm says of itself, for --map: TOML or JSON."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


_SEVERITIES = ("info", "warning", "critical")


def _either(words: "Sequence[str]") -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]])


def _each_of(words: "Sequence[str]") -> "Callable[[list[str] | None], list[str] | None]":
    """Check the words that an option was given: typer takes lists of plain types only."""

    def check(given: list[str] | None) -> list[str] | None:
        for word in given or ():
            if word not in words:
                raise typer.BadParameter(f"{word!r} should be {_either(words)}")
        return given

    return check


# Filters of alerts; each may be given several times, and then any of its words will do.
Types = Annotated[
    list[str] | None,
    typer.Option("--type", callback=_each_of(get_args(Type)), metavar="TYPE", help=f"Only {_either(get_args(Type))}."),
]
Severities = Annotated[
    list[str] | None,
    typer.Option("--severity", callback=_each_of(_SEVERITIES), metavar="WORD", help=f"Only {_either(_SEVERITIES)}."),
]
Segments = Annotated[list[str] | None, typer.Option("--segment", metavar="NAME", help="Only clients of this segment.")]
Owners = Annotated[
    list[str] | None,
    typer.Option("--owner", metavar="NAME", help="Only clients that this owner looks after (GHOSTING_OWNERS)."),
]


class Given(NamedTuple):
    """Settings as given before the command."""

    flags: dict[str, object]
    sets: dict[str, str]
    file: Path | None


def setting_given(text: str) -> tuple[str, str]:
    """Read `NAME=VALUE`; secrets are refused, because everybody on the machine can read a command line."""
    from detector.shell.config.settings import Settings, variable

    name, separator, value = text.partition("=")
    if not separator or name not in Settings.model_fields:
        raise typer.BadParameter(f"{name!r} is no setting; `ghosting settings` lists them, --set NAME=VALUE sets one")
    if "SecretStr" in repr(Settings.model_fields[name].annotation):
        raise typer.BadParameter(f"{name} is a secret, which a command line would show: use {variable(name)}")
    return name, value


def instant(text: str) -> float:
    """Read `now`, or a time with an offset."""
    if text == "now":
        return time.time()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - it has no offset either
    if at.tzinfo is None:
        raise typer.BadParameter(f"{text!r} is neither `now` nor a time with an offset, such as 2025-03-04T00:00:00Z")
    return at.timestamp()


def selection_of(
    types: list[str] | None, segments: list[str] | None, severities: list[str] | None, owners: list[str] | None
) -> "Selection":
    """Gather the filters of a command."""
    from detector.shell.forward.filter import Selection

    return Selection(*(frozenset(words or ()) for words in (types, segments, severities, owners)))


def settings_of(context: typer.Context, **flags: object) -> "Settings":
    """Load the settings in force; flags of the command win."""
    from detector.shell.config.load import load

    given: Given = context.obj
    return load({**given.flags, **flags}, sets=given.sets, file=given.file)
