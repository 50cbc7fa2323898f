"""What several commands share: arguments, and the settings that are in force."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from detector.shell.settings import Settings

Files = Annotated[list[str], typer.Argument(metavar="FILE", help="CSV or NDJSON, plain or gzip; - is stdin.")]
Prior = Annotated[Path | None, typer.Option(metavar="FILE", help="What `ghosting learn` made, instead of the setting.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


class Given(NamedTuple):
    """Settings as given before the command."""

    flags: dict[str, object]
    file: Path | None


def settings_of(context: typer.Context, **flags: object) -> "Settings":
    """Load the settings in force; flags of the command win."""
    from detector.shell.settings import load

    given: Given = context.obj
    return load({**given.flags, **flags}, file=given.file)
