"""Commands that need no Kafka: `replay` and `simulate`."""

import io
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, NamedTuple

import typer

from detector.cli import output
from detector.cli.firm import firm_of
from detector.cli.options import AsJson, Files, Prior, instant, settings_of

if TYPE_CHECKING:
    from detector.files.files import Lines
    from detector.offline.outputs import Output, Summary


def replay(
    context: typer.Context,
    files: Files,
    alerts: Annotated[str, typer.Option(metavar="OUT", help="Where alerts go, as NDJSON; - is stdout.")],
    partitions: Annotated[int | None, typer.Option(help="Shards, instead of the setting.")] = None,
    until: Annotated[
        float | None,
        typer.Option(parser=instant, metavar="TIME|now", help="How long silence is watched; else to the last event."),
    ] = None,
    prior: Prior = None,
    rejected: Annotated[str | None, typer.Option(metavar="OUT", help="Where refused records go, as NDJSON.")] = None,
    clients: Annotated[
        str | None, typer.Option(metavar="OUT", help="Where it goes how each client stands at the end, as NDJSON.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the detector over files, without Kafka: the same events give the same alerts."""
    from detector.files.files import InputError, Lines, read_batches, writing
    from detector.offline.dealing import Installation
    from detector.offline.replay import replay as run
    from detector.shell.config.policy import policy_of

    settings = settings_of(context, partitions=partitions, prior_file=prior)
    written = [Path(out).resolve() for out in (alerts, rejected, clients) if out]
    inputs = {Path(file).resolve() for file in files if file != "-"}
    if len(set(written)) < len(written) or not inputs.isdisjoint(written):
        raise InputError("--alerts, --rejected, --clients and the input files should be different files")
    lines = Lines(files)
    with ExitStack() as open_files:
        outputs = _Outputs(
            open_files.enter_context(writing(alerts)),
            open_files.enter_context(writing(rejected)) if rejected else None,
            open_files.enter_context(writing(clients)) if clients else None,
        )
        progress = open_files.enter_context(output.progress(files))
        open_files.enter_context(output.compilation_told())
        values = run(
            read_batches(files, progress=progress, lines=lines),
            Installation(policy_of(settings), settings.partitions, settings.source_of),
            now_s=time.time(),
            until_s=until,
            with_outlooks=bool(clients),
        )
        summary = outputs.write(values, lines)
    # Results of a pipe are not mixed with a summary.
    output.summary(summary, as_json=as_json, to_stderr="-" in (alerts, rejected, clients))
    if (summary.rejected or summary.left_out) and not rejected:
        typer.echo("--rejected OUT writes the rejected records, and those with fields left out, with reasons", err=True)
    if summary.lookalikes:
        typer.echo(
            f"warning: {summary.lookalikes:,} client ids differ from another one only in case or blanks; they count as"
            " different clients: write each in one way if they are not",
            err=True,
        )


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


class _Outputs(NamedTuple):
    """Where the outputs of a replay are written; None = nowhere."""

    alerts: IO[bytes]
    rejected: IO[bytes] | None
    clients: IO[bytes] | None

    def write(self, values: "Iterable[Output]", lines: "Lines") -> "Summary":
        """Write each value where its kind goes, and return the summary, which comes last."""
        from detector.core.alerts.alert import Alert
        from detector.offline.outputs import Rejected, Summary
        from schemas.rejection import of_file

        for value in values:
            if isinstance(value, Summary):
                return value
            if isinstance(value, Alert):
                self.alerts.write(value.value + b"\n")
            elif isinstance(value, Rejected):
                if self.rejected:
                    self.rejected.write(of_file(value.value, *lines[value.number]) + b"\n")
            elif self.clients:
                self.clients.write(value.value + b"\n")
        raise AssertionError("a replay ends with its summary")


@contextmanager
def _as_text(out: IO[bytes]) -> Iterator[IO[str]]:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="\n")
    yield text
    text.detach()  # flushes, and leaves the file to its owner
