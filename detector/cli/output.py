"""What commands print besides their results: progress on a terminal, and a table at the end."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from detector import has_kernels

if TYPE_CHECKING:
    from detector.cli.mapped import Mapping
    from detector.offline.learn import Taught
    from detector.offline.outputs import Summary


@contextmanager
def progress() -> Iterator[Callable[[str, float | None], None]]:
    """Show on a terminal what is done with files, and the share of it that is done; None = that is not known."""
    if not sys.stderr.isatty():
        yield lambda _what, _share: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("opening the files", total=None)
        yield lambda what, share: bar.update(
            task, description=what, completed=share or 0.0, total=None if share is None else 1.0
        )


def announce_compilation() -> None:
    """Print at once on a terminal that kernels will have to be compiled: to import what compiles them takes a while."""
    if sys.stderr.isatty() and not has_kernels():
        typer.echo("first run: the kernels are compiled, which takes up to a minute", err=True)


def compile_kernels() -> None:
    """Compile the kernels that a run over files needs, and show on a terminal how far that is.

    Without a terminal they are compiled when they are called.
    """
    if not sys.stderr.isatty():
        return
    from rich.console import Console

    from detector.core.engine.warmup import warm_up
    from detector.shell.worker.warmup import reporting_compilation

    with Console(stderr=True).status("loading the kernels") as status:

        def report(count: int, name: str) -> None:
            status.update(f"compiling kernels: {count} are ready, now {name}")

        with reporting_compilation(report):
            warm_up(durable=False)


@contextmanager
def counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how many of how many are done."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def steps(total: int) -> Iterator[Callable[[str], None]]:
    """Show on a terminal which of a few long steps is under way; the first call shows the bar."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=total, completed=-1)

    def step(name: str) -> None:
        bar.start()
        bar.update(task, description=name, advance=1)

    try:
        yield step
    finally:
        bar.stop()


def summary(found: "Summary", mapping: "Mapping | None", *, as_json: bool, to_stderr: bool) -> None:
    """Print what a replay did, and before it what a mapping made of the records."""
    if as_json:
        mapped = {"mapping": mapping.as_json()} if mapping else {}
        typer.echo(json.dumps({**asdict(found), **mapped}), err=to_stderr)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for name, value in (*(mapping.rows() if mapping else ()), *_rows(found)):
        table.add_row(name, value)
    Console(stderr=to_stderr, highlight=False).print(table)


def mapped(mapping: "Mapping | None", *, to_stderr: bool) -> None:
    """Print what a mapping made of the records, if there is one."""
    for name, value in mapping.rows() if mapping else ():
        typer.echo(f"{name:<32}{value:>12}", err=to_stderr)


def taught(found: "Taught", *, to_stderr: bool) -> None:
    """Print what a prior file is made of."""
    from rich.console import Console
    from rich.table import Table

    from detector.core.layout import SILENCES
    from detector.core.views.prior import gaps_of

    console = Console(stderr=to_stderr, highlight=False)
    for name, value in (*_read(found), ("clients", f"{found.clients:,}")):
        console.print(f"{name:<32}{value:>12}")
    table = Table("completed gaps of", *SILENCES, box=None, header_style="")
    for name, segment in found.prior.segments.items():
        table.add_row(name, *(f"{gaps_of(getattr(segment, silence)):,}" for silence in SILENCES))
    console.print(table if found.prior.segments else "nothing was learned: no client has a fourth gap")


def _read(found: "Summary | Taught") -> Iterable[tuple[str, str]]:
    yield "records", f"{found.records:,}"
    yield "  applied", f"{found.applied:,}"
    for reason, count in sorted(found.rejected.items()):
        yield f"  rejected, {reason}", f"{count:,}"


def _rows(found: "Summary") -> Iterable[tuple[str, str]]:
    yield from _read(found)
    if found.out_of_order:
        yield "  out of order, sorted by time", f"{found.out_of_order:,}"
    yield "  late", f"{found.late:,}"
    yield "  duplicates", f"{found.duplicates:,}"
    yield "clients", f"{found.clients:,}"
    for kind, count in sorted(found.alerts.items()):
        yield f"alerts, {kind}", f"{count:,}"
    yield "alerts held while a segment learns", f"{found.held:,}"
    yield "incidents open at the end", f"{found.open:,}"
    for field, count in sorted(found.left_out.items()):
        yield f"fields left out, {field}", f"{count:,}"
    if found.promises:
        yield "promises: ahead of the clock, no contact", f"{found.promises:,}"
    if found.lookalikes:
        yield "clients like another but for case or blanks", f"{found.lookalikes:,}"
    if found.unknown_fields:
        yield "unknown fields ignored", f"{found.unknown_fields:,}"
    rate = f" ({found.records / found.seconds:,.0f} records/s)" if found.seconds else ""
    yield "time", f"{found.seconds:,.1f} s{rate}"
