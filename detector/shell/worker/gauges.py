"""The gauges of a worker, and whether it is ready: read from its shards at the moment of a request."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping

from detector.core.engine.shard import Shard
from detector.core.views.said_against_true import STAGE_WORDS, said_against_true
from detector.core.views.under_watch import CLIENT_STATES, OpenAlert, count_clients, values_at_stake, waiting_on_us
from detector.shell.config.settings import Settings
from detector.shell.telemetry.catalogue import OTHER, WORKER, label_sets
from detector.shell.telemetry.metrics import Metrics
from detector.shell.worker.shard_task import ShardTask


class Gauges:
    """Reads the shards of a worker, and changes nothing in them.

    Parameters
    ----------
    metrics
        The metrics of the process.
    settings
        In force; they name sources and segments.
    shards
        The shards by partition. They come and go with the assignment.
    """

    def __init__(self, metrics: Metrics, settings: Settings, shards: Mapping[int, ShardTask]) -> None:
        self.metrics = metrics
        self._settings, self._shards = settings, shards
        self._is_member = False

    def assigned(self) -> None:
        """Record that the group has assigned its partitions, perhaps none of them to us."""
        self._is_member = True
        self.metrics.add("ghosting_rebalances_total", 1)

    def ready(self) -> str | None:
        """Return why this worker is not ready; None if all its shards are restored and their lag is known."""
        if not self._is_member:
            return "no partitions were handed out yet"
        for partition, task in sorted(self._shards.items()):
            if task.restored is None:
                return f"shard {partition} is being restored"
            for source in self._settings.inputs:
                if task.lag(source) is None:
                    return f"the lag of {source}, partition {partition}, is not known yet"
        return None

    def refresh(self) -> None:
        """Set all gauges."""
        restored = [task.restored for task in self._shards.values() if task.restored is not None]
        self.metrics.set("ghosting_shards", len(restored), "ready")
        self.metrics.set("ghosting_shards", len(self._shards) - len(restored), "restoring")
        self._set_progress(restored)
        self._set_clients(restored)
        self._set_outlook(restored)
        self._set_ratios()

    def _set_progress(self, restored: list[Shard]) -> None:
        clock_s = min((shard.clock_s for shard in restored), default=0.0)
        self.metrics.set("ghosting_shard_clock_timestamp_seconds", max(clock_s, 0.0))
        for source in self._settings.sources:
            last_s = max((shard.front_s(source) for shard in restored), default=-math.inf)
            self.metrics.set("ghosting_source_last_event_timestamp_seconds", max(last_s, 0.0), source)
        for source in self._settings.inputs:
            lags = [task.lag(source) or 0 for task in self._shards.values()]
            self.metrics.set("ghosting_source_lag_records", sum(lags), source)

    def _set_clients(self, restored: list[Shard]) -> None:
        clients: Counter[str] = Counter()
        opened: Counter[OpenAlert] = Counter()
        at_stake, waiting = defaultdict[str, float](float), 0
        for shard in restored:
            counts = count_clients(shard.table, self._settings.learning_gaps_min)
            clients += counts.clients
            opened += counts.opened
            waiting += waiting_on_us(shard.table, shard.clock_s)
            for segment, value in values_at_stake(shard.table).items():
                at_stake[self.metrics.segment(segment)] += value
        by_signal: Counter[tuple[str, ...]] = Counter()
        by_segment: Counter[tuple[str, ...]] = Counter()
        for alert, count in opened.items():
            by_signal[alert.type, alert.signal, alert.severity] += count
            by_segment[self.metrics.segment(alert.segment), alert.type, alert.severity] += count
        for state in CLIENT_STATES:
            self.metrics.set("ghosting_clients", clients[state], state)
        self.metrics.set("ghosting_clients_waiting_on_us", waiting)
        for segment in sorted(self.metrics.segments | {OTHER}):
            self.metrics.set("ghosting_value_at_stake_per_year", at_stake[segment], segment)
        self._set_all("ghosting_alerts_open", by_signal)
        self._set_all("ghosting_segment_alerts_open", by_segment)

    def _set_outlook(self, restored: list[Shard]) -> None:
        compared = said_against_true(shard.table for shard in restored)
        self.metrics.set("ghosting_outlook_labels", compared.labels)
        self.metrics.set("ghosting_outlook_brier", compared.brier)
        self.metrics.set("ghosting_outlook_brier_constant", compared.brier_constant)
        for stage, said, true in zip(STAGE_WORDS, compared.said, compared.true, strict=True):
            self.metrics.set("ghosting_outlook_said_ratio", said, stage)
            self.metrics.set("ghosting_outlook_true_ratio", true, stage)

    def _set_all(self, name: str, counts: Counter[tuple[str, ...]]) -> None:
        """Set every series of a gauge. A series that is not in the counts is 0."""
        (metric,) = (metric for metric in WORKER if metric.name == name)
        for values in label_sets(metric, self._settings):
            self.metrics.set(name, counts[values], *values)

    def _set_ratios(self) -> None:
        for segment in self.metrics.segments:
            realised = self.metrics.value("ghosting_false_alerts_total", segment)
            promised = self.metrics.value("ghosting_false_alerts_promised_total", segment)
            self.metrics.set("ghosting_false_alerts_ratio", realised / promised if promised else 0.0, segment)
