"""Commands that need no Kafka: `replay` and `simulate`."""

import io
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from detector.cli import output
from detector.cli.firm import firm_of
from detector.cli.inputs import Refused, declared_by, demand_applied, note, read, rejection_of
from detector.cli.mapped import mapping_of
from detector.cli.options import (
    AsJson,
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

if TYPE_CHECKING:
    from detector.files.reading import Reading
    from detector.files.stream import Stream
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
    in_order: InOrder = False,
    encoding: Encoding = None,
    decimal_comma: DecimalComma = False,
    times_in: TimesIn = "s",
    keep_far: KeepFar = False,
    map_with: MapWith = None,
    config: FirmConfig = None,
    as_json: AsJson = False,
) -> None:
    """Run the detector over files, without Kafka: the same events give the same alerts."""
    output.announce_compilation()
    from detector.files.output import writing
    from detector.files.problem import InputError
    from detector.offline.dealing import Installation
    from detector.offline.replay import replay as run
    from detector.shell.config.policy import policy_of

    declared = declared_by(
        in_order=in_order, encoding=encoding, decimal_comma=decimal_comma, times_in=times_in, keep_far=keep_far
    )
    settings = settings_of(context, partitions=partitions, prior_file=prior)
    written = [Path(out).resolve() for out in (alerts, rejected, clients) if out]
    inputs = {Path(file).resolve() for file in files if file != "-"}
    if len(set(written)) < len(written) or not inputs.isdisjoint(written):
        raise InputError("--alerts, --rejected, --clients and the input files should be different files")
    mapping = mapping_of(context, map_with, config, files, declared)
    now_s = time.time()
    with ExitStack() as open_files:
        outputs = _Outputs(
            open_files.enter_context(writing(alerts)),
            open_files.enter_context(writing(rejected)) if rejected else None,
            open_files.enter_context(writing(clients)) if clients else None,
        )
        output.compile_kernels()
        reading = open_files.enter_context(read(files, declared, now_s=now_s, until_s=until, mapping=mapping))
        values = run(
            reading.batches(),
            Installation(policy_of(settings), settings.partitions, settings.source_of),
            now_s=now_s,
            until_s=until,
            with_outlooks=bool(clients),
            is_sorted=reading.is_sorted,
        )
        summary = outputs.write(values, reading)
    # Results of a pipe are not mixed with a summary.
    output.summary(summary, mapping, as_json=as_json, to_stderr="-" in (alerts, rejected, clients))
    for line in outputs.refused.lines():
        note(line)
    if (summary.rejected or summary.left_out) and not rejected:
        note("--rejected OUT writes the rejected records, and those with fields left out, with reasons")
    if summary.lookalikes:
        note(
            f"warning: {summary.lookalikes:,} client ids differ from another one only in case or blanks; they count as"
            " different clients: write each in one way if they are not"
        )
    demand_applied(summary.applied, mapping)


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


@dataclass
class _Outputs:
    """Where the outputs of a replay are written; None = nowhere."""

    alerts: IO[bytes]
    rejected: IO[bytes] | None
    clients: IO[bytes] | None
    refused: Refused = field(default_factory=Refused)

    def write(self, values: "Iterable[Output]", reading: "Reading | Stream") -> "Summary":
        """Write each value where its kind goes, and return the summary, which comes last."""
        from detector.core.alerts.alert import Alert
        from detector.offline.outputs import Rejected, Summary
        from schemas.rejection import of_file

        for value in values:
            if isinstance(value, Summary):
                return self._with_files(value, reading)
            if isinstance(value, Alert):
                self.alerts.write(value.value + b"\n")
            elif isinstance(value, Rejected):
                self._write_refused(of_file(value.value, *reading.place(value.number)))
            elif self.clients:
                self.clients.write(value.value + b"\n")
        raise AssertionError("a replay ends with its summary")

    def _with_files(self, summary: "Summary", reading: "Reading | Stream") -> "Summary":
        """Add to a summary what the files tell: rows out of order, and those that are far from all others in time."""
        far = 0
        for far, row in enumerate(reading.far(), 1):  # noqa: B007 - the last number is how many there are
            self._write_refused(rejection_of(row))
        rejected = Counter(summary.rejected) + Counter({"time_out_of_range": far} if far else {})
        return replace(
            summary, records=summary.records + far, rejected=dict(rejected), out_of_order=reading.out_of_order
        )

    def _write_refused(self, rejection: bytes) -> None:
        self.refused.add(rejection)
        if self.rejected:
            self.rejected.write(rejection + b"\n")


@contextmanager
def _as_text(out: IO[bytes]) -> Iterator[IO[str]]:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="\n")
    yield text
    text.detach()  # flushes, and leaves the file to its owner
