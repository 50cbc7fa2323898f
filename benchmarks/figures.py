"""The other figures of the product: scale, memory, restore, idle, start, workers. Each function measures one thing."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import numpy as np

import product
import trial
from broker import Broker, wait_until
from dataset import Dataset, make
from trial import TrialError

HERE = Path(__file__).parent
PARTITIONS_OF_WORKERS = 12
SETTLED_SECONDS = 8  # after the restore: the sources are found to be at their end, and the clock goes to the present


def _own(script: str, core: int, *arguments: object) -> str:
    """Run one of our scripts on a core and give what it printed."""
    done = subprocess.run(
        ["taskset", "-c", str(core), sys.executable, HERE / "own" / f"{script}.py", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise TrialError(f"{script}: {done.stderr.strip()[-300:]}")
    return done.stdout


def engine_ns(core: int, clients: int, segments: int, events: int) -> float:
    """Give the nanoseconds that an event takes in the engine."""
    return float(json.loads(_own("engine", core, clients, segments, events))["ns"])


def help_seconds(core: int, runs: int) -> float:
    """Give the seconds that `ghosting --help` takes."""
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run(["taskset", "-c", str(core), *product.ghosting("--help")], stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def ready_seconds(broker: Broker, core: int, runs: int) -> float:
    """Give the seconds from the start of a worker on an empty state until all of its shards are restored."""
    product.prepare(broker, "start")
    seconds = []
    for _ in range(runs):
        with product.worker(broker, "start", core) as ours:
            ours.wait_for("shard restored", 4)
            seconds.append(time.time() - ours.started_at)
        broker.delete_group("start")
    broker.delete(lambda topic: topic.startswith("start."))
    return median(seconds)


def with_many_clients(broker: Broker, core: int, clients: int, idle_seconds: float) -> dict[str, float]:
    """Restore many clients from a compacted state topic, then let the worker idle.

    Returns
    -------
    dict
        `start_s` (from the start of the process to the last shard restored), `restore_s` (of that, reading and taking
        back the state), `rss_mb`, `peak_mb`, `idle_share` of a core, `state_bytes` per client.
    """
    app = "many"
    product.prepare(broker, app)
    try:
        _own("fill", core, broker.address, app, clients)
        state_bytes = sum(broker.bytes_of(lambda topic: topic == f"{app}.state").values())
        with product.worker(broker, app, core) as ours:
            ours.wait_for("shards assigned", 1)
            assigned_at = time.time()
            ours.wait_for("shard restored", 4)
            restored_at = time.time()
            time.sleep(SETTLED_SECONDS)
            began, before = time.monotonic(), trial.cpu_s(ours.process.pid)
            time.sleep(idle_seconds)
            idle_share = (trial.cpu_s(ours.process.pid) - before) / (time.monotonic() - began)
            rss_mb, peak_mb = trial.memory_mb(ours.process.pid), trial.peak_mb(ours.process.pid)
            start_s = restored_at - ours.started_at
    finally:
        broker.delete(lambda topic: topic.startswith(f"{app}."))
        broker.delete_group(app)
    return {
        "start_s": start_s,
        "restore_s": restored_at - assigned_at,
        "rss_mb": rss_mb,
        "peak_mb": peak_mb,
        "idle_share": idle_share,
        "state_bytes": state_bytes / clients,
    }


def events_per_cpu_second(broker: Broker, core: int, dataset: Dataset, workers: int) -> float:
    """Give what so many workers on 12 partitions do together in a second of processor time, all on one core.

    The events come when the workers have shared out the partitions; what is durable from a tenth of them on counts. The
    processor time is read from their first one on: workers begin long before the last one has been produced.
    """
    app = dataset.name
    given: dict[str, object] = {"partitions": PARTITIONS_OF_WORKERS}
    product.prepare(broker, app, **given)
    spent: list[tuple[float, float]] = []
    try:
        with ExitStack() as running:
            group = [
                running.enter_context(product.worker(broker, app, core, number, **given)) for number in range(workers)
            ]
            _wait_until_shared(group)
            making = running.enter_context(ThreadPoolExecutor(1)).submit(make, dataset, broker)
            while not making.done() or product.committed(broker, app) < trial.COUNTED_SHARE * dataset.events:
                if any(ours.process.poll() is not None for ours in group):
                    raise TrialError(f"a worker ended; see {group[0].log}")
                spent.append((time.time(), sum(trial.cpu_s(ours.process.pid) for ours in group)))
                time.sleep(product.POLL_SECONDS)
            making.result()
        durable = product.positions(broker, app)
    finally:
        broker.delete(lambda topic: topic.startswith(f"{app}."))
        broker.delete_group(app)
    counts = [count for _, count in durable]
    bounds = [0.1 * dataset.events, trial.COUNTED_SHARE * dataset.events]
    seconds = np.interp(np.interp(bounds, counts, [at for at, _ in durable]), *zip(*spent, strict=True))
    return float((bounds[1] - bounds[0]) / (seconds[1] - seconds[0]))


def _wait_until_shared(group: list[product.Worker]) -> None:
    """Wait until the workers' last assignments are all partitions, none twice, and restored."""

    def shared() -> bool:
        last = [told[-1]["shards"] for ours in group if (told := ours.told("shards assigned"))]
        shards = [shard for shards in last if isinstance(shards, list) for shard in shards]
        restored = {line["shard"] for ours in group for line in ours.told("shard restored")}
        whole = list(range(PARTITIONS_OF_WORKERS))
        return len(last) == len(group) and all(last) and sorted(shards) == whole and restored == set(whole)

    wait_until(shared, "the workers share the partitions", product.READY_SECONDS_MAX)
