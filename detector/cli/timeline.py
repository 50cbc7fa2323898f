"""The command `timeline`: one client's history as a picture."""

import time
from pathlib import Path
from typing import Annotated

import typer

from detector.cli import output
from detector.cli.inputs import declared_by, read
from detector.cli.mapped import mapping_of
from detector.cli.options import (
    DecimalComma,
    Encoding,
    Files,
    FirmConfig,
    InOrder,
    KeepFar,
    MapWith,
    Prior,
    TimesIn,
    instant,
    settings_of,
)


def timeline(
    context: typer.Context,
    client: Annotated[str, typer.Argument(metavar="CLIENT", help="Id of the client.")],
    files: Files,
    to: Annotated[str, typer.Option("-o", "--output", metavar="OUT", help="Where it goes, as SVG; - is stdout.")],
    partitions: Annotated[int | None, typer.Option(help="Shards, instead of the setting.")] = None,
    until: Annotated[
        float | None,
        typer.Option(parser=instant, metavar="TIME|now", help="How long silence is watched; else to the last event."),
    ] = None,
    prior: Prior = None,
    in_order: InOrder = False,
    encoding: Encoding = None,
    decimal_comma: DecimalComma = False,
    times_in: TimesIn = "s",
    keep_far: KeepFar = False,
    map_with: MapWith = None,
    config: FirmConfig = None,
) -> None:
    """Draw one client: when it was heard, when it was expected, and which alerts there were."""
    output.announce_compilation()
    from detector.core.clock import DAY_S
    from detector.files.files import InputError, writing
    from detector.offline.dealing import Installation
    from detector.shell.config.policy import policy_of
    from detector.timeline.history import NotHeardError, history_of
    from detector.timeline.picture import picture_of

    if to != "-" and Path(to).resolve() in {Path(file).resolve() for file in files if file != "-"}:
        raise InputError("--output and the input files should be different files")
    declared = declared_by(
        in_order=in_order, encoding=encoding, decimal_comma=decimal_comma, times_in=times_in, keep_far=keep_far
    )
    settings = settings_of(context, partitions=partitions, prior_file=prior)
    mapping = mapping_of(context, map_with, config, files, declared)
    with writing(to) as out:
        output.compile_kernels()
        now_s = time.time()
        with read(files, declared, now_s=now_s, until_s=until, mapping=mapping) as reading:
            try:
                history = history_of(
                    client,
                    reading.batches(),
                    Installation(policy_of(settings), settings.partitions, settings.source_of),
                    until_s=until,
                    now_s=now_s,
                )
            except NotHeardError as error:
                raise InputError(str(error)) from None
        out.write(picture_of(history).encode())
    output.mapped(mapping, to_stderr=to == "-")
    contacts, alerts = len(history.silences), len(history.incidents)
    days = (history.end_s - history.silences[-1].begin_s) / DAY_S
    typer.echo(f"{client}: {contacts} contacts, silent for {days:.0f} days, alerts: {alerts}", err=to == "-")
