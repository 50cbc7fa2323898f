"""A worker that breaks at whatever it waits for loses nothing: the next one goes on where the last commit was."""

import asyncio
import gc
import json
import time
from collections.abc import Generator
from random import Random
from types import SimpleNamespace

import pytest
import structlog
from aiokafka.conn import AIOKafkaConnection

from detector.core.clock import DAY_S
from detector.core.engine.intake import Intake
from detector.core.engine.shard import Shard
from detector.core.wire.records import columns_of
from detector.core.wire.routing import address_of
from detector.shell.config.policy import policy_of
from detector.shell.kafka.broker_clock import ClockPolicy, WallClock
from detector.shell.kafka.fetch_thread import FetchedChunk
from detector.shell.telemetry.catalogue import WORKER
from detector.shell.telemetry.metrics import Metrics
from detector.shell.worker import failures, shard_task
from detector.shell.worker.exit_codes import Exit
from detector.shell.worker.shard_task import ShardTask
from tests.faults import durable
from tests.shell.worker.source import LIFE_SECONDS_MAX, START_S, Source

STEP = 10  # records more in each life
NEVER = -1
SILENT = structlog.get_logger(processors=[lambda *_: (_ for _ in ()).throw(structlog.DropEvent)])


class Struck(Exception):  # noqa: N818 (what has happened)
    """Nobody foresaw this."""


class StruckAt:
    """Runs a coroutine, and raises at the n-th time that it has to wait for something."""

    def __init__(self, coroutine, number):
        self._coroutine, self._left = coroutine, number

    def __await__(self) -> Generator:
        """Hand on what it waits for."""
        waits = self._coroutine.__await__()
        found = next(waits, None)
        while True:
            self._left -= 1
            if self._left == 0:
                if not isinstance(found, asyncio.Future) or isinstance(found, asyncio.Task):
                    found = waits.throw(Struck())
                elif not found.done():
                    found.set_exception(Struck())  # as a request or a socket fails
            try:
                answer = yield found
            except BaseException as error:  # noqa: BLE001 (the loop's cancellation goes on inside)
                found = waits.throw(error)
            else:
                try:
                    found = waits.send(answer)
                except StopIteration:
                    return


def records(settings):
    """Give what eight clients did and malformed records among it: by source, with offsets."""
    chance, found = Random(3), []
    for client in range(8):
        at = START_S + chance.random() * DAY_S
        for _ in range(100):
            at += DAY_S * (1 + client % 3) * (0.7 + 0.6 * chance.random())
            kind = chance.choice(("email", "call", "order"))
            event = {"client_id": f"client-{client}", "kind": kind, "at": at, "direction": "inbound"}
            found.append((at, json.dumps({"event_id": f"{client}-{at}", **event}).encode()))
    by_source = {source: [] for source in settings.sources}
    for n, (_, value) in enumerate(sorted(found)):
        to = address_of(value, first="emails", route=settings.source_of, partitions=1)
        for one in (value, b"{nope") if n % 40 == 0 else (value,):
            offset = len(by_source[to.source])
            by_source[to.source].append(
                SimpleNamespace(offset=offset, key=to.key, value=one, headers=(), timestamp=None)
            )
    return by_source


async def live(settings, by_source, upto, struck_at, monkeypatch):
    """Let a shard's task work on the first records until it breaks or has read them; give it, and its exit codes."""
    codes = []
    monkeypatch.setattr(shard_task.os, "_exit", codes.append)
    for module in (shard_task, failures):
        monkeypatch.setattr(module, "log", SILENT)
    complete = upto >= max(map(len, by_source.values()))
    ends = {settings.topic(name): len(by_source.get(name, ())) - 1 for name in settings.inputs} if complete else {}
    run, source = ShardTask._run, Source(ends)
    with monkeypatch.context() as patch:
        patch.setattr(ShardTask, "_run", lambda self: StruckAt(run(self), struck_at))
        app, clock = SimpleNamespace(consumer=source), WallClock(ClockPolicy(60))
        task = ShardTask(settings, 0, app, clock, Metrics(settings, WORKER))
        task._task.cancelled()  # it begins at the next wait
        for name, found in by_source.items():
            chunk = FetchedChunk(-1, found[:upto])
            message = SimpleNamespace(topic=settings.topic(name), offset=chunk.records[-1].offset, value=chunk)
            task.put(SimpleNamespace(message=message, value=chunk, ack=lambda: None))
        give_up_at = time.monotonic() + LIFE_SECONDS_MAX
        while not task._task.done() and not is_done(task, by_source, upto):
            assert time.monotonic() < give_up_at, f"wait {struck_at}: {task._task.get_stack()}"
            await asyncio.sleep(0.005)
    return task, codes


def is_done(task, by_source, upto):
    """Say whether everything was read, and, if that is all there is, applied and committed."""
    if upto < max(map(len, by_source.values())):
        return all(task._shard.read_to(name) >= found[:upto][-1].offset for name, found in by_source.items())
    return task._shard.clock_s > time.time() - DAY_S


def answer(settings, by_source):
    """Say what a shard makes of all records that nothing interrupts."""
    shard = Shard(policy_of(settings))
    intake = Intake(shard, {name: settings.topic(name) for name in by_source}, 0, 1)
    for name, found in by_source.items():
        intake.read(name, columns_of(found), time.time())
    outcome = shard.advance(time.time() - 10)
    return sorted(alert.value for alert in outcome.alerts), sorted(outcome.rejected), durable.rows_of(shard)


@pytest.fixture
async def settings(installed):
    """Give an installation of one shard."""
    return await installed(partitions=1)


async def die_at_every_wait(settings, by_source, monkeypatch):
    """Live one life after the other, each ending one wait later, and one to the end; -> how many were struck."""
    most = max(map(len, by_source.values()))
    tasks, struck, number, codes = [], 0, 0, [Exit.BUG]
    while codes or number * STEP < most:
        number += 1
        task, codes = await live(settings, by_source, min(most, number * STEP), number, monkeypatch)
        tasks.append(task)
        struck += bool(codes)
        assert set(codes) <= {Exit.BUG}
    last, _ = await live(settings, by_source, most, NEVER, monkeypatch)
    for task in (last, *tasks):
        await task.close(settings.shutdown_s_max / 2)
    return struck


async def bury():
    """Close what struck clients left open; in a process of their own it would have died with them."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    for connection in [found for found in gc.get_objects() if type(found) is AIOKafkaConnection]:
        connection.close()
    await asyncio.sleep(0)  # transports close themselves at the next turn
    gc.collect()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # clients that were struck while they started or stopped
async def test_an_error_at_every_await_loses_nothing(settings, monkeypatch):
    """One life after the other breaks one wait later, and each is handed everything again: all comes out, once."""
    by_source = records(settings)
    struck = await die_at_every_wait(settings, by_source, monkeypatch)
    await bury()
    alerts, rejected, rows = answer(settings, by_source)
    assert struck > 20
    assert durable.values(settings, settings.alerts_topic, settings.history_topic) == alerts
    assert durable.values(settings, settings.rejected_topic) == rejected
    (shard,) = durable.restored(settings)
    assert durable.rows_of(shard) == rows
    assert alerts
    assert rejected
