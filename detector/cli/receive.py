"""`ghosting receive`: the endpoint for webhooks of other tools."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli.mapped import firm_of, mistakes_of_mapping
from detector.cli.options import settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detector.mapping.firm import Firm
    from detector.shell.receive.endpoint import Tool


def receive(
    context: typer.Context,
    presets: Annotated[
        list[str],
        typer.Option(
            "--preset",
            metavar="PRESET=VARIABLE|@FILE",
            help="A preset or mapping file, and where its secret is: a variable of the environment, or a file. Several"
            " times for several tools, or for the old and the new secret of one.",
        ),
    ],
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What the firm says of itself: TOML or JSON.")
    ] = None,
) -> None:
    """Take webhooks of other tools on /webhooks/PRESET, and write them to the sources, until it is stopped."""
    from detector.cli.kafka import require_topics
    from detector.shell.receive.process import run_receiver

    settings = settings_of(context)
    with mistakes_of_mapping():
        tools = tools_of(presets, firm_of(context, config))
    require_topics(settings, settings.mapped_topics)
    run_receiver(settings, {tool.name: tool for tool in tools})


def tools_of(presets: "Iterable[str]", firm: "Firm") -> "list[Tool]":
    """Read `PRESET=VARIABLE` or `PRESET=@FILE`, several of which may name the same preset.

    Raises
    ------
    SettingsError
        If a secret cannot be read.
    MappingError
        If a mapping cannot be used.
    """
    from detector.mapping import library
    from detector.shell.config.load import secret_of
    from detector.shell.receive.endpoint import Tool
    from detector.shell.telemetry.catalogue import OWN_MAPPING

    secrets: dict[str, list[bytes]] = {}
    for given in presets:
        preset, equals, reference = given.rpartition("=")
        if not equals or not preset or not reference:
            raise typer.BadParameter(f"--preset {given} should be PRESET=VARIABLE or PRESET=@FILE")
        secrets.setdefault(preset, []).append(secret_of(reference))
    tools = []
    for preset, several in secrets.items():
        label = preset if preset in library.names() else OWN_MAPPING
        name = preset if label == preset else Path(preset).stem
        tools.append(Tool(name, label, library.load(preset, firm).mapper, tuple(several)))
    if len({tool.name for tool in tools}) < len(tools):
        raise typer.BadParameter("two mappings have the same name, and so the same path; rename one of the files")
    return tools
