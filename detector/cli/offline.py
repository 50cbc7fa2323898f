"""Commands that need no Kafka: `replay` and `simulate`."""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated

import typer

from detector.cli import output
from detector.cli.firm import firm_of
from detector.cli.options import AsJson, Files, Prior, settings_of


def _instant(text: str) -> float:
    """Read `now`, or a time with an offset."""
    if text == "now":
        return time.time()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - it has no offset either
    if at.tzinfo is None:
        raise typer.BadParameter(f"{text!r} is neither `now` nor a time with an offset, such as 2025-03-04T00:00:00Z")
    return at.timestamp()


def replay(
    context: typer.Context,
    files: Files,
    alerts: Annotated[str, typer.Option(metavar="OUT", help="Where alerts go, as NDJSON; - is stdout.")],
    partitions: Annotated[int | None, typer.Option(help="Shards, instead of the setting.")] = None,
    until: Annotated[
        float | None,
        typer.Option(parser=_instant, metavar="TIME|now", help="How long silence is watched; else to the last event."),
    ] = None,
    prior: Prior = None,
    rejected: Annotated[str | None, typer.Option(metavar="OUT", help="Where refused records go, as NDJSON.")] = None,
    clients: Annotated[
        str | None, typer.Option(metavar="OUT", help="Where it goes how each client stands at the end, as NDJSON.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the detector over files, without Kafka: the same events give the same alerts."""
    output.announce_compilation()
    from detector.files.files import InputError, Lines, read_batches, writing
    from detector.offline.replay import replay as run
    from detector.shell.config.policy import policy_of

    settings = settings_of(context, partitions=partitions, prior_file=prior)
    outputs = [Path(out).resolve() for out in (alerts, rejected, clients) if out]
    inputs = {Path(file).resolve() for file in files if file != "-"}
    if len(set(outputs)) < len(outputs) or not inputs.isdisjoint(outputs):
        raise InputError("--alerts, --rejected, --clients and the input files should be different files")
    lines = Lines(files)
    with ExitStack() as open_files:
        emit = _line_writer(open_files.enter_context(writing(alerts)))
        reject = _line_writer(open_files.enter_context(writing(rejected))) if rejected else _drop
        tell = _line_writer(open_files.enter_context(writing(clients))) if clients else None
        output.compile_kernels()
        progress = open_files.enter_context(output.progress(files))
        summary = run(
            read_batches(files, progress=progress, lines=lines),
            policy=policy_of(settings),
            partitions=settings.partitions,
            until_s=until,
            now_s=time.time(),
            route=settings.source_of,
            emit=emit,
            reject=reject,
            tell=tell,
            line_of=lines.__getitem__,
        )
    # Results of a pipe are not mixed with a summary.
    output.summary(summary, as_json=as_json, to_stderr="-" in (alerts, rejected, clients))
    if summary.rejected and not rejected:
        typer.echo("--rejected OUT writes the rejected records with their reasons", err=True)


def simulate(
    events: Annotated[str, typer.Option(metavar="OUT", help="Where events go, as NDJSON; - is stdout.")],
    truth: Annotated[str, typer.Option(metavar="OUT", help="Where it goes what became of each client, as NDJSON.")],
    clients: Annotated[int, typer.Option(help="Number of clients.")] = 300,
    days: Annotated[int, typer.Option(help="Length of the history.")] = 365,
    seed: Annotated[int, typer.Option(help="The same seed gives the same firm.")] = 1,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Another parameter of docs/simulation.md: fading_share=0.2."),
    ] = None,
    outages: Annotated[
        list[str] | None,
        typer.Option("--outage", metavar="SOURCE,START,END", help="A stretch in which a source records nothing."),
    ] = None,
) -> None:
    """Invent a firm with clients that go quiet, and the truth about them."""
    from detector.files.files import InputError, writing
    from detector.simulate.simulation import simulate as run
    from detector.simulate.simulation import write_events, write_truth

    if events == truth:
        raise InputError("--events and --truth name the same file; name two")
    firm = firm_of(parameters or (), outages or (), clients=clients, days=days, seed=seed)
    with writing(events) as events_out, writing(truth) as truth_out:
        invented = run(firm)
        with _as_text(events_out) as text:
            write_events(invented.events, text)
        with _as_text(truth_out) as text:
            write_truth(invented.truths, text)


def _line_writer(out: IO[bytes]) -> Callable[[bytes], None]:
    def write(value: bytes) -> None:
        out.write(value + b"\n")

    return write


@contextmanager
def _as_text(out: IO[bytes]) -> Iterator[IO[str]]:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="\n")
    yield text
    text.detach()  # flushes, and leaves the file to its owner


def _drop(_: bytes) -> None:
    """Keep no rejected record: the summary counts them."""
