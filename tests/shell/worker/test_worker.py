"""The worker as a process of its own, on a real Kafka."""

import signal

import pytest
from confluent_kafka import Producer

from detector.shell.worker.warmup import COMPILING
from tests import kafka as broker
from tests.faults import durable
from tests.workers import (
    DONE_S_MAX,
    alerts,
    counted,
    history,
    log_of,
    produce,
    replayed,
    returns,
    started,
    wait_for,
    working,
)


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
