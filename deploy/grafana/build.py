"""Builds the two dashboards: Clients for the business, Detector for operations.

`python deploy/grafana/build.py` writes dashboards/*.json; `python deploy/grafana/build.py --check` compares.
"""

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, Row
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import TooltipDisplayMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from panels import CLIENTS, DETECTOR, Panel

HOME: Final = Path(__file__).parent / "dashboards"
_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
_HEIGHT: Final = 8


def dashboards() -> dict[str, str]:
    """Build both: name of the file -> JSON."""
    built = {
        "clients.json": _dashboard("clients", "Clients", "now-90d", CLIENTS),
        "detector.json": _dashboard("detector", "Detector", "now-6h", DETECTOR),
    }
    return {name: JSONEncoder(sort_keys=True, indent=2).encode(one.build()) + "\n" for name, one in built.items()}


def _dashboard(uid: str, title: str, since: str, rows: dict[str, tuple[Panel, ...]]) -> Dashboard:
    found = (
        Dashboard(f"Ghosting: {title}")
        .uid(f"ghosting-{uid}")
        .tags(["ghosting"])
        .time(since, "now")
        .refresh("1m")
        .timezone("browser")
        .with_variable(DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    numbers = itertools.count(1)
    for name, panels in rows.items():
        found.with_row(Row(name).id(next(numbers)))
        for panel in panels:
            found.with_panel(_panel(panel).id(next(numbers)))
    return found


def _panel(panel: Panel) -> stat.Panel | timeseries.Panel:
    found = (
        stat.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        if panel.kind == "stat"
        else timeseries.Panel().tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    found.title(panel.title).unit(panel.unit).datasource(_SOURCE).height(_HEIGHT).span(panel.width)
    if panel.about:
        found.description(panel.about)
    for number, (expr, legend) in enumerate(panel.queries):
        query = prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(chr(ord("A") + number))
        found.with_target(query.instant() if panel.kind == "stat" else query.range())
    return found


def _outdated() -> Iterator[Path]:
    for name, text in dashboards().items():
        path = HOME / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield path


def main(arguments: Sequence[str]) -> int:
    """Write the dashboards, or with `--check` only compare; 1 = one is out of date."""
    parser = argparse.ArgumentParser(description="Builds the dashboards.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if it would change something")
    if not parser.parse_args(arguments).check:
        for name, text in dashboards().items():
            (HOME / name).write_text(text, encoding="utf-8")
        return 0
    paths = list(_outdated())
    for path in paths:
        sys.stderr.write(f"{path} is out of date: run python deploy/grafana/build.py and review the diff\n")
    return 1 if paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
