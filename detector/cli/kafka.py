"""Commands that work on a broker: the topics, `produce`, `worker`, `watch` and `demo`."""

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli import output
from detector.cli.inputs import declared_by, demand_applied, read
from detector.cli.mapped import mapping_of
from detector.cli.options import (
    AsJson,
    DecimalComma,
    Encoding,
    Files,
    FirmConfig,
    InOrder,
    MapWith,
    Owners,
    Segments,
    Severities,
    TimesIn,
    Types,
    selection_of,
    settings_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from detector.shell.config.settings import Settings


def topics_create(context: typer.Context) -> None:
    """Create the topics that are missing; those that exist stay as they are."""
    import asyncio

    from detector.shell.kafka import topic_layout, topics

    settings = in_force(settings_of(context))
    created = set(asyncio.run(topics.create(settings)))
    for topic in topic_layout.layout(settings):
        typer.echo(
            f"created {topic} ({topic_layout.described(settings, topic)})" if topic in created else f"has {topic}"
        )
    require_topics(settings, topic_layout.layout(settings), configured=True)


def topics_check(context: typer.Context) -> None:
    """Show where topics differ from what `create` makes, and what to do; exit 1 if one does."""
    import asyncio

    from detector.shell.kafka import topics

    _fail_with(asyncio.run(topics.deviations(in_force(settings_of(context)))))
    typer.echo("all topics are as they should be")


def _positive(speed: float | None) -> float | None:
    if speed is not None and not speed > 0:
        raise typer.BadParameter("should be greater than 0")
    return speed


def produce(
    context: typer.Context,
    files: Files,
    speed: Annotated[
        float | None,
        typer.Option(callback=_positive, metavar="N", help="N times real time, by the events' times; else at once."),
    ] = None,
    in_order: InOrder = False,
    encoding: Encoding = None,
    decimal_comma: DecimalComma = False,
    times_in: TimesIn = "s",
    map_with: MapWith = None,
    config: FirmConfig = None,
    as_json: AsJson = False,
) -> None:
    """Put files into the source topics, by kind and client."""
    import asyncio

    from detector.files.rows import produced_values
    from detector.shell.operations.produce import produce as run

    declared = declared_by(
        in_order=in_order, encoding=encoding, decimal_comma=decimal_comma, times_in=times_in, keep_far=True
    )
    settings = settings_of(context)
    mapping = mapping_of(context, map_with, config, files, declared)
    require_topics(settings, settings.source_topics)
    acknowledged = 0

    def count(records: int) -> None:
        nonlocal acknowledged
        acknowledged = records

    try:
        with read(files, declared, now_s=time.time(), mapping=mapping) as reading:
            done = asyncio.run(run(produced_values(reading.batches()), settings, speed=speed, progress=count))
            out_of_order = reading.out_of_order if reading.is_sorted else 0
    except KeyboardInterrupt:
        typer.echo(f"interrupted: {acknowledged} records produced", err=True)
        raise
    except Exception:
        if acknowledged:
            typer.echo(f"ended early: {acknowledged} records produced", err=True)
        raise
    if as_json:
        typer.echo(json.dumps({**done._asdict(), **({"mapping": mapping.as_json()} if mapping else {})}))
    else:
        output.mapped(mapping, to_stderr=False)
        sorted_rows = f", {out_of_order} of them out of order and sorted by time" if out_of_order else ""
        typer.echo(f"{done.records} records produced{sorted_rows}")
        if done.unreadable:
            place = f"{settings.source_topics[0]}, partition 0"
            typer.echo(
                f"{done.unreadable} of them without a readable client and kind: in {place}, to be rejected there"
            )
    demand_applied(done.records - done.unreadable, mapping)


def worker(context: typer.Context) -> None:
    """Run a worker: reads the sources, writes the alerts, until it is stopped."""
    import asyncio

    from detector.shell.kafka.groups import require_group
    from detector.shell.kafka.topic_layout import layout
    from detector.shell.worker.app import run_worker

    settings = in_force(settings_of(context))
    # Before it logs: what is wrong is one line, also if nobody answers.
    others = {settings.dead_letters_topic, settings.commands_topic, settings.gaps_topic}
    needed = [topic for topic in layout(settings) if topic not in others]
    require_topics(settings, needed, configured=True)
    asyncio.run(require_group(settings, settings.app_id))
    raise typer.Exit(run_worker(settings))


def watch(
    context: typer.Context,
    as_json: AsJson = False,
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Start with the oldest alert.")] = False,
    history: Annotated[bool, typer.Option("--history", help="Also those too old to notify anybody.")] = False,
    types: Types = None,
    segments: Segments = None,
    severities: Severities = None,
    owners: Owners = None,
) -> None:
    """Follow the alerts as they come out; Ctrl-C ends it."""
    import asyncio

    from detector.shell.operations.watch import show

    settings = settings_of(context)
    wanted = selection_of(types, segments, severities, owners)
    require_topics(settings, [settings.alerts_topic, *([settings.history_topic] if history else [])])
    asyncio.run(
        show(settings, from_beginning=from_beginning, history=history, raw=as_json, write=typer.echo, selection=wanted)
    )


def forward(
    context: typer.Context,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Let a new webhook begin with the oldest alert.")
    ] = False,
    types: Types = None,
    segments: Segments = None,
    severities: Severities = None,
    owners: Owners = None,
) -> None:
    """Post alerts to webhooks and to Alertmanager, until it is stopped."""
    import asyncio

    from detector.shell.forward.process import forward as run

    settings = settings_of(context)
    wanted = selection_of(types, segments, severities, owners)
    require_topics(settings, [settings.alerts_topic, settings.history_topic, settings.dead_letters_topic])
    asyncio.run(run(settings, wanted, from_beginning=from_beginning))


def demo(
    context: typer.Context,
    kafka: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Broker, instead of an embedded one.")] = None,
    clients: Annotated[int, typer.Option(min=1, help="Number of clients.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same firm.")] = 1,
) -> None:
    """Run a worker over a simulated year, and show which clients it found silent."""
    output.announce_compilation()
    from detector.demo.run import run_demo

    settings = settings_of(context, bootstrap_servers=kafka)
    _quiet()
    raise typer.Exit(run_demo(settings, kafka=kafka, clients=clients, seed=seed))


def in_force(settings: "Settings") -> "Settings":
    """Return the settings with the state topic that is in force."""
    import asyncio

    from detector.shell.kafka import generations

    _quiet()
    return asyncio.run(generations.in_force(settings))


def _quiet() -> None:
    """Leave it to us to say that no broker answers: one line instead of the client's many."""
    import logging

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def require_topics(settings: "Settings", names: "Collection[str]", *, configured: bool = False) -> None:
    """End with what is wrong with these topics, if anything is."""
    import asyncio

    from detector.shell.kafka import topics

    _quiet()
    _fail_with(asyncio.run(topics.problems(settings, names, configured=configured)))


def require_topic(settings: "Settings", name: str) -> None:
    """End with one line if a topic that is not the installation's does not exist."""
    import asyncio

    from detector.shell.kafka import topics

    _quiet()
    _fail_with(asyncio.run(topics.missing(settings, name)))


def _fail_with(problems: "Sequence[str]") -> None:
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
