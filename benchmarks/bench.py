"""`make bench`: the same job by the product and by what people would use instead, and the product's other figures.

One broker, one system at a time, each on one core and the broker on another. See README.md.
"""

import argparse
import fcntl
import os
import shlex
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import goals
import report
import systems
import trial
from broker import CACHE, Broker, BrokerError, running
from dataset import Dataset, make
from report import Figure, Results, Row
from systems import PEERS, NotInstalledError, System

MIB_FREE_MIN = 8 * 1024
FAILED = "failed"
LEFTOVERS = ("run-*", "data-*", "*.ndjson", "*.jsonl", "*.part", "meter")


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Parameters
    ----------
    events, clients
        Of the data set; slow systems get a tenth.
    runs
        Of each system.
    run_seconds_max
        After that, a run is cut off and its speed is that of what it did.
    """

    events: int = 2_000_000
    clients: int = 100_000
    runs: int = 3
    run_seconds_max: float = 300
    many_clients: int = 1_000_000
    engine_clients: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    engine_events: int = 500_000
    worker_events: int = 1_000_000
    backlog_events: int = 5_000_000
    watched: int = 600
    watched_seconds: float = 60
    idle_seconds: float = 30


QUICK = Scale(
    events=200_000,
    clients=10_000,
    runs=1,
    run_seconds_max=60,
    many_clients=100_000,
    engine_clients=(1_000, 100_000),
    engine_events=50_000,
    worker_events=200_000,
    backlog_events=200_000,
    watched=100,
    watched_seconds=10,
    idle_seconds=5,
)


@dataclass(frozen=True)
class Bench:
    """What every part of the benchmark is given."""

    scale: Scale
    core: int
    broker: Broker
    results: Results

    def say(self, text: str) -> None:
        """Show how far it is."""
        print(text, file=sys.stderr, flush=True)

    def measure(self, what: str, figure: Callable[[], list[Figure]]) -> None:
        """Take figures down; one that fails, for whatever reason, is a figure too: the others took most of an hour."""
        self.say(f"{what} ...")
        try:
            found = figure()
        except Exception as error:  # noqa: BLE001 - it is told, and the exit code says so
            traceback.print_exc()
            found = [Figure(what, f"{FAILED}: {error!r}", reached=False)]
        self.results.figures += found
        for one in found:
            self.say(f"  {one.what}: {one.figure}")


def main() -> None:
    """Run what was asked for."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    results = Results(command=options.told, short=options.quick)
    scale = QUICK if options.quick else Scale()
    core, broker_core = options.cores
    os.sched_setaffinity(0, {broker_core})  # we watch from the broker's core
    CACHE.mkdir(parents=True, exist_ok=True)
    lock = (CACHE / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("another benchmark is running in this folder; wait for it")
    if shutil.disk_usage(CACHE).free >> 20 < MIB_FREE_MIN:
        sys.exit(f"{MIB_FREE_MIN} MiB are needed in {CACHE}; make room there")
    try:
        missing = _install({system.group for system in PEERS if _wanted(options, system.key)}, options.uv)
        with running(broker_core) as broker:
            bench = Bench(scale, core, broker, results)
            dataset = Dataset("bench", scale.events, scale.clients)
            wanted = partial(_wanted, options)
            _compare(bench, dataset, missing, wanted)
            goals.measure(bench, dataset, wanted)
    except (BrokerError, trial.TrialError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        sys.exit(130)
    finally:
        for leftover in [found for pattern in LEFTOVERS for found in CACHE.glob(pattern)]:
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    report.show(results)
    # Only a whole, long run is for the record.
    folder = systems.HERE if not (options.quick or options.only) else CACHE
    report.write(results, folder)
    print(f"written: {folder / 'RESULTS.md'} and results.json")
    sys.exit(int(any(one.figure.startswith(FAILED) for one in results.figures)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    keys = [system.key for system in PEERS]
    parser.add_argument("--quick", action="store_true", help="few events, one run each: for work in progress")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=[],
        metavar="KEY,...",
        help=f"only these: {', '.join([*goals.KEYS, *keys])}",
    )
    parser.add_argument(
        "--cores",
        type=lambda text: [int(core) for core in text.split(",")],
        default=sorted(os.sched_getaffinity(0))[:2],
        metavar="SYSTEM,BROKER",
        help="the core of the systems and that of the broker",
    )
    parser.add_argument("--uv", default=shutil.which("uv") or "uv", help="uv, for the peers' environments")
    options = parser.parse_args()
    if unknown := set(options.only) - {*goals.KEYS, *keys}:
        parser.error(f"there is no {', '.join(sorted(unknown))}; see --help")
    if len(set(options.cores)) != 2:
        parser.error("two cores are needed: one for the system that is measured, one for the broker")
    only = f" ONLY={','.join(options.only)}" if options.only else ""
    options.told = shlex.join(["make", "bench"]) + (" QUICK=1" if options.quick else "") + only
    return options


def _wanted(options: argparse.Namespace, key: str) -> bool:
    return not options.only or key in options.only


def _install(groups: set[str], uv: str) -> dict[str, str]:
    """Set up the environments; give the reasons of those that could not be."""
    missing = {}
    for group in sorted(groups):
        print(f"environment of {group} ...", file=sys.stderr, flush=True)
        try:
            systems.install(group, uv, sys.executable)
        except NotInstalledError as error:
            missing[group] = f"not installed: {error}"
            print(f"  {missing[group]}", file=sys.stderr, flush=True)
    return missing


def _compare(bench: Bench, dataset: Dataset, missing: dict[str, str], wanted: Callable[[str], bool]) -> None:
    """Run the systems in turns, ours first: what disturbs the machine for a while disturbs all of them."""
    scale = bench.scale
    tenth = Dataset("tenth", scale.events // 10, scale.clients // 10)
    peers = {system: tenth if system.slow else dataset for system in PEERS if wanted(system.key)}
    needed = {*peers.values(), *([dataset] if goals.needs_events(wanted) else [])}
    expected = {}
    for one in sorted(needed, key=lambda one: one.events):
        bench.say(f"{one.events:,} events of {one.clients:,} clients ...")
        expected[one] = make(one, bench.broker)
    rows = {system: _row(system, read, expected[read], missing) for system, read in peers.items()}
    if wanted("worker") or wanted("replay"):
        bench.say("replay ...")
        told, alerts = goals.replay(bench, dataset)
        bench.results.figures += told
    if wanted("worker"):
        ours = Row("worker", "Ghosting detector, all of it", "exactly once", dataset.events, expected=len(alerts))
        bench.results.rows.append(ours)
    bench.results.rows += rows.values()
    for turn in range(1, scale.runs + 1):
        if wanted("worker"):
            _attempt(bench, ours, turn, lambda: goals.worked(bench, dataset, alerts))
        for system, row in rows.items():
            _attempt(bench, row, turn, partial(_peer, bench, system, peers[system]))


def _row(system: System, dataset: Dataset, alerts: int, missing: dict[str, str]) -> Row:
    return Row(
        key=system.key,
        name=system.name,
        durable=system.durable,
        events=dataset.events,
        expected=alerts if system.alerts else None,
        failed=missing.get(system.group, ""),
    )


def _peer(bench: Bench, system: System, dataset: Dataset) -> trial.Trial:
    return trial.run(system, dataset, bench.broker, bench.core, bench.scale.run_seconds_max)


def _attempt(bench: Bench, row: Row, turn: int, run: Callable[[], trial.Trial]) -> None:
    if row.failed:
        return
    try:
        found = run()
    except (trial.TrialError, BrokerError) as error:
        row.failed = f"failed: {error}"
        bench.say(f"{turn}/{bench.scale.runs} {row.key}: {row.failed}")
        return
    row.trials.append(found)
    cut = "" if found.events >= row.events else f", cut off after {found.events:,} events"
    bench.say(f"{turn}/{bench.scale.runs} {row.key}: {report.thousands(found.speed)} events/s{cut}")


if __name__ == "__main__":
    main()
