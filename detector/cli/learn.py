"""The command `learn`: what a history teaches, for an installation that would begin with nothing."""

import time
from pathlib import Path
from typing import Annotated

import typer

from detector.cli import output
from detector.cli.inputs import declared_by, demand_applied, read
from detector.cli.mapped import mapping_of
from detector.cli.options import (
    DecimalComma,
    Encoding,
    Files,
    FirmConfig,
    InOrder,
    KeepFar,
    MapWith,
    TimesIn,
    settings_of,
)


def learn(
    context: typer.Context,
    files: Files,
    to: Annotated[str, typer.Option("-o", "--output", metavar="OUT", help="Where it goes, as JSON; - is stdout.")],
    in_order: InOrder = False,
    encoding: Encoding = None,
    decimal_comma: DecimalComma = False,
    times_in: TimesIn = "s",
    keep_far: KeepFar = False,
    map_with: MapWith = None,
    config: FirmConfig = None,
) -> None:
    """Learn the rhythms of each segment from a history, for GHOSTING_PRIOR_FILE or --prior."""
    output.announce_compilation()
    from detector.core.views.prior import encode
    from detector.files.output import writing
    from detector.files.problem import InputError
    from detector.offline.learn import learn as run
    from detector.shell.config.policy import policy_of

    if to != "-" and Path(to).resolve() in {Path(file).resolve() for file in files if file != "-"}:
        raise InputError("--output and the input files should be different files")
    declared = declared_by(
        in_order=in_order, encoding=encoding, decimal_comma=decimal_comma, times_in=times_in, keep_far=keep_far
    )
    settings = settings_of(context).model_copy(update={"prior_file": None})  # what is learned is of these files alone
    mapping = mapping_of(context, map_with, config, files, declared)
    now_s = time.time()
    with writing(to) as out:
        output.compile_kernels()
        with read(files, declared, now_s=now_s, mapping=mapping) as reading:
            taught = run(reading.batches(), policy=policy_of(settings), route=settings.source_of, now_s=now_s)
            taught = taught.with_refused("time_out_of_range", sum(1 for _ in reading.far()))
        out.write(encode(taught.prior))
    output.mapped(mapping, to_stderr=to == "-")
    output.taught(taught, to_stderr=to == "-")
    demand_applied(taught.applied, mapping)
