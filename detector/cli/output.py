"""What commands print besides their results: progress on a terminal, and a table at the end."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from detector.offline.learn import Taught
    from detector.offline.outputs import Summary


@contextmanager
def progress(paths: list[str]) -> Iterator[Callable[[int], None] | None]:
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


def compilation_told() -> AbstractContextManager[None]:
    """Say on a terminal if kernels have to be compiled: the bar stands still meanwhile."""
    if not sys.stderr.isatty():
        return nullcontext()
    from detector.shell.worker.warmup import compilation_told

    return compilation_told(lambda said: typer.echo(said, err=True))


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


def summary(found: "Summary", *, as_json: bool, to_stderr: bool) -> None:
    """Print what a replay did."""
    if as_json:
        typer.echo(json.dumps(asdict(found)), err=to_stderr)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for name, value in _rows(found):
        table.add_row(name, value)
    Console(stderr=to_stderr, highlight=False).print(table)


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
