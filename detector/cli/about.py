"""Commands that say what this installation is: its settings, its contracts, its version."""

import json
from pathlib import Path
from typing import Annotated

import typer

from detector.cli.options import AsJson, Given


def settings(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the settings in force, and where each comes from."""
    from detector.shell.config.load import effective

    given: Given = context.obj
    rows = effective(given.flags, sets=given.sets, file=given.file)
    if as_json:
        typer.echo(json.dumps([row._asdict() for row in rows], ensure_ascii=False))
        return
    for row in rows:
        typer.echo(f"{row.variable}={row.value}  ({row.origin})")


def schemas_export(folder: Annotated[Path, typer.Argument(help="Where they go; made if missing.")]) -> None:
    """Write the JSON Schemas and the AsyncAPI document."""
    from detector.files.files import InputError
    from schemas.contract import export

    try:
        for path in export(folder):
            typer.echo(path)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}; name another folder") from None


def version() -> None:
    """Print the version."""
    from importlib.metadata import version as version_of

    typer.echo(version_of("ghosting-detector"))
