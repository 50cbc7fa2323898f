"""Writes docs/metrics.md from the catalogue, so that the page always agrees with the code.

`python -m detector.shell.pages.metrics` writes it; with `--check` it compares.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from detector.shell.config.settings import Settings
from detector.shell.pages.page import write_or_check
from detector.shell.telemetry.catalogue import (
    BOTH,
    FORWARDER,
    LABELS,
    MAPPER,
    MAPPING,
    RECEIVER,
    WORKER,
    Metric,
    label_sets,
)

PAGE: Final = Path(__file__).parents[3] / "docs" / "metrics.md"
_INTRODUCTION: Final = """\
# Metrics

`ghosting worker`, `forward`, `map --from` and `receive` serve their metrics on `/metrics` (OpenMetrics, or Prometheus'
older text) if `GHOSTING_HTTP_PORT` names a port. On the same port `/health` answers whether the process is alive, and
`/ready` whether it can work: 200 if so, else 503 with the reason as JSON. `python -m detector.shell.pages.metrics`
writes this page from the code.

All series exist, at 0, from the start. A segment that no setting names counts as `other`. No label ever holds a client,
an account, an address or any other text of a record.

A counter begins at 0 with its process, as Prometheus expects; `increase()` and `rate()` handle that. Gauges describe
the partitions that the worker owns now. Over all workers, take the lowest `ghosting_shard_clock_timestamp_seconds` and
the highest `ghosting_source_last_event_timestamp_seconds`, and the sum of every other gauge. `process_*` metrics
(memory, CPU, files) are those of every Prometheus client. Faust's own metrics are not used: they count messages, and a
message is a chunk of thousands of records here. Only their count of rebalances would be true, and that is counted here.
"""
PROCESSES: Final = {
    "The worker": WORKER,
    "The forwarder": FORWARDER,
    "What maps: a topic, or webhooks": MAPPING,
    "A mapping of a topic": MAPPER[len(MAPPING) :],
    "The receiver of webhooks": RECEIVER[len(MAPPING) :],
    "All of them": BOTH,
}
_COLUMNS: Final = "\n| metric | kind | labels | series | meaning |\n|---|---|---|---|---|\n"


def page() -> str:
    """Build the page."""
    parts = [_INTRODUCTION]
    for title, metrics in PROCESSES.items():
        parts.append(f"\n## {title}\n{_COLUMNS}{''.join(_rows(metrics))}")
    parts.append("\n## Labels\n\n| label | meaning | values |\n|---|---|---|\n")
    parts.extend(f"| `{label}` | {meaning} | {_values(label)} |\n" for label, (meaning, _) in LABELS.items())
    return "".join(parts)


def _rows(metrics: Iterable[Metric]) -> Iterator[str]:
    settings = Settings()
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        series = len(list(label_sets(metric, settings)))
        varies = not {"source", "segment", "receiver"}.isdisjoint(metric.labels)
        count = "as set" if varies else f"{series}"
        yield f"| `{metric.name}` | {metric.kind} | {labels} | {count} | {metric.help} |\n"


def _values(label: str) -> str:
    if label in {"source", "segment", "receiver", "version"}:
        return "as set" if label != "version" else "one"
    return ", ".join(f"`{value}`" for value in LABELS[label][1](Settings()))


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with `--check` only compare; 1 = it is out of date."""
    return write_or_check(PAGE, page(), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
