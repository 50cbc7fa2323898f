"""The figures as a table in the terminal, as JSON, and as RESULTS.md, with machine, versions and command."""

import json
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

import machine
from trial import Trial

WIDTH = 160  # where nobody says how wide it is


@dataclass
class Row:
    """One system in the table of speeds.

    Parameters
    ----------
    key, name, durable
        Of the system.
    events
        How many it was given.
    trials
        Its runs; none if it could not be run.
    expected
        Alerts that a reader in the order of time raises; None if that is not its job.
    failed
        Why it could not be run.
    """

    key: str
    name: str
    durable: str
    events: int
    trials: list[Trial] = field(default_factory=list)
    expected: int | None = None
    failed: str = ""

    def middle(self, name: str) -> float:
        """Give the median of a figure over the runs."""
        return median(getattr(trial, name) for trial in self.trials)

    @property
    def spread(self) -> str:
        """The slowest and the fastest run."""
        speeds = [trial.speed for trial in self.trials]
        return f"{thousands(min(speeds))}-{thousands(max(speeds))}"

    @property
    def alerts(self) -> str:
        """How many alerts it raised, beside how many it should have."""
        if self.expected is None:
            return "-"
        raised = sorted({trial.alerts for trial in self.trials})
        said = "-".join(f"{count:,}" for count in ([raised[0]] if len(raised) == 1 else [raised[0], raised[-1]]))
        cut = " (cut off)" if any(trial.events < self.events for trial in self.trials) else ""
        return f"{said} of {self.expected:,}{cut}"


@dataclass(frozen=True)
class Figure:
    """One other figure: what, how much, the goal, whether it is reached (None: no goal), how it was measured."""

    what: str
    figure: str
    goal: str = ""
    reached: bool | None = None
    how: str = ""


@dataclass
class Results:
    """All that a run of the benchmark found."""

    command: str
    rows: list[Row] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    began: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    described: dict[str, str] = field(default_factory=machine.described)
    load_before: str = field(default_factory=machine.load)
    short: bool = False


def thousands(speed: float) -> str:
    """Write events per second for people."""
    return f"{speed / 1000:,.1f}k" if speed < 100_000 else f"{speed / 1000:,.0f}k"


def show(results: Results) -> None:
    """Print the tables."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    table = Table(title="events per second, one core")
    for column in ("system", "durable", "median", "spread", "2nd half", "us CPU", "MB", "bytes/event", "alerts"):
        table.add_column(column, justify="left" if column in ("system", "durable") else "right")
    for row in results.rows:
        table.add_row(*_cells(row))
    if results.rows:
        console.print(table)
    others = Table(title="other figures")
    for column in ("what", "figure", "goal", ""):
        others.add_column(column)
    for figure in results.figures:
        others.add_row(figure.what, figure.figure, figure.goal, _mark(figure))
    console.print(others)


def _cells(row: Row) -> list[str]:
    if row.failed:
        return [row.name, row.durable, row.failed, *[""] * 6]
    return [
        row.name,
        row.durable,
        thousands(row.middle("speed")),
        row.spread,
        thousands(row.middle("second_half")),
        f"{row.middle('cpu_us'):.1f}",
        f"{row.middle('rss_mb'):.0f}",
        f"{row.middle('bytes_written'):.0f}",
        row.alerts,
    ]


def _mark(figure: Figure) -> str:
    return {None: "", True: "reached", False: "missed"}[figure.reached]


def write(results: Results, folder: Path) -> None:
    """Write results.json and RESULTS.md; both appear when they are complete."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("results.json", json.dumps(asdict(results), indent=1) + "\n"),
        ("RESULTS.md", markdown(results)),
    ):
        part = folder / f"{name}.part"
        part.write_text(text)
        part.replace(folder / name)


def markdown(results: Results) -> str:
    """Give the text of RESULTS.md."""
    lines = [
        "# Results",
        "",
        f"Written by `{results.command}`, begun {results.began}.",
        f"The load of the machine was {results.load_before} before.",
        "What is measured and how: [README.md](README.md).",
        "",
    ]
    if results.short:
        lines += ["Short form: few events, one run each; the JVM is hardly warm. Not for comparisons.", ""]
    lines += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in results.described.items()), ""]
    lines += [
        "## Speed",
        "",
        "Events per second on one core: median of the runs, slowest and fastest, and median of their second halves.",
        "Processor time (us) and bytes in Kafka are per event, from the start of the process; MB is the most memory.",
        "",
        "| system | durable | events/s | spread | second half | us CPU | MB | bytes | alerts |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
        *(f"| {' | '.join(_cells(row))} |" for row in results.rows),
        "",
    ]
    if results.figures:
        lines += ["## Against the goals", "", "| what | figure | goal | | how |", "|---|---|---|---|---|"]
        lines += [f"| {f.what} | {f.figure} | {f.goal} | {_mark(f)} | {f.how} |" for f in results.figures]
        lines += [""]
    return "\n".join(lines)
