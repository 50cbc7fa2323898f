"""The command line: reads arguments, calls what does the work, prints what came of it."""

import asyncio
import io
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from detector.shell.settings import Settings

app = typer.Typer(
    help="Notices when a client goes quiet, and says so while there is still time to act.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they print local variables, and clients are among them
)
topics_app = typer.Typer(help="The topics of this installation.", no_args_is_help=True)
schemas_app = typer.Typer(help="The contracts of what comes in and goes out.", no_args_is_help=True)
app.add_typer(topics_app, name="topics")
app.add_typer(schemas_app, name="schemas")

Files = Annotated[list[str], typer.Argument(metavar="FILE", help="CSV or NDJSON, plain or gzip; - is stdin.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@app.callback()
def _options(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings, instead of GHOSTING_CONFIG.")] = None,
    bootstrap_servers: Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT,HOST:PORT.")] = None,
    app_id: Annotated[str | None, typer.Option(help="Name of the installation.")] = None,
) -> None:
    context.obj = ({"bootstrap_servers": bootstrap_servers, "app_id": app_id}, config)


def _settings(context: typer.Context, **flags: object) -> "Settings":
    from detector.shell.settings import load

    given, file = context.obj
    return load({**given, **flags}, file=file)


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


@app.command()
def replay(
    context: typer.Context,
    files: Files,
    alerts: Annotated[str, typer.Option(metavar="OUT", help="Where alerts go, as NDJSON; - is stdout.")],
    partitions: Annotated[int | None, typer.Option(help="Shards, instead of the setting.")] = None,
    until: Annotated[
        float | None,
        typer.Option(parser=_instant, metavar="TIME|now", help="How long silence is watched; else to the last event."),
    ] = None,
    rejected: Annotated[str | None, typer.Option(metavar="OUT", help="Where refused records go, as NDJSON.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the detector over files, without Kafka: the same events give the same alerts."""
    from detector.files import InputError, read_records, writing
    from detector.replay import replay as run
    from detector.shell.policy import policy_of

    settings = _settings(context, partitions=partitions)
    outputs = [Path(out).resolve() for out in (alerts, rejected) if out]
    if len(set(outputs)) < len(outputs) or not {Path(file).resolve() for file in files if file != "-"}.isdisjoint(
        outputs
    ):
        raise InputError("--alerts, --rejected and the input files should be different files")
    with ExitStack() as open_files:
        emit = _line_writer(open_files.enter_context(writing(alerts)))
        reject = _line_writer(open_files.enter_context(writing(rejected))) if rejected else _drop
        progress = open_files.enter_context(_progress(files))
        summary = run(
            read_records(files, progress=progress),
            policy=policy_of(settings),
            partitions=settings.partitions,
            until_s=until,
            now_s=time.time(),
            route=settings.source_of,
            emit=emit,
            reject=reject,
        )
    # Results of a pipe are not mixed with a summary.
    _print_summary(summary, as_json=as_json, to_stderr="-" in (alerts, rejected))


@app.command()
def produce(context: typer.Context, files: Files, as_json: AsJson = False) -> None:
    """Put files into the source topics."""
    from detector.files import read_records
    from detector.shell.produce import produce as run

    settings = _settings(context)
    _require_topics(settings)
    with _progress(files) as progress:
        done = asyncio.run(run((record.value for record in read_records(files, progress=progress)), settings))
    if as_json:
        typer.echo(json.dumps(done._asdict()))
    else:
        typer.echo(f"{done.records} records produced, {done.unreadable} of them without a readable client and kind")


@topics_app.command("create")
def topics_create(context: typer.Context) -> None:
    """Create the topics that are missing."""
    from detector.shell import topics

    settings = _settings(context)
    _quiet()
    for name in asyncio.run(topics.create(settings)):
        typer.echo(f"created {name}")
    _require_topics(settings)


@topics_app.command("check")
def topics_check(context: typer.Context) -> None:
    """Say what is wrong with the topics; exit 1 if anything is."""
    _require_topics(_settings(context))
    typer.echo("all topics are as they should be")


@app.command()
def worker(context: typer.Context) -> None:
    """Run a worker: reads the sources, writes the alerts, until it is stopped."""
    from detector.shell.app import run_worker

    raise typer.Exit(run_worker(_settings(context)))


@app.command("settings")
def show_settings(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the settings in force, and where each comes from."""
    from detector.shell.settings import effective

    given, file = context.obj
    rows = effective(given, file=file)
    if as_json:
        typer.echo(json.dumps([row._asdict() for row in rows], ensure_ascii=False))
        return
    for row in rows:
        typer.echo(f"{row.variable}={row.value}  ({row.origin})")


@schemas_app.command("export")
def schemas_export(folder: Annotated[Path, typer.Argument(help="Where they go; made if missing.")]) -> None:
    """Write the JSON Schemas and the AsyncAPI document."""
    from detector.files import InputError
    from schemas.contract import export

    try:
        for path in export(folder):
            typer.echo(path)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}") from None


@app.command()
def simulate(
    events: Annotated[str, typer.Option(metavar="OUT", help="Where events go, as NDJSON; - is stdout.")],
    truth: Annotated[str, typer.Option(metavar="OUT", help="Where it goes what became of each client, as NDJSON.")],
    clients: Annotated[int, typer.Option(help="Number of clients.")] = 300,
    days: Annotated[int, typer.Option(help="Length of the history.")] = 365,
    seed: Annotated[int, typer.Option(help="The same seed gives the same firm.")] = 1,
) -> None:
    """Invent a firm with clients that go quiet, and the truth about them."""
    from detector.files import InputError, writing
    from detector.simulate.firm import Firm
    from detector.simulate.simulation import simulate as run
    from detector.simulate.simulation import write_events, write_truth

    if events == truth:
        raise InputError("--events and --truth name the same file; name two")
    try:
        firm = Firm(clients=clients, days=days, seed=seed)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with writing(events) as events_out, writing(truth) as truth_out:
        invented = run(firm)
        with _as_text(events_out) as text:
            write_events(invented.events, text)
        with _as_text(truth_out) as text:
            write_truth(invented.truths, text)


@app.command()
def demo(
    context: typer.Context,
    kafka: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Broker, instead of an embedded one.")] = None,
    clients: Annotated[int, typer.Option(min=1, help="Number of clients.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same firm.")] = 1,
) -> None:
    """Let a worker read a simulated year, and show whom it found silent."""
    from detector.demo import run_demo

    raise typer.Exit(run_demo(_settings(context, bootstrap_servers=kafka), kafka=kafka, clients=clients, seed=seed))


@app.command()
def watch(
    context: typer.Context,
    as_json: AsJson = False,
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Start with the oldest alert.")] = False,
) -> None:
    """Follow the alerts as they come out; Ctrl-C ends it."""
    from detector.shell.watch import show

    settings = _settings(context)
    _require_topics(settings)
    asyncio.run(show(settings, from_beginning=from_beginning, raw=as_json))


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as version_of

    typer.echo(version_of("ghosting-detector"))


def _quiet() -> None:
    """Leave it to us to say that no broker answers: one line instead of the client's many."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _require_topics(settings: "Settings") -> None:
    from detector.shell import topics

    _quiet()
    if found := asyncio.run(topics.problems(settings)):
        for problem in found:
            typer.echo(problem, err=True)
        raise typer.Exit(1)


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


@contextmanager
def _progress(paths: list[str]) -> Iterator[Callable[[int], None] | None]:
    """Show on a terminal how much of the files is read."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    sized = [Path(path) for path in paths if Path(path).is_file()]
    total = sum(path.stat().st_size for path in sized) if len(sized) == len(paths) else None
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=total)
        yield lambda read: bar.advance(task, read)


def _print_summary(summary: Any, *, as_json: bool, to_stderr: bool) -> None:  # noqa: ANN401 - a plain dataclass
    from dataclasses import asdict

    values = asdict(summary)
    if as_json:
        typer.echo(json.dumps(values), err=to_stderr)
        return
    for name, value in values.items():
        parts = (
            ", ".join(f"{key} {count}" for key, count in value.items()) or "none" if isinstance(value, dict) else value
        )
        typer.echo(f"{name.replace('_', ' ')}: {parts}", err=to_stderr)
