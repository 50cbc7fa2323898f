"""How late alerts and states are: clients whose deadlines pass one after the other while we watch, under load.

The history of the watched clients is laid so that their deadlines fall into the time of the measurement: `ghosting
replay` (as a function) says when a deadline passes, and each history is moved until it passes when it should.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles

from confluent_kafka import Producer, TopicPartition

import job
import product
from broker import Broker
from detector.core.engine.shard import Policy
from detector.offline.dealing import Installation
from detector.offline.outputs import Summary
from detector.offline.replay import replay
from figures import HERE
from trial import TrialError

APP = "latency"
CONTACTS, DAY_S = 14, 86_400
WHOLE_PASSES, PASSES, NEAR_S = 3, 30, 2.0
DAMPED = 0.75  # a later last contact also lengthens the rhythm, so that the deadline moves further than it
Instants = dict[str, float]
SETTLE_S = 5.0  # the default of GHOSTING_SETTLE_S
SETTINGS: dict[str, object] = {"learning_gaps_min": 1}  # few clients are watched; none is held
PROBED_PARTITION = 0
LATE_SECONDS_MAX = 60
AHEAD_S = 45.0  # from the beginning to the first deadline: time for the passes, the worker and the load


@dataclass(frozen=True)
class Latencies:
    """Seconds from a deadline to its alert, and from an event to its state; both as a committed reader sees them."""

    alert_s: list[float]
    state_s: list[float]
    load: float


def shares(seconds: list[float]) -> tuple[float, float]:
    """Give the median and the 99th percentile."""
    if len(seconds) < 2:
        raise TrialError(f"only {len(seconds)} latencies were seen")
    cut = quantiles(seconds, n=100, method="inclusive")
    return cut[49], cut[98]


def _history(anchor_s: Instants, last_s: Instants) -> list[tuple[str, bytes]]:
    """Give the events of the watched clients in the order of time: a contact a day up to the anchor's, and the last."""
    found = []
    for client_id, last in last_s.items():
        for back in range(CONTACTS):
            at = round(anchor_s[client_id] - back * DAY_S if back else last, 3)
            event = {
                "event_id": f"{client_id}-{back}",
                "client_id": client_id,
                "kind": "email",
                "at": at,
                "direction": "inbound",
                "segment": "watched",
            }
            found.append((at, client_id, json.dumps(event).encode()))
    return [(client_id, value) for _, client_id, value in sorted(found)]


def _deadlines(anchor_s: Instants, last_s: Instants) -> Instants:
    """Ask replay when the first deadline after the last contact passes."""
    policy = Policy(sources=product.SOURCES, learning_gaps_min=1)
    outputs = replay(
        [[value for _, value in _history(anchor_s, last_s)]],
        Installation(policy, job.PARTITIONS, lambda kind: job.KINDS.get(kind, product.SOURCES[0])),
        until_s=max(last_s.values()) + 60 * DAY_S,
        now_s=time.time(),
    )
    found: Instants = {}
    for data in (json.loads(output.value)["data"] for output in outputs if not isinstance(output, Summary)):
        at_s = datetime.fromisoformat(data["at"]).timestamp()
        if data["transition"] == "opened" and at_s > last_s[data["client_id"]]:
            found[data["client_id"]] = at_s
    return found


def _place(targets_s: Instants) -> list[tuple[str, bytes]]:
    """Find a history with which the deadlines pass when they should.

    First whole histories are moved; then, as what a shard learned until midnight shifts its deadlines, the last
    contacts only.
    """
    anchor_s = {client_id: target - 4 * DAY_S for client_id, target in targets_s.items()}
    last_s = anchor_s
    for turn in range(PASSES):
        passes_s = _deadlines(anchor_s, last_s)
        if len(passes_s) < len(targets_s):
            raise TrialError(f"only {len(passes_s)} of {len(targets_s)} watched clients have a deadline")
        off_s = {client_id: target - passes_s[client_id] for client_id, target in targets_s.items()}
        if max(map(abs, off_s.values())) < NEAR_S:
            break
        step = 1.0 if turn < WHOLE_PASSES else DAMPED
        last_s = {client_id: last + step * off_s[client_id] for client_id, last in last_s.items()}
        anchor_s = last_s if turn < WHOLE_PASSES else anchor_s
    else:
        raise TrialError(f"deadlines could not be placed nearer than {max(map(abs, off_s.values())):.0f} s")
    return _history(anchor_s, last_s)


def measure(broker: Broker, core: int, load: float, watched: int, seconds: float) -> Latencies:
    """Let `watched` deadlines pass within `seconds`, while `load` events a second come in."""
    product.prepare(broker, APP)
    try:
        first_s = time.time() + AHEAD_S
        targets_s = {f"watched-{number:05d}": first_s + number * seconds / watched for number in range(watched)}
        producer = Producer({"bootstrap.servers": broker.address, "partitioner": "murmur2_random"})
        for client_id, value in _place(targets_s):
            producer.produce(f"{APP}.emails", value, client_id)
        producer.flush()
        with product.worker(broker, APP, core, **SETTINGS) as ours:
            ours.wait_for("shard restored", job.PARTITIONS)
            lasting = max(first_s + seconds - time.time(), 0.0) + SETTLE_S
            command = [sys.executable, HERE / "own" / "load.py", broker.address, APP, str(load), str(lasting)]
            environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
            with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as loading:
                try:
                    alert_s, state_s = _watch(broker, time.time() + lasting, watched, first_s)
                    rate = float(loading.communicate(timeout=30)[0])
                finally:
                    loading.kill()
    finally:
        broker.delete(lambda topic: topic.startswith(f"{APP}."))
        broker.delete_group(APP)
    return Latencies(alert_s, state_s, rate)


def _watch(broker: Broker, until_s: float, watched: int, from_s: float) -> tuple[list[float], list[float]]:
    """Read alerts and states as they come, each in a thread of its own, until the load has ended and all were seen."""
    alert_s: list[float] = []
    state_s: list[float] = []

    def alert(_key: bytes, value: bytes) -> None:
        data = json.loads(value)["data"]
        at_s = datetime.fromisoformat(data["at"]).timestamp()
        if data["transition"] == "opened" and data["client_id"].startswith("watched-") and at_s >= from_s - NEAR_S:
            alert_s.append(time.time() - at_s)

    def state(key: bytes, _value: bytes) -> None:
        _, probe, rest = key.partition(b"probe-")
        if probe and (produced_s := float(rest.split(b"-")[0])) >= from_s:
            state_s.append(time.time() - produced_s)

    def goes_on() -> bool:
        now_s = time.time()
        return now_s < until_s or (len(alert_s) < watched and now_s < until_s + LATE_SECONDS_MAX)

    alerts = [(f"{APP}.alerts", partition) for partition in range(job.PARTITIONS)]
    threads = [
        threading.Thread(target=_follow, args=(broker, alerts, goes_on, alert)),
        threading.Thread(target=_follow, args=(broker, [(f"{APP}.state", PROBED_PARTITION)], goes_on, state)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return alert_s, state_s


def _follow(
    broker: Broker, places: list[tuple[str, int]], goes_on: Callable[[], bool], take: Callable[[bytes, bytes], None]
) -> None:
    consumer = broker.consumer()
    consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in places])
    while goes_on():
        for record in consumer.consume(5_000, 0.01):
            if record.error() is None:
                take(record.key(), record.value())
    consumer.close()
