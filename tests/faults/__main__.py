"""`make faults SEED=n MINUTES=m`: random schedules, one after the other, until the time is over or one fails."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from detector.shell.settings import PREFIX
from tests.faults.drill import Report, drill


def main() -> None:
    """Run schedules from a seed on, and sum up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule; the next one has the next number")
    parser.add_argument("--minutes", type=float, default=0, help="for how long to begin new ones; 0 = one schedule")
    parser.add_argument("--nodes", type=int, choices=(1, 3), help="of the cluster; else drawn")
    given = parser.parse_args()
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        del os.environ[name]  # the settings of whoever runs this are not those of the drill
    until_s = time.monotonic() + 60 * given.minutes
    reports: list[Report] = []
    seed = given.seed
    try:
        while not reports or time.monotonic() < until_s:
            folder = Path(tempfile.mkdtemp(prefix=f"faults-{seed}-"))
            reports.append(drill(seed, folder, nodes=given.nodes))
            shutil.rmtree(folder)  # but for a run that failed: its logs are looked at
            print(f"seed {seed}: {line(reports[-1])}", flush=True)  # noqa: T201
            seed += 1
    finally:
        print(f"{len(reports)} schedules without a difference, {summed_up(reports)}")  # noqa: T201


def line(report: Report) -> str:
    """Say what a run was like."""
    take_over = f"{report.take_over_s:.1f} s" if report.take_over_s else "none"
    return (
        f"{report.nodes} nodes, {report.events} events, {report.alerts} alerts, {report.rejected} rejected,"
        f" {report.rerouted} rerouted; faults"
        f" {dict(report.faults)}; ended {dict(report.ended)}; longest take-over {take_over}; compacted:"
        f" {report.compacted}; {report.seconds:.0f} s"
    )


def summed_up(reports: list[Report]) -> str:
    """Add the runs up."""
    faults = sum((report.faults for report in reports), Counter[str]())
    ended = sum((report.ended for report in reports), Counter[str]())
    longest = max((report.take_over_s or 0 for report in reports), default=0)
    return (
        f"{sum(report.events for report in reports)} events and {sum(report.alerts for report in reports)} alerts"
        f" compared; faults {dict(faults)}; ended {dict(ended)}; longest take-over {longest:.1f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
