"""The command `learn`: what a history teaches, for an installation that would begin with nothing."""

import time
from pathlib import Path
from typing import Annotated

import typer

from detector.cli import output
from detector.cli.options import Files, settings_of


def learn(
    context: typer.Context,
    files: Files,
    to: Annotated[str, typer.Option("-o", "--output", metavar="OUT", help="Where it goes, as JSON; - is stdout.")],
) -> None:
    """Learn the rhythms of each segment from a history, for GHOSTING_PRIOR_FILE or --prior."""
    output.announce_compilation()
    from detector.core.views.prior import encode
    from detector.files.files import InputError, read_batches, writing
    from detector.offline.learn import learn as run
    from detector.shell.config.policy import policy_of

    if to != "-" and Path(to).resolve() in {Path(file).resolve() for file in files if file != "-"}:
        raise InputError("--output and the input files should be different files")
    settings = settings_of(context).model_copy(update={"prior_file": None})  # what is learned is of these files alone
    with writing(to) as out:
        output.compile_kernels()
        with output.progress(files) as progress:
            taught = run(
                read_batches(files, progress=progress),
                policy=policy_of(settings),
                route=settings.source_of,
                now_s=time.time(),
            )
        out.write(encode(taught.prior))
    output.taught(taught, to_stderr=to == "-")
