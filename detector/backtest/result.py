"""A backtest for programs: the figures as JSON, without the columns that they were made of."""

from dataclasses import asdict
from typing import Any

from detector.backtest.levels import Shift
from detector.backtest.notes import notes
from detector.backtest.run import Backtest
from detector.backtest.survival import TIMES_MEAN, TOLD_TIMES_MEAN
from detector.core.clock import rfc3339


def as_json(result: Backtest) -> dict[str, Any]:
    """Return everything that the tables show; what could not be computed is null."""
    log = result.log
    return {
        "log": {
            "clients": len(log.clients),
            "contacts": len(result.silences.client),
            "start": rfc3339(log.start_s) if log.clients else None,
            "end": rfc3339(log.end_s) if log.clients else None,
            "late": result.late,
            **log.counts,
            "level_shifts": _levels(result.shifts),
        },
        "budgets": [
            {
                "false_alerts_per_client_year": judged.budget,
                **asdict(judged.score),
                "calibration": asdict(judged.calibration),
                "baselines": [asdict(baseline) for baseline in judged.baselines],
                "missed_contacts_over_best_baseline": judged.missed_over_best_baseline,
                "other_signals": [
                    {"name": name, "opened": opened, "resolved": resolved}
                    for name, (opened, resolved) in judged.others.items()
                ],
                "held": judged.held,
                "outlook": [asdict(horizon) for horizon in judged.reliability],
                "level_shifts": _levels(judged.shifts),
            }
            for judged in result.judged
        ],
        "survival": [
            {**asdict(table), "times_mean": list(TIMES_MEAN), "told_times_mean": list(TOLD_TIMES_MEAN)}
            for table in result.survival
        ],
        "notes": notes(result),
    }


def _levels(shifts: list[Shift]) -> list[dict[str, Any]]:
    return [
        {"stream": shift.stream, "seen": rfc3339(shift.seen_s), "before_a_day": shift.before, "now_a_day": shift.now}
        for shift in shifts
    ]
