"""The command `backtest`: what the detector would have done on a log, judged by what the clients did afterwards."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from detector.cli import figures, output
from detector.cli.options import Files, Prior, settings_of

BUDGET_MIN, BUDGET_MAX = 0.001, 365.0  # as GHOSTING_FALSE_ALERTS_PER_CLIENT_YEAR


class Budgets(tuple[float, ...]):
    """Budgets as a flag gives them: `.25,1,3`."""

    __slots__ = ()


def _budgets(text: str) -> Budgets:
    try:
        budgets = Budgets(sorted({float(part) for part in text.split(",")}))
    except ValueError:
        budgets = Budgets()
    if not budgets or not all(BUDGET_MIN <= budget <= BUDGET_MAX for budget in budgets):
        raise typer.BadParameter(f"{text!r} should be numbers from {BUDGET_MIN:g} to {BUDGET_MAX:g}, such as .25,1,3")
    return budgets


def backtest(
    context: typer.Context,
    files: Files,
    false_alerts: Annotated[
        Budgets,
        typer.Option(parser=_budgets, metavar="F,F,...", help="False alerts per client-year to try, one run each."),
    ] = ".25,1,3",  # type: ignore[assignment] # typer parses a default like an argument
    report: Annotated[str | None, typer.Option(metavar="OUT", help="Where a page with plots goes, as HTML.")] = None,
    json_to: Annotated[
        str | None, typer.Option("--json", metavar="OUT", help="Where all figures go, as JSON; - is stdout.")
    ] = None,
    partitions: Annotated[int | None, typer.Option(help="Shards, instead of the setting.")] = None,
    prior: Prior = None,
    learning: Annotated[
        bool, typer.Option("--learning", help="Hold alerts while a segment learns, as a worker does.")
    ] = False,
) -> None:
    """Judge the detector on a log of yours: false alerts against the promise, delays, and simple rules beside it."""
    output.announce_compilation()
    import json

    from detector.backtest.result import as_json
    from detector.backtest.run import backtest as run
    from detector.files.files import writing
    from detector.shell.config.policy import policy_of

    settings = settings_of(context, partitions=partitions, prior_file=prior)
    policy = policy_of(settings)
    _refuse_same_files(files, [out for out in (report, json_to) if out])
    with ExitStack() as open_files:
        # Outputs are opened first: a path that cannot be written is told before the work, not after.
        report_to = open_files.enter_context(writing(report)) if report else None
        figures_to = open_files.enter_context(writing(json_to)) if json_to else None
        output.compile_kernels()
        step = open_files.enter_context(output.steps(len(false_alerts)))
        found = run(
            _shown(files),
            policy=policy if learning else replace(policy, learning_gaps_min=0),
            budgets=false_alerts,
            partitions=settings.partitions,
            route=settings.source_of,
            now_s=time.time(),
            progress=lambda budget: step(f"running with a budget of {budget:g}"),
        )
        if report_to:
            from detector.backtest.report import page

            step("drawing the report")
            report_to.write(page(found, files, settings.false_alerts_per_client_year).encode())
        if figures_to:
            figures_to.write(json.dumps(as_json(found), allow_nan=False).encode() + b"\n")
    figures.show(found, to_stderr="-" in (report, json_to))


def _shown(files: list[str]) -> Iterator[Sequence[bytes]]:
    """Read the records, with a bar that ends when they do."""
    from detector.files.files import read_batches

    with output.progress(files) as progress:
        yield from read_batches(files, progress=progress)


def _refuse_same_files(files: Sequence[str], outputs: Sequence[str]) -> None:
    from detector.files.files import InputError

    written = [Path(out).resolve() for out in outputs]
    read = {Path(file).resolve() for file in files if file != "-"}
    if len(set(written)) < len(written) or not read.isdisjoint(written):
        raise InputError("--report, --json and the input files should be different files")
