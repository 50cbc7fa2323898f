"""The metrics of a process: all series of the catalogue, at 0 from the start.

The registry belongs to the object; nothing is global.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.process_collector import ProcessCollector

from detector.shell.config.settings import Settings
from detector.shell.telemetry.catalogue import BOTH, OTHER, Metric, label_sets, segments_of


class Metrics:
    """The metrics of one process.

    Parameters
    ----------
    settings
        In force; they name the sources, segments and webhooks.
    declared
        The catalogue of this kind of process.

    Examples
    --------
    >>> from detector.shell.telemetry.catalogue import WORKER
    >>> metrics = Metrics(Settings(), WORKER)
    >>> metrics.add("ghosting_rejected_total", 2, "tombstone")
    >>> metrics.registry.get_sample_value("ghosting_rejected_total", {"reason": "tombstone"})
    2.0
    """

    def __init__(self, settings: Settings, declared: Iterable[Metric]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the series, and Prometheus drops them
        self.registry = CollectorRegistry()
        self.segments = frozenset(segments_of(settings))
        self._series: dict[tuple[str, ...], Counter | Gauge | Histogram] = {}
        ProcessCollector(registry=self.registry)
        for metric in (*declared, *BOTH):
            family = _family(metric, self.registry)
            for values in label_sets(metric, settings):
                self._series[metric.name, *values] = family.labels(*values) if values else family
        for values in label_sets(BOTH[0], settings):
            self.set("ghosting_build_info", 1, *values)

    def segment(self, name: str) -> str:
        """Return the label value of a segment."""
        return name if name in self.segments else OTHER

    def value(self, name: str, *values: str) -> float:
        """Return the value of a counter or gauge."""
        (sample,) = (sample for family in self._series[name, *values].collect() for sample in family.samples)
        return sample.value

    def add(self, name: str, amount: float, *values: str) -> None:
        """Add to a counter; `values` are those of its labels, in their order."""
        series = self._series[name, *values]
        assert isinstance(series, Counter)
        series.inc(amount)

    def set(self, name: str, value: float, *values: str) -> None:
        """Set a gauge; `values` are those of its labels, in their order."""
        series = self._series[name, *values]
        assert isinstance(series, Gauge)
        series.set(value)

    def observe(self, name: str, value: float, *values: str) -> None:
        """Add an observation to a histogram; `values` are those of its labels, in their order."""
        series = self._series[name, *values]
        assert isinstance(series, Histogram)
        series.observe(value)


def _family(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if metric.kind == "counter":
        return Counter(metric.name, metric.help, metric.labels, registry=registry)
    if metric.kind == "gauge":
        return Gauge(metric.name, metric.help, metric.labels, registry=registry)
    return Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)
