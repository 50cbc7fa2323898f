"""A backtest for programs: the figures as JSON, without the columns that they were made of."""

from dataclasses import asdict
from typing import Any

from detector.backtest.levels import Shift
from detector.backtest.notes import notes
from detector.backtest.run import Backtest
from detector.backtest.survival import TIMES_MEAN, TOLD_TIMES_MEAN
from detector.core.clock import rfc3339


def as_json(found: Backtest) -> dict[str, Any]:
    """Give everything that the tables show; what could not be computed is null."""
    log = found.log
    return {
        "log": {
            "clients": len(log.clients),
            "contacts": len(found.silences.client),
            "start": rfc3339(log.start_s) if log.clients else None,
            "end": rfc3339(log.end_s) if log.clients else None,
            "late": found.late,
            **log.counts,
            "level_shifts": _levels(found.shifts),
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
            for judged in found.judged
        ],
        "survival": [
            {**asdict(table), "times_mean": list(TIMES_MEAN), "told_times_mean": list(TOLD_TIMES_MEAN)}
            for table in found.survival
        ],
        "notes": notes(found),
    }


def _levels(shifts: list[Shift]) -> list[dict[str, Any]]:
    return [
        {"stream": one.stream, "seen": rfc3339(one.seen_s), "before_a_day": one.before, "now_a_day": one.now}
        for one in shifts
    ]
