"""`ghosting map`: what a mapping makes of a file, record by record; and the presets, to look at and to copy."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.mapped import firm_of, mistakes_of_mapping
from detector.cli.options import AsJson, settings_of

if TYPE_CHECKING:
    from detector.mapping.firm import Firm
    from detector.mapping.run import Mapped, Totals

LIST, SHOW, AUTO = "list", "show", "auto"


def map_command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="PRESET|FILE|auto|list|show", help="A preset, or a mapping file.")],
    preset: Annotated[str | None, typer.Argument(metavar="[PRESET]", help="Of `show`: which.")] = None,
    tried: Annotated[
        Path | None, typer.Option("--try", metavar="FILE", help="A file of the tool, or a maildir: plain or gzip.")
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option("--from", metavar="TOPIC", help="Map a topic of the tool into the sources, until it is stopped."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What the firm says of itself: TOML or JSON.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try a mapping on a file of another tool, or map a topic: `list` names the presets, `show` prints one to copy."""
    with mistakes_of_mapping():
        if name == LIST:
            _list()
        elif name == SHOW:
            _show(preset)
        elif topic is not None:
            if tried is not None or as_json or name == AUTO:
                raise typer.BadParameter("--from maps a topic with a preset or a file: no --try, no --json, no auto")
            _map_topic(context, name, topic, firm_of(context, config))
        elif tried is None:
            raise typer.BadParameter("name the file to try: ghosting map shopify --try orders_export.csv")
        else:
            _try(name, tried, firm_of(context, config), as_json=as_json)


def _map_topic(context: typer.Context, name: str, topic: str, firm: "Firm") -> None:
    import asyncio

    from detector.cli.kafka import require_topic, require_topics
    from detector.mapping import library
    from detector.shell.kafka.groups import require_group
    from detector.shell.kafka.topic_layout import layout
    from detector.shell.mapper.app import run_mapping
    from detector.shell.mapper.map_task import feed_of

    settings = settings_of(context)
    if topic in layout(settings):
        raise typer.BadParameter(f"{topic} is a topic of this installation: name one that another tool writes")
    feed = feed_of(settings, topic, library.load(name, firm).mapper)
    require_topics(settings, settings.mapped_topics)
    require_topic(settings, topic)
    asyncio.run(require_group(settings, feed.group))
    raise typer.Exit(run_mapping(settings, feed))


def _list() -> None:
    from detector.mapping import library

    width = max(map(len, library.names()))
    for name in library.names():
        typer.echo(f"{name:<{width}}  {library.about(name)}")


def _show(preset: str | None) -> None:
    from detector.mapping import library
    from detector.mapping.errors import MappingError

    if preset not in library.names():
        raise MappingError(f"{preset or 'nothing'} is no preset; `ghosting map list` names them")
    typer.echo(library.text_of(preset), nl=False)


def _try(name: str, tried: Path, firm: "Firm", *, as_json: bool) -> None:
    import orjson

    from detector.mapping import detect, library, run

    if name == AUTO:
        name = detect.preset_of(tried, firm)
        typer.echo(f"preset {name}", err=True)
    totals = run.Totals()
    for mapped in run.map_file(tried, library.load(name, firm), totals):
        if as_json:
            typer.echo(orjson.dumps(run.as_json(mapped)))
        else:
            for line in _shown(mapped):
                typer.echo(line)
    for line in _summary(totals):
        typer.echo(line, err=as_json)


def _shown(mapped: "Mapped") -> Iterator[str]:
    import orjson

    from detector.mapping.outcome import Dropped

    place = f"{mapped.number:>6}  line {mapped.line:<6}"
    if isinstance(mapped.result, Dropped):
        yield f"{place}  dropped, {mapped.result.reason}: {mapped.result.why}"
    elif isinstance(mapped.result, list):
        for interaction in mapped.result:
            yield f"{place}  {orjson.dumps(interaction).decode()}"
    else:
        word = type(mapped.result).__name__.lower()
        yield f"{place}  {word} {orjson.dumps(mapped.result.fields).decode()}"


def _summary(totals: "Totals") -> Iterator[str]:
    from detector.mapping.outcome import REASONS

    yield f"{'records':<24}{totals.records:>12,}"
    yield f"{'  interactions':<24}{totals.interactions:>12,}"
    for word, count in (("  commands", totals.commands), ("  gaps", totals.gaps)):
        if count:
            yield f"{word:<24}{count:>12,}"
    for reason, meaning in REASONS.items():
        if count := totals.dropped[reason]:
            yield f"{f'  dropped, {reason}':<28}{count:>8,}  {meaning}"
