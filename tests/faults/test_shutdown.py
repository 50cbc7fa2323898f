"""How workers leave: in order, at once if told twice, and one after the other without a delay for the alerts."""

import json
import signal
import time
from contextlib import closing
from datetime import datetime
from random import Random
from statistics import median

import pytest
from confluent_kafka import Producer

from detector.core.clock import DAY_S
from detector.core.primitives.partitioner import partition_of
from detector.core.wire.routing import address_of
from detector.offline.dealing import Installation
from detector.offline.outputs import Summary
from detector.offline.replay import replay
from detector.shell.config.policy import policy_of
from detector.shell.worker.exit_codes import Exit
from tests import kafka as broker
from tests.faults import durable
from tests.faults.fleet import Fleet

CLIENTS = 80
LEAD_S, SPREAD_S = 25.0, 60.0  # when the first deadline is due, and from the first to the last
WAITED_SECONDS_MAX = 150


@pytest.fixture
async def settings(installed):
    """Give an installation whose topics exist."""
    return await installed()


@pytest.fixture
def fleet(settings):
    """Give workers that do not outlive the test."""
    with closing(Fleet(settings)) as found:
        yield found


def wait_until(met, fleet, what):
    """Wait for a condition; workers that end by themselves are failures."""
    give_up_at = time.monotonic() + WAITED_SECONDS_MAX
    while not met():
        ended = [(worker.name, worker.process.poll()) for worker in fleet.workers if worker.process.poll() is not None]
        assert not ended, ended
        assert time.monotonic() < give_up_at, f"waited {WAITED_SECONDS_MAX} s in vain until {what}"
        time.sleep(0.1)


def owned(fleet):
    """Give the shards that have an owner."""
    return [shard for worker in fleet.workers for shard in worker.shards()]


def test_sigterm_is_obeyed_within_the_bound(settings, fleet):
    """The worker leaves with 0; its watchdog would have ended it with another code after GHOSTING_SHUTDOWN_S_MAX."""
    worker = fleet.add()
    wait_until(lambda: len(owned(fleet)) == settings.partitions, fleet, "all shards are owned")
    worker.signal(signal.SIGTERM)
    assert worker.process.wait(WAITED_SECONDS_MAX) == Exit.DONE


def test_a_second_sigterm_ends_the_worker_at_once(settings, fleet):
    """Whoever is in a hurry may say so again."""
    worker = fleet.add()
    wait_until(lambda: len(owned(fleet)) == settings.partitions, fleet, "all shards are owned")
    while worker.process.poll() is None:
        worker.signal(signal.SIGTERM)
        time.sleep(0.05)
    assert worker.process.returncode == Exit.TERMINATED


def history(settings, ends_s):
    """Give what clients did who come in step, a moment after each other; those of a partition until its instant."""
    chance, at_s, pattern = Random(5), 0.0, []
    for _ in range(60):
        at_s += DAY_S * (0.7 + 0.6 * chance.random())
        pattern.append(at_s)
    found = []
    for client in range(CLIENTS):
        end_s = ends_s[partition_of(f"c{client}", settings.partitions)]
        lag_s = end_s - pattern[-1] - SPREAD_S * (CLIENTS - client) / CLIENTS
        found += [(at_s + lag_s, client) for at_s in pattern]
    return [
        json.dumps(
            {"event_id": f"e{n}", "client_id": f"c{client}", "kind": "email", "at": at_s, "direction": "inbound"}
        ).encode()
        for n, (at_s, client) in enumerate(sorted(found))
    ]


def opened(settings, values, until_s):
    """Give when which client's last silence is told, as a replay says."""
    outputs = replay(
        [values],
        Installation(policy_of(settings), settings.partitions, settings.source_of),
        until_s=until_s,
        now_s=until_s,
    )
    found = [json.loads(output.value)["data"] for output in outputs if not isinstance(output, Summary)]
    return {one["client_id"]: durable_at_s(one["at"]) for one in found if one["transition"] == "opened"}


def durable_at_s(text):
    """Give an instant in epoch seconds."""
    return datetime.fromisoformat(text).timestamp()


def due_soon(settings):
    """Give a history whose deadlines lie in the next minutes, and those deadlines; found by trial."""
    ends_s = dict.fromkeys(range(settings.partitions), time.time() - DAY_S)
    for _ in range(10):
        values = history(settings, ends_s)
        begin_s = time.time() + LEAD_S
        deadlines = opened(settings, values, begin_s + 90 * DAY_S)
        due = {client: at_s for client, at_s in deadlines.items() if begin_s <= at_s <= begin_s + 2 * SPREAD_S}
        if len(due) >= CLIENTS / 2:
            return values, due
        for p in ends_s:
            own = [at_s for client, at_s in deadlines.items() if partition_of(client, settings.partitions) == p]
            ends_s[p] += begin_s + SPREAD_S - median(own)
    raise AssertionError("no history has its deadlines where they are wanted")


def test_a_rolling_restart_delays_no_alert_by_more_than_the_session_timeout(settings, fleet):
    """Three workers are replaced one after the other while silences pass their deadlines."""
    values, due = due_soon(settings)
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    for value in values:
        to = address_of(value, first="emails", route=settings.source_of, partitions=settings.partitions)
        producer.produce(settings.topic(to.source), value, to.key, partition=to.partition)
    assert producer.flush(broker.REPLY_SECONDS_MAX) == 0
    for _ in range(3):
        fleet.add()
    wait_until(lambda: len(set(owned(fleet))) == settings.partitions, fleet, "all shards are owned")
    for worker in list(fleet.workers):
        code = leave(worker, fleet)
        assert code == Exit.DONE
        heir = fleet.add()
        wait_until(heir.has_joined, fleet, "the new worker has joined")

    wait_until(lambda: due.keys() <= delays_s(settings, due).keys(), fleet, "all alerts are told")
    assert max(delays_s(settings, due).values()) - settings.settle_s <= settings.session_timeout_s


def delays_s(settings, due):
    """Give how long after their deadlines the silences of clients were told."""
    found = {}
    for record in durable.committed(settings, settings.alerts_topic):
        data = json.loads(record.value)["data"]
        at_s = durable_at_s(data["at"])
        if data["transition"] == "opened" and due.get(data["client_id"]) == at_s:
            found[data["client_id"]] = record.at_s - at_s
    return found


def leave(worker, fleet):
    """Let a worker leave; give its exit code."""
    worker.signal(signal.SIGTERM)
    code = worker.process.wait(WAITED_SECONDS_MAX)
    fleet.workers.remove(worker)
    return code
