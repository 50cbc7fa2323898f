"""Workers as processes of their own on a real Kafka: their records, their alerts, and commands that run beside them."""

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

from confluent_kafka import Producer

from detector.core.alerts.alert import Alert
from detector.core.clock import DAY_S
from detector.offline.dealing import Installation
from detector.offline.outputs import Rejected
from detector.offline.replay import replay
from detector.shell.config.policy import policy_of
from detector.shell.config.settings import PREFIX
from tests import kafka as broker
from tests.contract import held
from tests.faults import durable

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


def rebuild(settings, *options):
    """Run `ghosting rebuild`; give its exit code, its output and its errors."""
    return ended(settings, "rebuild", *options)


def ended(settings, command, *arguments, stdin=""):
    """Run a command to its end; give its exit code, its output and its errors."""
    given = {PREFIX + name.upper(): str(getattr(settings, name)) for name in settings.model_fields_set}
    done = subprocess.run(
        [sys.executable, "-m", "detector", command, "--json", *arguments],
        env={**os.environ, **given},
        cwd=broker.RUN.parents[2],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=DONE_S_MAX,
    )
    return done.returncode, json.loads(done.stdout or "null"), done.stderr.strip()


def of_generation(settings, number):
    """Give the settings with a state topic."""
    return settings.model_copy(update={"state_generation": number})


def known(settings):
    """Say what is durable of every client."""
    return {name: row for shard in durable.restored(settings) for name, row in durable.rows_of(shard).items()}
