"""The worker as a process of its own, on a real Kafka."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer

from detector.core.alerts.alert import Alert
from detector.offline.dealing import Installation
from detector.offline.outputs import Rejected
from detector.offline.replay import replay
from detector.shell.config.policy import policy_of
from detector.shell.config.settings import PREFIX
from detector.shell.worker.warmup import COMPILING
from tests import kafka as broker
from tests.contract import held
from tests.faults import durable

DAY_S = 86_400.0
START_S = 1_704_067_200.0  # 2024-01-01: every silence that follows is over before the test begins
KINDS = ("email", "call", "order")
DONE_S_MAX = 300  # it takes a few; the rest is for a busy machine


def interaction(number, client, kind, at):
    """Give the value of a record."""
    return json.dumps(
        {"event_id": f"e{number}", "client_id": client, "kind": kind, "at": at, "direction": "inbound"}
    ).encode()


def history():
    """Give the records of twelve clients who come regularly and then go quiet, in the order of time."""
    chance = random.Random(7)
    found = []
    for client in range(12):
        at = START_S + chance.random() * DAY_S
        for _ in range(40):
            at += DAY_S * (1 + client % 4) * (0.8 + 0.4 * chance.random())
            found.append((at, f"client-{client}", chance.choice(KINDS)))
    return [
        (client, kind, interaction(number, client, kind, at)) for number, (at, client, kind) in enumerate(sorted(found))
    ]


def returns():
    """Give a record of each client who comes back, just now; what that brings about is due before a replay's end."""
    now_s = int(time.time()) - 2
    return [(f"client-{n}", KINDS[n % 3], interaction(f"r{n}", f"client-{n}", KINDS[n % 3], now_s)) for n in range(12)]


def produce(settings, records, **config):
    """Produce one source after the other, so that no topic is in step with the others."""
    given = {"bootstrap.servers": settings.bootstrap_servers, "partitioner": "murmur2_random", **config}
    producer = Producer(given)
    for source in reversed(settings.sources):
        for client, kind, value in records:
            if settings.source_of(kind) == source:
                producer.produce(settings.topic(source), value, client)
    assert producer.flush(broker.REPLY_SECONDS_MAX) == 0


def alerts(settings):
    """Read all alerts, whether they notify or not, each held to its contract."""
    return held(durable.values(settings, settings.alerts_topic, settings.history_topic))


def replayed(settings, values):
    """Give the alerts and the rejections of a replay until now."""
    now_s = time.time()
    installation = Installation(policy_of(settings), settings.partitions, settings.source_of)
    outputs = list(replay([values], installation, until_s=now_s, now_s=now_s))
    emitted = [output.value for output in outputs if isinstance(output, Alert)]
    rejected = [output.value for output in outputs if isinstance(output, Rejected)]
    return sorted(held(emitted)), sorted(rejected)


def log_of(settings):
    """Say where workers with these settings log."""
    return settings.data_dir / "worker.log"


def counted(settings):
    """Add up what the workers say that they counted."""
    found = Counter()
    for line in log_of(settings).read_text().splitlines():
        entry = json.loads(line)
        if entry["event"] == "counts":
            found.update({name: entry.get(name, 0) for name in ("applied", "rejected")})
    return found


@contextmanager
def started(settings, **environment) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker with these settings; nothing is left of it at the end."""
    given = {PREFIX + name.upper(): str(getattr(settings, name)) for name in settings.model_fields_set}
    with log_of(settings).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "detector", "worker"],
            env={**os.environ, **given, **environment},
            cwd=broker.RUN.parents[2],
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def working(settings) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker with these settings; at the end it must obey SIGTERM."""
    with started(settings) as process:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(DONE_S_MAX) == 0


def wait_for(worker, settings, count):
    """Wait until so many alerts are out."""
    give_up_at = time.monotonic() + DONE_S_MAX
    while len(found := durable.values(settings, settings.alerts_topic, settings.history_topic)) < count:
        assert worker.poll() is None, "the worker ended"
        assert time.monotonic() < give_up_at, f"{len(found)} of {count} alerts after {DONE_S_MAX} s"
        time.sleep(0.1)


@pytest.fixture
async def settings(installed):
    """Give the settings of an installation whose topics exist."""
    return await installed()


def test_alerts_are_those_of_a_replay_and_come_once(settings):
    """Whatever order Kafka serves the topics in, and across a restart."""
    malformed = b"{nope"
    records = history()
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    producer.produce(settings.topic("emails"), malformed, partition=0)
    assert producer.flush(broker.REPLY_SECONDS_MAX) == 0
    produce(settings, records)
    values = [malformed, *(value for _, _, value in records)]
    expected, rejected = replayed(settings, values)
    assert len(expected) >= 12
    assert len(rejected) == 1

    with working(settings) as worker:
        wait_for(worker, settings, len(expected))
    assert alerts(settings) == expected
    assert durable.values(settings, settings.rejected_topic) == rejected
    assert counted(settings) == {"applied": len(records), "rejected": 1}
    assert "client-" not in log_of(settings).read_text()

    back = returns()
    values += [value for _, _, value in back]
    expected, rejected = replayed(settings, values)
    with working(settings) as worker:
        produce(settings, back)
        wait_for(worker, settings, len(expected))
    assert alerts(settings) == expected
    assert durable.values(settings, settings.alerts_topic)
    assert durable.values(settings, settings.rejected_topic) == rejected


def test_three_workers_go_on_where_a_killed_one_stopped(settings):
    """One worker is killed in the middle of the history; three others finish it: the alerts of a replay, each once."""
    small_steps = {"session_timeout_s": 6, "chunk_records": 10, "chunks_per_transaction": 1}
    settings = settings.model_copy(update=small_steps)
    records = history()
    produce(settings, records)
    expected, _ = replayed(settings, [value for _, _, value in records])
    with started(settings) as victim:
        wait_for(victim, settings, 1)
        victim.kill()
    with working(settings) as first, working(settings), working(settings):
        wait_for(first, settings, len(expected))
        # A worker that has not begun obeys as well, but not yet as a worker does.
        log = log_of(settings)
        broker.wait_until(lambda: log.read_text().count('"worker started"') == 4, "all have begun", DONE_S_MAX)
    assert alerts(settings) == expected


def test_a_worker_that_has_not_begun_obeys_too(settings):
    """SIGTERM while it gets ready ends it with 0: there is nothing to commit and no group to leave."""
    with started(settings, NUMBA_CACHE_DIR=str(settings.data_dir / "no kernels")) as worker:
        log = log_of(settings)
        broker.wait_until(lambda: COMPILING in log.read_text(), "it compiles", DONE_S_MAX)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(DONE_S_MAX) == 0


def test_kernels_are_there_before_the_worker_joins(settings):
    """Numba says what it loads and compiles: nothing of it happens while a shard works and the watchdog looks on."""
    produce(settings, history())
    with started(settings, NUMBA_DEBUG_CACHE="1", PYTHONUNBUFFERED="1") as worker:
        wait_for(worker, settings, 1)
    lines = log_of(settings).read_text().splitlines()
    joins = next(k for k, line in enumerate(lines) if "worker started" in line)
    kernels = [k for k, line in enumerate(lines) if line.startswith("[cache]")]
    assert kernels
    assert max(kernels) < joins
