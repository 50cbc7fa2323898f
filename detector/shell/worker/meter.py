"""Counts the work of one shard in the metrics of its process."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from detector.core.alerts.alert import Alert
from detector.core.clock import DAYS_PER_YEAR
from detector.core.engine.intake import Intake
from detector.core.engine.shard import Shard
from detector.core.lifecycle import TYPE_OF
from detector.shell.config.settings import Settings
from detector.shell.telemetry.metrics import Metrics

_CAME_BACK: Final = frozenset({"returned", "late_event", "recovered"})


class Meter:
    """The part of one shard in the metrics. A counter grows by what the shard has counted since the last call.

    Parameters
    ----------
    metrics
        The metrics of the process.
    settings
        In force; they name sources and budgets.
    shard, intake
        They count, and are only read here.
    """

    def __init__(self, metrics: Metrics, settings: Settings, shard: Shard, intake: Intake) -> None:
        self._metrics, self._settings, self._shard, self._intake = metrics, settings, shard, intake
        self._counted_before: Counter[tuple[str, ...]] = Counter()
        self._watched_days: Counter[str] = Counter()

    def restored(self, seconds: float) -> None:
        """Record that the shard was restored."""
        self._metrics.observe("ghosting_restore_seconds", seconds)
        self._counted_before = Counter(dict(self._counted()))  # the former owner has counted what a restore counts

    def committed(self, seconds: float, current: Sequence[Alert], history: Sequence[Alert]) -> None:
        """Record a transaction with these alerts."""
        self._metrics.observe("ghosting_commit_seconds", seconds)
        now_s = time.time()
        for alert in current:
            if alert.transition == "opened":
                self._metrics.observe("ghosting_detection_delay_seconds", max(now_s - alert.at_s, 0.0))
            self._count(alert)
        for alert in history:
            self._count(alert)
        self._metrics.add("ghosting_alerts_history_total", len(history))

    def advanced(self) -> None:
        """Count what the shard has read and applied; all of it is durable."""
        for series, count in self._counted():
            if added := count - self._counted_before[series]:
                self._counted_before[series] = count
                name, *values = series
                self._metrics.add(name, added, *values)
        self._metrics.set("ghosting_lookalike_clients", self._intake.lookalikes.count)
        self._promise()

    def _count(self, alert: Alert) -> None:
        metrics, kind = self._metrics, TYPE_OF[alert.signal]
        metrics.add("ghosting_alerts_total", 1, kind, alert.signal, alert.severity, alert.transition)
        if alert.transition == "resolved" and alert.reason in _CAME_BACK:
            metrics.add("ghosting_reactivations_total", 1, kind)
            metrics.observe("ghosting_reactivation_seconds", max(alert.at_s - alert.opened_s, 0.0), kind)
            if alert.signal == "contact":
                metrics.add("ghosting_false_alerts_total", 1, metrics.segment(alert.segment))

    def _counted(self) -> Iterator[tuple[tuple[str, ...], int]]:
        """Return all counts of shard and intake, by series."""
        counts, refused = self._shard.counts, self._intake.refused
        for (source, kind, result), count in self._intake.read_counts.items():
            yield ("ghosting_interactions_total", source, kind, result), count
        for reason, count in refused.items():
            yield ("ghosting_rejected_total", reason), count
        for field, count in self._intake.left_out.items():
            yield ("ghosting_fields_left_out_total", field), count
        yield ("ghosting_promises_total",), self._intake.promises
        for source in self._settings.inputs:
            yield ("ghosting_late_total", source), counts[f"late/{source}"]
        yield ("ghosting_misrouted_total",), self._intake.misrouted.total()
        yield ("ghosting_duplicates_total",), counts["duplicates"]
        yield ("ghosting_alerts_held_total", "learning"), counts["held"]
        yield ("ghosting_unknown_fields_total",), self._intake.unknown_fields

    def _promise(self) -> None:
        """Count how many false alerts the budget allows for the event time that has passed since the last call."""
        settings = self._settings
        for segment, days in self._shard.exposure_days.items():
            budget = settings.segment_budgets.get(segment, settings.false_alerts_per_client_year)
            years = (days - self._watched_days[segment]) / DAYS_PER_YEAR
            label = self._metrics.segment(segment)
            self._metrics.add("ghosting_false_alerts_promised_total", budget * years, label)
        self._watched_days = self._shard.exposure_days.copy()
