"""`ghosting erase`: clients out of the state."""

import json
import sys
from typing import Annotated

import typer

from detector.cli.kafka import in_force, require_topics
from detector.cli.options import AsJson, settings_of


def erase(
    context: typer.Context,
    clients: Annotated[
        list[str], typer.Argument(metavar="CLIENT", help="Client ids; - reads them from stdin, one a line.")
    ],
    as_json: AsJson = False,
) -> None:
    """Erase clients from the state; all workers must be stopped."""
    import asyncio

    from detector.shell.operations.erase import erase as run

    named = [client for given in clients for client in (_lines() if given == "-" else [_id(given)])]
    settings = in_force(settings_of(context))
    require_topics(settings, [settings.state_topic])
    done = asyncio.run(run(settings, named))
    if as_json:
        typer.echo(json.dumps(done._asdict()))
        return
    typer.echo(f"clients erased: {done.erased}; not known: {done.unknown}")
    typer.echo(f"{done.topic} drops what it holds of them when Kafka compacts it; start the workers")
    for topic in done.others:
        typer.echo(f"{topic} is not in force and not touched: delete it")


def _lines() -> list[str]:
    """Read what is no empty line."""
    return [_id(line.decode(errors="surrogateescape").strip()) for line in sys.stdin.buffer if line.strip()]


def _id(given: str) -> str:
    """Refuse what no client can be called."""
    try:
        given.encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("a client id is UTF-8 text") from None
    return given
