"""The command `backtest`: what the detector would have done on a log, judged by what the clients did afterwards."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli import figures, output
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
    Prior,
    TimesIn,
    settings_of,
)

if TYPE_CHECKING:
    from detector.cli.mapped import Mapping
    from detector.files.declared import Declared

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
    in_order: InOrder = False,
    encoding: Encoding = None,
    decimal_comma: DecimalComma = False,
    times_in: TimesIn = "s",
    keep_far: KeepFar = False,
    map_with: MapWith = None,
    config: FirmConfig = None,
) -> None:
    """Judge the detector on a log of yours: false alerts against the promise, delays, and simple rules beside it."""
    output.announce_compilation()
    import json

    from detector.backtest.result import as_json
    from detector.backtest.run import backtest as run
    from detector.files.output import writing
    from detector.shell.config.policy import policy_of

    declared = declared_by(
        in_order=in_order, encoding=encoding, decimal_comma=decimal_comma, times_in=times_in, keep_far=keep_far
    )
    settings = settings_of(context, partitions=partitions, prior_file=prior)
    policy = policy_of(settings)
    mapping = mapping_of(context, map_with, config, files, declared)
    _refuse_same_files(files, [out for out in (report, json_to) if out])
    with ExitStack() as open_files:
        # Outputs are opened first: a path that cannot be written is told before the work, not after.
        report_to = open_files.enter_context(writing(report)) if report else None
        figures_to = open_files.enter_context(writing(json_to)) if json_to else None
        output.compile_kernels()
        step = open_files.enter_context(output.steps(len(false_alerts)))
        read_now = _Read(files, declared, time.time(), mapping)
        found = run(
            read_now.batches(),
            policy=policy if learning else replace(policy, learning_gaps_min=0),
            budgets=false_alerts,
            partitions=settings.partitions,
            route=settings.source_of,
            now_s=read_now.now_s,
            progress=lambda budget: step(f"running with a budget of {budget:g}"),
        )
        found.log.counts.update(read_now.refused)
        if report_to:
            from detector.backtest.report import page

            step("drawing the report")
            report_to.write(page(found, files, settings.false_alerts_per_client_year).encode())
        if figures_to:
            figures_found = as_json(found) | ({"mapping": mapping.as_json()} if mapping else {})
            figures_to.write(json.dumps(figures_found, allow_nan=False).encode() + b"\n")
    output.mapped(mapping, to_stderr="-" in (report, json_to))
    figures.show(found, to_stderr="-" in (report, json_to))
    demand_applied(len(found.log.clients), mapping)


class _Read:
    """The records of the files, read once, with a bar that ends when they do; what was refused is counted."""

    def __init__(self, files: Sequence[str], declared: "Declared", now_s: float, mapping: "Mapping | None") -> None:
        self.now_s, self.refused = now_s, Counter[str]()
        self._files, self._declared, self._mapping = files, declared, mapping

    def batches(self) -> Iterator[Sequence[bytes]]:
        """Read the records in order."""
        with read(self._files, self._declared, now_s=self.now_s, mapping=self._mapping) as reading:
            yield from reading.batches()
            if far := sum(1 for _ in reading.far()):
                self.refused.update({"records": far, "rejected time_out_of_range": far})


def _refuse_same_files(files: Sequence[str], outputs: Sequence[str]) -> None:
    from detector.files.problem import InputError

    written = [Path(out).resolve() for out in outputs]
    read = {Path(file).resolve() for file in files if file != "-"}
    if len(set(written)) < len(written) or not read.isdisjoint(written):
        raise InputError("--report, --json and the input files should be different files")
