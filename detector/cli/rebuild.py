"""`ghosting rebuild`: the state anew, from the sources."""

import json
from typing import Annotated

import typer

from detector.cli import output
from detector.cli.kafka import in_force, require_topics
from detector.cli.options import AsJson, settings_of


def rebuild(
    context: typer.Context,
    partial: Annotated[
        bool, typer.Option("--partial", help="Also if the sources no longer hold all that they held.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the state anew from the sources, without an alert twice; all workers must be stopped."""
    import asyncio

    from detector.shell.kafka.topic_layout import layout
    from detector.shell.operations.rebuild import rebuild as run

    settings = in_force(settings_of(context))
    unread = (settings.state_topic, settings.dead_letters_topic, settings.commands_topic, settings.gaps_topic)
    require_topics(settings, [topic for topic in layout(settings) if topic not in unread], configured=True)
    with output.counted("rebuilding") as progress:
        done = asyncio.run(run(settings, partial=partial, progress=progress))
    if as_json:
        typer.echo(json.dumps(done._asdict()))
        return
    typer.echo(f"{done.records} records read, {done.clients} clients known, in {done.seconds:.1f} s")
    typer.echo(f"published because they were missing: {done.alerts} alerts, {done.rejected} rejections")
    typer.echo(f"{done.topic} is in force: start the workers; {done.former} is no longer used and can be deleted")
