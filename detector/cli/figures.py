"""The figures of a backtest as tables on a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from detector.backtest.run import Backtest, Judged
    from detector.backtest.score import Calibration, Score


def show(found: "Backtest", *, to_stderr: bool) -> None:
    """Print the figures, and what they cannot say."""
    from rich.console import Console

    from detector.backtest.notes import notes

    console = Console(stderr=to_stderr, highlight=False)
    console.print(f"{found.log.counts['records']:,} events of {len(found.log.clients):,} clients")
    if found.silences.watched.any():
        console.print("\nFalse alerts per client-year, realised / promised (and how many)")
        console.print(_calibration(found.judged))
        for judged in found.judged:
            console.print(f"\nBudget {judged.budget:g}, and simple rules tuned in hindsight")
            console.print(_rules(judged))
        console.print(
            "a week = alerts; false = the client came back; gone = share that did not; alerted = of the "
            f"{found.judged[0].score.delay.silences:,} last silences, one per client, whose end the log does not "
            "show; days, gaps = silence at those alerts, in days and in own mean gaps (median); missed = own mean gaps "
            "until the alert or the end of the log (mean)"
        )
    if any(judged.reliability[0].alerts for judged in found.judged):
        console.print("\nNot heard again: chances that the alerts said, against what came true")
        console.print(_reliability(found.judged))
        console.print(
            "alerts = openings and escalations whose days ended within the log; skill = 1 - Brier / that of the share"
            " so far, above 0 is better than a constant"
        )
    if any(judged.others for judged in found.judged):
        console.print("\nOther signals, incidents opened (resolved); they have budgets of their own")
        console.print(_others(found.judged))
    console.print()
    for note in notes(found):
        console.print(f"- {note}", soft_wrap=True, markup=False)
    console.print(
        "A silence up to the end of a log is not a confirmed departure. docs/backtest.md defines the figures."
    )


def _table(first: str, columns: Sequence[str]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
    table.add_column(first, no_wrap=True, max_width=31)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _calibration(judged: Sequence["Judged"]) -> "Table":
    table = _table("", [f"budget {one.budget:g}" for one in judged])
    for name, rates in (("", "overall"), ("rhythm", "by_rhythm"), ("history", "by_history"), ("log", "by_third")):
        columns = [_rates(one.calibration, rates) for one in judged]
        for row in zip(*columns, strict=True):
            table.add_row(f"{name} {row[0][0]}".strip(), *(cell for _, cell in row))
    return table


def _rates(calibration: "Calibration", name: str) -> list[tuple[str, str]]:
    rates = [calibration.overall] if name == "overall" else getattr(calibration, name)
    return [(rate.label, f"{_number(rate.realised_over_nominal)} ({rate.false_alerts:,})") for rate in rates]


def _rules(judged: "Judged") -> "Table":
    table = _table("rule", ["k", "a week", "false", "gone", "alerted", "days", "gaps", "missed"])
    table.add_row("this detector", "", *_judged(judged.score))
    for one in judged.baselines:
        table.add_row(one.name, f"{one.factor:.3g}", *_judged(one.score))
    return table


def _judged(score: "Score") -> list[str]:
    delay = score.delay
    return [
        _number(score.alerts_per_week, 1),
        f"{score.false_alerts:,}",
        "-" if score.share_without_return is None else f"{score.share_without_return:.0%}",
        f"{delay.alerted:,}",
        _number(delay.days_median, 1),
        _number(delay.own_gaps_median),
        _number(delay.missed_contacts_mean),
    ]


def _reliability(judged: Sequence["Judged"]) -> "Table":
    table = _table("", ["alerts", "said", "true", "Brier", "constant", "skill"])
    for one in judged:
        for horizon in one.reliability:
            table.add_row(
                f"budget {one.budget:g}, {horizon.horizon}",
                f"{horizon.alerts:,}",
                _number(horizon.said),
                _number(horizon.true),
                _number(horizon.brier, 4),
                _number(horizon.brier_constant, 4),
                _number(horizon.skill, 3),
            )
    return table


def _others(judged: Sequence["Judged"]) -> "Table":
    table = _table("", [f"budget {one.budget:g}" for one in judged])
    for name in sorted({name for one in judged for name in one.others}):
        counts = [one.others.get(name, (0, 0)) for one in judged]
        table.add_row(name, *(f"{opened:,} ({resolved:,})" for opened, resolved in counts))
    return table


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
