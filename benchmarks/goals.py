"""The product's figures beside what they should be; the goals stand here and nowhere else."""

from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING

import figures
import latency
import product
from dataset import Dataset, make
from detector.shell.config.settings import variable
from report import Figure, Row, thousands
from trial import Trial, TrialError

if TYPE_CHECKING:
    from bench import Bench

KEYS = ("worker", "replay", "scale", "workers", "many", "backlog", "start", "latency", "bytes")

REPLAY_SPEED_MIN = 400_000
TIMES_STREAMS_MIN, TIMES_STREAMS_WARM_MIN, TIMES_FAUST_MIN, TIMES_PYTHON_MIN, SHARE_OF_FLOOR_MIN = 1.6, 1.1, 28, 4, 0.28
CLIENTS_RATIO_MAX, SEGMENTS_RATIO_MAX, WORKERS_SPREAD_MAX = 1.3, 1.1, 0.10
MEMORY_MB_MAX, RESTORE_S_MAX, IDLE_SHARE_MAX = 500, 10, 0.02
HELP_S_MAX, READY_S_MAX = 0.3, 5
ALERT_P50_S_MAX, ALERT_P99_S_MAX, STATE_P99_S_MAX = 0.3, 1, 1
PYTHON_PEERS = ("bytewax", "bytewax-recovery", "quix-alo", "quix-eos", "flink", "faust-stock")
SEGMENTS = 50
WORKERS = (1, 2, 3)
BYTES_SETTINGS: tuple[tuple[str, object], ...] = (
    *(("chunks_per_transaction", chunks) for chunks in (1, 4, 16)),
    *(("compression_type", codec) for codec in ("none", "lz4", "zstd")),
)
FEW = 10  # records of each source but the one with the backlog, about
LOAD_IF_UNKNOWN = 10_000  # events per second, if the worker's speed was not measured


def needs_events(wanted: Callable[[str], bool]) -> bool:
    """Tell whether anything of ours reads the whole data set."""
    return any(map(wanted, ("worker", "replay", "bytes")))


def replay(bench: "Bench", dataset: Dataset) -> tuple[list[Figure], frozenset[str]]:
    """Replay the file; give the figure, and the ids of the alerts."""
    found = [product.replay(dataset, bench.core) for _ in range(bench.scale.runs)]
    speed, whole = median(one.speed for one in found), median(one.speed_with_start for one in found)
    figure = Figure(
        "replay of a file, one core",
        f"{thousands(speed)} events/s ({thousands(whole)} with the start of the process)",
        f">= {thousands(REPLAY_SPEED_MIN)} events/s",
        speed >= REPLAY_SPEED_MIN,
        "`ghosting replay`, its own clock; the alerts are compared with the worker's",
    )
    return [figure], found[0].alerts


def worked(bench: "Bench", dataset: Dataset, expected: frozenset[str]) -> Trial:
    """Let a worker read the data set, and see that its alerts are those of the replay."""
    found, ids = product.run(dataset, bench.broker, bench.core, bench.scale.run_seconds_max)
    if ids != expected:
        raise TrialError(f"{len(ids ^ expected)} alerts differ from those of the replay")
    return found


def measure(bench: "Bench", dataset: Dataset, wanted: Callable[[str], bool]) -> None:
    """Measure what is wanted beside the speeds, which are there already."""
    scale = bench.scale
    if wanted("worker"):
        bench.measure("beside the peers", lambda: _beside(bench.results.rows))
    if wanted("scale"):
        bench.measure("scale", lambda: _scale(bench))
    if wanted("bytes"):
        bench.measure("bytes", lambda: _bytes(bench, dataset))
    if wanted("many"):
        bench.measure(f"{scale.many_clients:,} clients", lambda: _many(bench))
    if wanted("backlog"):
        bench.measure("backlog", lambda: _backlog(bench))
    if wanted("start"):
        bench.measure("start", lambda: _start(bench))
    if wanted("latency"):
        bench.measure("latency", lambda: _latency(bench))
    if wanted("workers"):
        bench.measure("workers", lambda: _workers(bench))


def _beside(rows: list[Row]) -> list[Figure]:
    """Compare the worker with what people would use instead."""
    speeds = {row.key: row.middle("speed") for row in rows if row.trials}
    halves = {row.key: row.middle("second_half") for row in rows if row.trials}
    if "worker" not in speeds:
        raise TrialError("the worker gave no speed")
    ours = speeds["worker"]
    found = []

    def compare(what: str, figure: float, than: str, least: float) -> None:
        found.append(Figure(f"worker / {what}", f"{figure:.2f}", f">= {least}", figure >= least, f"median of {than}"))

    if "streams-memory-eos" in speeds:
        compare("Kafka Streams EOS", ours / speeds["streams-memory-eos"], "the runs", TIMES_STREAMS_MIN)
        warm = halves["worker"] / halves["streams-memory-eos"]
        compare("Kafka Streams EOS, warm", warm, "the second halves", TIMES_STREAMS_WARM_MIN)
    if "faust-tuned" in speeds:
        compare("tuned Faust", ours / speeds["faust-tuned"], "the runs", TIMES_FAUST_MIN)
    if others := [speeds[key] for key in PYTHON_PEERS if key in speeds]:
        compare("the best other Python peer", ours / max(others), "the runs", TIMES_PYTHON_MIN)
    if "aiokafka" in speeds:
        compare("raw aiokafka consumer", ours / speeds["aiokafka"], "the runs", SHARE_OF_FLOOR_MIN)
    return found


def _scale(bench: "Bench") -> list[Figure]:
    scale = bench.scale

    def ns(clients: int, segments: int) -> float:
        return figures.engine_ns(bench.core, clients, segments, scale.engine_events)

    by_clients = {clients: ns(clients, 1) for clients in scale.engine_clients}
    middle = scale.engine_clients[len(scale.engine_clients) // 2]
    many_segments = ns(middle, SEGMENTS)
    clients_ratio = max(by_clients.values()) / by_clients[min(by_clients)]
    segments_ratio = many_segments / by_clients[middle]
    how = "from bytes to effects, without Kafka, batches of 20,000 events of 1,000 clients; best of three rounds"
    told = ", ".join(f"{clients:,}: {took:,.0f} ns" for clients, took in by_clients.items())
    return [
        Figure(
            f"an event, {min(by_clients):,} to {max(by_clients):,} clients",
            f"{clients_ratio:.2f}x ({told})",
            f"<= {CLIENTS_RATIO_MAX}x",
            clients_ratio <= CLIENTS_RATIO_MAX,
            how,
        ),
        Figure(
            f"an event, 1 to {SEGMENTS} segments",
            f"{segments_ratio:.2f}x ({by_clients[middle]:,.0f} to {many_segments:,.0f} ns)",
            f"<= {SEGMENTS_RATIO_MAX}x",
            segments_ratio <= SEGMENTS_RATIO_MAX,
            how,
        ),
    ]


def _bytes(bench: "Bench", dataset: Dataset) -> list[Figure]:
    """Give the bytes that are written with several settings."""
    found = []
    for name, value in BYTES_SETTINGS:
        ran, _ = product.run(dataset, bench.broker, bench.core, bench.scale.run_seconds_max, **{name: value})
        found.append(
            Figure(
                f"bytes in Kafka per event, `{variable(name)}={value}`",
                f"{ran.bytes_written:.0f} ({thousands(ran.speed)} events/s)",
                how="size of state, alerts and rejections; one run",
            )
        )
    return found


def _many(bench: "Bench") -> list[Figure]:
    clients = bench.scale.many_clients
    found = figures.with_many_clients(bench.broker, bench.core, clients, bench.scale.idle_seconds)
    whole = clients == 1_000_000
    return [
        Figure(
            f"memory, {clients:,} clients",
            f"{found['rss_mb']:.0f} MB (peak {found['peak_mb']:.0f} MB)",
            f"<= {MEMORY_MB_MAX} MB",
            found["rss_mb"] <= MEMORY_MB_MAX if whole else None,
            "resident memory of a worker after it restored them; ids of 32 characters, five contacts each",
        ),
        Figure(
            f"restore, {clients:,} clients",
            f"{found['restore_s']:.1f} s ({found['start_s']:.1f} s from the start of the process)",
            f"<= {RESTORE_S_MAX} s",
            found["restore_s"] <= RESTORE_S_MAX if whole else None,
            f"from a state topic with one record a client, {found['state_bytes']:.0f} bytes each; four shards at once",
        ),
        Figure(
            f"idle, {clients:,} clients",
            f"{100 * found['idle_share']:.1f} % of a core",
            f"<= {100 * IDLE_SHARE_MAX:.0f} %",
            found["idle_share"] <= IDLE_SHARE_MAX if whole else None,
            f"processor time over {bench.scale.idle_seconds:.0f} s without events",
        ),
    ]


def _backlog(bench: "Bench") -> list[Figure]:
    """Let a worker read one source with very much and others with very little."""
    scale, few = bench.scale, FEW / bench.scale.backlog_events
    dataset = Dataset("backlog", scale.backlog_events, scale.backlog_events // 20, (1 - 2 * few, few, few))
    make(dataset, bench.broker)
    ran, _ = product.run(dataset, bench.broker, bench.core, scale.run_seconds_max)
    bench.broker.delete(dataset.sources.__contains__)
    return [
        Figure(
            f"memory, a backlog of {dataset.events:,} records of one source",
            f"at most {ran.rss_mb:.0f} MB ({thousands(ran.speed)} events/s)",
            how=f"of {dataset.clients:,} clients; the two other sources have about {FEW} records each",
        )
    ]


def _start(bench: "Bench") -> list[Figure]:
    runs = 2 * bench.scale.runs - 1
    help_s = figures.help_seconds(bench.core, runs)
    ready_s = figures.ready_seconds(bench.broker, bench.core, runs)
    how = f"median of {runs}"
    return [
        Figure("ghosting --help", f"{help_s:.2f} s", f"<= {HELP_S_MAX} s", help_s <= HELP_S_MAX, how),
        Figure(
            "worker ready, empty state, warm cache",
            f"{ready_s:.1f} s",
            f"<= {READY_S_MAX} s",
            ready_s <= READY_S_MAX,
            how,
        ),
    ]


def _latency(bench: "Bench") -> list[Figure]:
    scale = bench.scale
    speeds = [row.middle("speed") for row in bench.results.rows if row.key == "worker" and row.trials]
    wanted = speeds[0] / 2 if speeds else LOAD_IF_UNKNOWN
    found = latency.measure(bench.broker, bench.core, wanted, scale.watched, scale.watched_seconds)
    alert, state = latency.shares(found.alert_s), latency.shares(found.state_s)
    how = f"{thousands(found.load)} events/s (half of the most: {thousands(wanted)}); a reader of committed records"
    late = tuple(seconds - latency.SETTLE_S for seconds in alert)
    return [
        Figure(
            f"deadline + settle time to alert ({len(found.alert_s)} alerts)",
            f"p50 {late[0]:.2f} s, p99 {late[1]:.2f} s (from the deadline: {alert[0]:.2f}, {alert[1]:.2f} s)",
            f"p50 <= {ALERT_P50_S_MAX} s, p99 <= {ALERT_P99_S_MAX} s",
            late[0] <= ALERT_P50_S_MAX and late[1] <= ALERT_P99_S_MAX,
            f"{how}; negative, because under load event time need not settle",
        ),
        Figure(
            f"event to state committed ({len(found.state_s)} events)",
            f"p50 {state[0]:.2f} s, p99 {state[1]:.2f} s",
            f"p99 <= {STATE_P99_S_MAX} s",
            state[1] <= STATE_P99_S_MAX,
            how,
        ),
    ]


def _workers(bench: "Bench") -> list[Figure]:
    events = bench.scale.worker_events
    dataset = Dataset("twelve", events, events // 20)
    speeds = {count: figures.events_per_cpu_second(bench.broker, bench.core, dataset, count) for count in WORKERS}
    spread = max(speeds.values()) / min(speeds.values()) - 1
    told = ", ".join(f"{count}: {thousands(speed)}" for count, speed in speeds.items())
    return [
        Figure(
            f"{WORKERS[0]} to {WORKERS[-1]} workers, 12 partitions",
            f"{100 * spread:.0f} % apart ({told})",
            f"<= {100 * WORKERS_SPREAD_MAX:.0f} %",
            spread <= WORKERS_SPREAD_MAX,
            "events per second of processor time, all workers on one core",
        )
    ]
