"""One run of one system: start it on its core, watch it to the end of the events, stop it, look at what it left."""

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import job
import systems
from broker import CACHE, Broker, stop
from dataset import Dataset
from systems import System

FIRST_EVENT_SECONDS_MAX = 120
STALLED_SECONDS_MAX = 30
POLL_SECONDS = 0.1
COUNTED_SHARE = 0.99  # the end of the topics is another thing than the way there
STEPS = 200
CPU_TICKS = os.sysconf("SC_CLK_TCK")

Progress = list[tuple[float, int]]


class TrialError(Exception):
    """A run came to nothing, and why."""


@dataclass(frozen=True)
class Trial:
    """What one run gave.

    Parameters
    ----------
    speed, second_half
        Events per second from the first event to 99 % of them, and from the half to there.
    events
        How many were processed when it was stopped.
    alerts
        Records in the topic of alerts, committed.
    cpu_us, rss_mb, bytes_written
        Processor time and bytes in Kafka, per event; the most resident memory.
    """

    speed: float
    second_half: float
    events: int
    alerts: int
    cpu_us: float
    rss_mb: float
    bytes_written: float


def speeds(progress: Progress, events: int) -> tuple[float, float]:
    """Give the events per second of the whole run and of its second half."""
    counted = [point for point in progress if point[1] <= COUNTED_SHARE * events]
    if len(counted) < 2:
        counted = progress
    half = [point for point in counted if point[1] >= events / 2]
    return slope(counted), slope(half if len(half) > 1 else counted)


def slope(progress: Progress) -> float:
    """Give the events per second between the first and the last point."""
    (began, before), (ended, after) = progress[0], progress[-1]
    return (after - before) / (ended - began) if ended > began else float("nan")


@contextmanager
def started(
    command: list[str | Path], core: int, log: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program on one core until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        stop(process)


def run(system: System, dataset: Dataset, broker: Broker, core: int, seconds_max: float) -> Trial:
    """Let a system read a data set.

    Raises
    ------
    TrialError
        If it does not start, stands still or ends before it is through.
    """
    name = f"run-{system.key}-{time.time_ns() // 1_000_000}"
    folder, meter, log = CACHE / name, CACHE / "meter", CACHE / f"{system.key}.log"
    folder.mkdir()
    meter.write_bytes(b"")
    broker.create([f"{name}.alerts"], job.PARTITIONS)
    environment = {
        "PYTHONPATH": f"{systems.HERE}{os.pathsep}{systems.SYSTEMS}",
        "BENCH_BROKER": broker.address,
        "BENCH_DATASET": dataset.name,
        "BENCH_RUN": name,
        "BENCH_VARIANT": system.variant,
        "BENCH_FOLDER": str(folder),
        "BENCH_JARS": str(CACHE / "flink_jars"),
        "BENCH_METER": str(meter),
        "BENCH_STEP": str(max(1, dataset.events // STEPS)),
    }
    try:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with started(systems.command(system, folder), core, log, environment) as process:
            rss_mb = _watch(process, meter, log, dataset.events, seconds_max)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        progress = _read(meter)
        events = progress[-1][1]
        alerts = sum(1 for _ in broker.values(f"{name}.alerts"))
        written = sum(broker.bytes_of(lambda topic: name in topic).values())
    finally:
        broker.delete(lambda topic: name in topic)
        shutil.rmtree(folder, ignore_errors=True)
    cpu_s = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    return Trial(*speeds(progress, dataset.events), events, alerts, 1e6 * cpu_s / events, rss_mb, written / events)


def _watch(process: subprocess.Popen[bytes], meter: Path, log: Path, events: int, seconds_max: float) -> float:
    """Wait until all events are processed, or the time is over; give the most memory seen."""
    began = moved_at = time.monotonic()
    count, rss_mb = 0, 0.0
    while count < events:
        time.sleep(POLL_SECONDS)
        now = time.monotonic()
        rss_mb = max(rss_mb, peak_mb(process.pid))
        progress = _read(meter)
        if progress and progress[-1][1] > count:
            count, moved_at = progress[-1][1], now
        ended = process.poll() is not None
        if ended and (process.returncode or not count):
            raise TrialError(f"ended with {process.returncode}: {_last_line(log)}")
        if ended or now - began > seconds_max:
            break
        if now - moved_at > (STALLED_SECONDS_MAX if count else FIRST_EVENT_SECONDS_MAX):
            raise TrialError(f"stands still after {count} events: {_last_line(log)}")
    return rss_mb


def _read(meter: Path) -> Progress:
    lines = meter.read_text().splitlines()
    return [(float(at), int(count)) for at, count in (line.split() for line in lines)]


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


def peak_mb(pid: int) -> float:
    """Give the most resident memory of a process and its children so far; 0 if it is gone."""
    return sum(_kilobytes(member, "VmHWM:") for member in _family(pid)) / 1024


def memory_mb(pid: int) -> float:
    """Give the resident memory of a process now."""
    return _kilobytes(pid, "VmRSS:") / 1024


def cpu_s(pid: int) -> float:
    """Give the processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / CPU_TICKS


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(member for child in children for member in _family(int(child)))]


def _kilobytes(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)
