"""Our own product, by its public commands: a worker on the data set, and replay of the same events as a file."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from confluent_kafka import KafkaException, TopicPartition

import job
import trial
from broker import CACHE, COORDINATOR_STARTING, REPLY_SECONDS_MAX, Broker
from dataset import Dataset
from detector.core.engine.positions import POSITION_KEY
from detector.core.engine.shard import Policy, Shard
from trial import Progress, Trial, TrialError

READY_SECONDS_MAX = 120
POLL_SECONDS = 0.5
SOURCES = tuple(job.KINDS.values())


@dataclass(frozen=True)
class Worker:
    """A worker process, and what it says."""

    process: subprocess.Popen[bytes]
    log: Path
    started_at: float

    def told(self, event: str) -> list[dict[str, object]]:
        """Give the log lines of an event so far."""
        lines = (line for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in map(json.loads, lines) if line.get("event") == event]

    def wait_for(self, event: str, count: int) -> None:
        """Wait until it has said something so many times."""
        give_up_at = time.monotonic() + READY_SECONDS_MAX
        while len(self.told(event)) < count:
            if self.process.poll() is not None or time.monotonic() > give_up_at:
                raise TrialError(f"the worker did not say {event!r} {count} times; see {self.log}")
            time.sleep(0.02)


def settings(**given: object) -> dict[str, str]:
    """Give settings as variables of the environment."""
    return {f"GHOSTING_{name.upper()}": str(value) for name, value in given.items()}


def environment(broker: Broker, app: str, **given: object) -> dict[str, str]:
    """Give the settings of an installation."""
    return settings(
        bootstrap_servers=broker.address, app_id=app, log_format="json", data_dir=CACHE / f"data-{app}", **given
    )


def ghosting(*arguments: str | Path) -> list[str | Path]:
    """Give a command of ours."""
    return [trial.systems.HERE.parent / ".venv" / "bin" / "python", "-m", "detector", *arguments]


def prepare(broker: Broker, app: str, **given: object) -> None:
    """Create the topics of an installation that are missing."""
    variables = {**os.environ, **environment(broker, app, **given)}
    done = subprocess.run(ghosting("topics", "create"), env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TrialError(done.stderr.strip())


def clear(broker: Broker, app: str) -> None:
    """Forget what an installation made of its sources."""
    sources = {f"{app}.{source}" for source in SOURCES}
    broker.delete(lambda topic: topic.startswith(f"{app}.") and topic not in sources)
    broker.delete_group(app)


@contextmanager
def worker(broker: Broker, app: str, core: int, number: int = 0, **given: object) -> Iterator[Worker]:
    """Run a worker on a core for as long as the block lasts."""
    log = CACHE / f"worker-{app}-{number}.log"
    began = time.time()
    with trial.started(ghosting("worker"), core, log, environment(broker, app, **given)) as process:
        yield Worker(process, log, began)


def run(dataset: Dataset, broker: Broker, core: int, seconds_max: float, **given: object) -> tuple[Trial, set[str]]:
    """Let a worker read a data set; give what it did, and the ids of its alerts up to the last event."""
    app = dataset.name
    prepare(broker, app, **given)
    try:
        with worker(broker, app, core, **given) as ours:
            began = time.monotonic()
            while committed(broker, app) < dataset.events:
                if ours.process.poll() is not None or time.monotonic() - began > seconds_max:
                    raise TrialError(f"only {committed(broker, app)} events were committed; see {ours.log}")
                time.sleep(POLL_SECONDS)
            cpu_s, rss_mb = trial.cpu_s(ours.process.pid), trial.peak_mb(ours.process.pid)
        progress = positions(broker, app)
        last_s = _last_event_s(dataset)
        values = [value for topic in ("alerts", "alerts-history") for value in broker.values(f"{app}.{topic}")]
        ids = {alert["id"] for alert in map(json.loads, values) if _instant(alert["time"]) <= last_s}
        own = [f"{app}.{source}" for source in SOURCES]
        written = sum(broker.bytes_of(lambda topic: topic.startswith(f"{app}.") and topic not in own).values())
    finally:
        clear(broker, app)
    events = progress[-1][1]
    speeds = trial.speeds(progress, dataset.events)
    return Trial(*speeds, events, len(ids), 1e6 * cpu_s / events, rss_mb, written / events), ids


def _last_event_s(dataset: Dataset) -> float:
    with dataset.file.open("rb") as file:
        file.seek(-400, os.SEEK_END)
        return float(json.loads(file.read().splitlines()[-1])["at"])


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def committed(broker: Broker, app: str) -> int:
    """Give how many records the group has committed; none while the broker does not know it yet."""
    consumer = broker.consumer(group=app)
    try:
        partitions = consumer.list_topics(timeout=REPLY_SECONDS_MAX).topics
        places = [
            TopicPartition(f"{app}.{source}", partition)
            for source in SOURCES
            for partition in partitions[f"{app}.{source}"].partitions
        ]
        return sum(max(place.offset, 0) for place in consumer.committed(places, REPLY_SECONDS_MAX))
    except KafkaException as error:
        if error.args[0].code() not in COORDINATOR_STARTING:
            raise
        return 0
    finally:
        consumer.close()


def positions(broker: Broker, app: str) -> Progress:
    """Give when how many events were durable: every transaction writes the positions of its shard."""
    applied: dict[tuple[int, str], int] = {}
    progress: Progress = []
    shard = Shard(Policy(sources=SOURCES))
    found = [record for record in broker.records(f"{app}.state") if record.key() == POSITION_KEY]
    for record in sorted(found, key=lambda record: record.timestamp()[1]):
        shard.restore([(record.key(), record.value())])
        for source in SOURCES:
            applied[record.partition(), source] = shard.applied_to(source) + 1
        progress.append((record.timestamp()[1] / 1000, sum(applied.values())))
    return progress


@dataclass(frozen=True)
class Replayed:
    """What a replay gave: events per second by its own account and with the start of the process, memory, alerts."""

    speed: float
    speed_with_start: float
    alerts: frozenset[str]


def replay(dataset: Dataset, core: int) -> Replayed:
    """Replay the data set's file on one core."""
    out = CACHE / "replayed.jsonl"
    command = ghosting("replay", dataset.file, "--partitions", str(job.PARTITIONS), "--alerts", out, "--json")
    began = time.perf_counter()
    done = subprocess.run(["taskset", "-c", str(core), *command], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise TrialError(done.stderr.strip()[-300:])
    summary = json.loads(done.stdout)
    ids = frozenset(json.loads(line)["id"] for line in out.read_bytes().splitlines())
    out.unlink()
    return Replayed(summary["records"] / summary["seconds"], summary["records"] / seconds, ids)
