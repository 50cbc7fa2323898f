"""What became of mapped records, in the metrics of a process; `ghosting map --from` and `ghosting receive` share it."""

from collections import Counter
from collections.abc import Iterable

from detector.mapping.outcome import Command, Dropped, Result
from detector.shell.mapper.placing import REJECTED_DROPS, Placed, Placing
from detector.shell.telemetry.metrics import Metrics


def became(result: Result) -> str:
    """Return the word for what a record became, one of `catalogue.BECAME`.

    Examples
    --------
    >>> became([]), became(Dropped("edit", "")), became(Dropped("invalid", ""))
    ('interactions', 'dropped', 'rejected')
    """
    if isinstance(result, list):
        return "interactions"
    if isinstance(result, Dropped):
        return "rejected" if result.reason in REJECTED_DROPS else "dropped"
    return "command" if isinstance(result, Command) else "gap"


class Tally:
    """Counts of mapped records that are not durable yet, and so in no metric yet."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def count(self, result: Result) -> None:
        """Count a record."""
        self.counts["ghosting_mapping_records_total", became(result)] += 1
        if isinstance(result, Dropped):
            self.counts["ghosting_mapping_dropped_total", result.reason] += 1

    def count_written(self, records: Iterable[Placed], placing: Placing) -> None:
        """Count what is written to the sources."""
        for record in records:
            if source := placing.source_of_topic.get(record.topic):
                self.counts["ghosting_mapping_interactions_total", source] += 1

    def publish(self, metrics: Metrics) -> None:
        """Add the counts to the metrics: everything is durable now."""
        for (name, value), count in self.counts.items():
            metrics.add(name, count, value)
        self.counts.clear()
