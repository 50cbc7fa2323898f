"""`make faults SEED=1 COUNT=200 JOBS=3`: random schedules, a few at a time, and what they came to.

A schedule waits most of the time. What is slow to start is kept by a job for all of its schedules: a cluster of one
node and one of three, on which schedules have names of their own, and a process that workers are forked from. A
schedule that fails says how it is repeated, keeps its folder, and lets the others go on, on clusters that are new.
"""

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import Queue
from typing import NamedTuple

from detector.shell.config.settings import PREFIX
from detector.shell.worker.warmup import make_ready
from tests.faults.cluster import Cluster, running
from tests.faults.drill import SESSION_S, Report, drill
from tests.faults.nursery import Nursery
from tests.faults.schedule import drawn
from tests.faults.takeover import TakeOver


class Ended(NamedTuple):
    """What became of a schedule: a report, or why it failed."""

    seed: int
    report: Report | None
    failed: str = ""


def main() -> int:
    """Run schedules from a seed on, and sum up; 1 = one of them failed."""
    given = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to stop what was started
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        del os.environ[name]  # the settings of whoever runs this are not those of the drill
    make_ready(sys.stderr.write)  # once, and not by all workers of all jobs at the same time
    ended: list[Ended] = []
    try:
        for one in in_jobs(given) if given.jobs > 1 else in_turn(given):
            ended.append(one)
            print(written(one) if given.json else f"{len(ended)}: seed {one.seed}: {told(one)}", flush=True)  # noqa: T201
    finally:
        if not given.json:
            print(summed_up(ended), f"processor time: {processor_s() / max(len(ended), 1):.0f} s each", sep="\n")  # noqa: T201
    return int(any(one.report is None for one in ended))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule; the next one has the next number")
    parser.add_argument("--count", type=int, help="how many; else as many as begin within the minutes")
    parser.add_argument("--minutes", type=float, default=10, help="for how long to begin new ones")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time")
    parser.add_argument("--nodes", type=int, choices=(1, 3), help="of the cluster; else drawn")
    parser.add_argument("--every", type=int, default=1, help="one in so many seeds: a job's part")
    parser.add_argument("--json", action="store_true", help="one object per schedule: for the one who runs the jobs")
    return parser.parse_args()


def processor_s() -> float:
    """Give what this process and all that it has started and seen end have used."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def in_turn(given: argparse.Namespace) -> Iterator[Ended]:
    """Run schedules one after the other."""
    until_s = time.monotonic() + 60 * given.minutes
    kept: dict[int, Cluster] = {}
    with Nursery() as nursery, ExitStack() as stack:
        number = 0
        while number < given.count if given.count is not None else time.monotonic() < until_s:
            seed = given.seed + number * given.every
            nodes = drawn(seed, SESSION_S, nodes=given.nodes).nodes
            if nodes not in kept:
                kept[nodes] = stack.enter_context(running(nodes, Path(tempfile.mkdtemp(prefix="faults-kafka-"))))
            one = ended(seed, given.nodes, kept[nodes], nursery)
            if one.report is None:  # whatever it left behind does not trouble the next one
                stack.close()
                kept.clear()
            yield one
            number += 1
    for cluster in kept.values():
        shutil.rmtree(cluster.folder)


def ended(seed: int, nodes: int | None, cluster: Cluster, nursery: Nursery) -> Ended:
    """Run a schedule to its end."""
    folder = Path(tempfile.mkdtemp(prefix=f"faults-{seed}-"))
    try:
        report = drill(seed, folder, nodes=nodes, cluster=cluster, start=nursery.start)
    except Exception:  # noqa: BLE001 (whatever it is, it is told, and the run has failed)
        return Ended(seed, None, f"{traceback.format_exc()}\nlogs are in {folder} and {cluster.folder}")
    shutil.rmtree(folder)
    return Ended(seed, report)


def in_jobs(given: argparse.Namespace) -> Iterator[Ended]:
    """Deal the seeds out to processes, and hand over what they report as it comes."""
    found: Queue[Ended | None] = Queue()
    processes = {given.seed + number: _job(given, number) for number in range(given.jobs)}
    with ThreadPoolExecutor(given.jobs) as pool:
        for first, process in processes.items():
            pool.submit(_collect, first, process, found)
        try:
            for _ in processes:
                yield from iter(found.get, None)
        finally:
            for process in processes.values():
                process.terminate()  # which lets it stop its clusters


def _job(given: argparse.Namespace, number: int) -> "subprocess.Popen[str]":
    options = {"seed": given.seed + number, "every": given.jobs, "minutes": given.minutes, "nodes": given.nodes}
    if given.count is not None:
        options["count"] = len(range(number, given.count, given.jobs))
    flags = [f"--{name}={value}" for name, value in options.items() if value is not None]
    return subprocess.Popen([sys.executable, "-m", "tests.faults", "--json", *flags], stdout=subprocess.PIPE, text=True)


def _collect(first: int, process: "subprocess.Popen[str]", found: "Queue[Ended | None]") -> None:
    """Pass on what a job reports, and that it ended for another reason than what it reported."""
    assert process.stdout is not None
    explained = False
    for line in process.stdout:
        one = read(line)
        explained = explained or one.report is None
        found.put(one)
    if process.wait() and not explained:
        found.put(Ended(first, None, f"the job that began with this seed broke off with {process.returncode}"))
    found.put(None)


def written(one: Ended) -> str:
    """Write what became of a schedule for another process."""
    return json.dumps([one.seed, one.report and one.report._asdict(), one.failed])


def read(line: str) -> Ended:
    """Read what `written` wrote."""
    seed, report, failed = json.loads(line)
    if report is not None:
        take_over = report["take_over"] and TakeOver(*report["take_over"])
        counts = {name: Counter(report[name]) for name in ("faults", "ended")}
        report = Report(**{**report, **counts, "take_over": take_over})
    return Ended(seed, report, failed)


def told(one: Ended) -> str:
    """Say what a schedule was like."""
    report = one.report
    if report is None:
        return f"FAILED\n{one.failed}"
    return (
        f"{report.nodes} nodes, {report.events} events, {report.alerts} alerts, {report.rejected} rejected,"
        f" {report.rerouted} rerouted; faults {dict(report.faults)}; ended {dict(report.ended)}; longest take-over"
        f" {_seconds(report.take_over)}; compacted: {report.compacted}; {report.seconds:.0f} s"
    )


def summed_up(ended: list[Ended]) -> str:
    """Add the runs up."""
    reports = [one.report for one in ended if one.report is not None]
    failed = sorted(one.seed for one in ended if one.report is None)
    faults = sum((report.faults for report in reports), Counter[str]())
    codes = sum((report.ended for report in reports), Counter[str]())
    longest = max((report.take_over for report in reports if report.take_over), default=None)
    compared = Counter[str]()
    for report in reports:
        compared.update({name: getattr(report, name) for name in ("events", "alerts", "rejected", "rerouted")})
    return (
        f"{len(reports)} schedules without a difference, {len(failed)} failed {failed or ''}\n"
        f"compared: {dict(compared)}\n"
        f"faults: {faults.total()} {dict(faults.most_common())}\nworkers ended: {dict(codes.most_common())}\n"
        f"longest take-over: {_seconds(longest)}\ncompacted meanwhile: {sum(report.compacted for report in reports)}"
    )


def _seconds(take_over: TakeOver | None) -> str:
    if take_over is None:
        return "none"
    return (
        f"{take_over.total_s:.1f} s ({take_over.assigned_s:.1f} until it was assigned, {take_over.restored_s:.1f} to"
        f" restore, {take_over.committed_s:.1f} to commit)"
    )


if __name__ == "__main__":
    sys.exit(main())
