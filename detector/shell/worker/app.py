"""The worker process: Faust provides group membership, assignment and fetching; the shards do the work."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

import faust
import structlog
from faust.types import TP, AppT, StreamT
from yarl import URL

from detector.core.wire.lookalikes import Lookalikes
from detector.shell.config.settings import Settings
from detector.shell.kafka.broker_clock import ClockPolicy, WallClock
from detector.shell.kafka.client import for_faust
from detector.shell.kafka.faust_transport import AsIs, ChunkConsumer, ChunkTransport
from detector.shell.telemetry import logs
from detector.shell.telemetry.catalogue import WORKER
from detector.shell.telemetry.endpoints import serve
from detector.shell.telemetry.metrics import Metrics
from detector.shell.worker import malloc, watchdog
from detector.shell.worker.exit_codes import Exit
from detector.shell.worker.failures import exit_of_faust
from detector.shell.worker.gauges import Gauges
from detector.shell.worker.shard_task import ShardTask
from detector.shell.worker.warmup import make_ready

_HEARTBEATS_PER_SESSION = 6
_FETCH_BYTES_MAX = 4 << 20
_POLL_RECORDS_MAX = 20_000
# If the group's leader asked a broker that did not know of new topics yet, it assigns none of their partitions until it
# asks again. aiokafka's default is to ask again after five minutes.
_METADATA_AGE_MS = 10_000

log = structlog.stdlib.get_logger(__name__)


def run_worker(settings: Settings) -> int:
    """Work until a signal comes; return the process's exit code. The caller has checked the topics."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(Exit.DONE))  # until Faust handles it: nothing was begun
    malloc.give_back()
    logs.configure(settings.log_level, settings.log_format)
    make_ready(log.info)  # compiled in the event loop, they would block a transaction and the watchdog
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    shards: dict[int, ShardTask] = {}
    gauges = Gauges(Metrics(settings, WORKER), settings, shards)
    app = build_app(settings, shards, gauges)
    guard = watchdog.Watchdog(watchdog.policy_of(settings), lambda: waits(app, shards))
    loop.run_until_complete(
        serve(settings, gauges.metrics, alive=guard.alive, ready=gauges.ready, refresh=gauges.refresh)
    )
    app.finalize()
    app.worker_init()
    worker = Process(
        app,
        loop=loop,
        quiet=True,
        redirect_stdouts=False,
        override_logging=False,  # it is configured
    )
    worker.spinner = None
    log.info("worker started", app_id=settings.app_id, sources=settings.sources, partitions=settings.partitions)
    heartbeat = loop.create_task(guard.heartbeat())
    guard.start()
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:
        guard.stop()
        heartbeat.cancel()
        return exit_of_faust(worker.crash_reason or (ended.__context__ if ended.code else None), settings)


class Process(faust.Worker):
    """Faust's worker. A second signal ends it at once."""

    def _schedule_shutdown(self, signal: signal.Signals) -> None:
        if self._signal_stop_time:
            log.warning("a second signal: ending at once")
            os._exit(Exit.TERMINATED)
        super()._schedule_shutdown(signal)


def waits(app: faust.App, shards: Mapping[int, ShardTask]) -> watchdog.Waits:
    """Return what the worker waits for."""
    shard_waits: watchdog.Waits = {
        (cause, number): token for number, shard in shards.items() for cause, token in shard.waits()
    }
    if app.should_stop:
        return {**shard_waits, (Exit.SHUTDOWN, -1): None}
    consumer = app.consumer
    assert isinstance(consumer, ChunkConsumer)
    if consumer.has_ended:
        return {**shard_waits, (Exit.CONSUMER, -1): None}
    if app.rebalancing:
        return {**shard_waits, (Exit.REBALANCE, -1): app.rebalancing_count}
    if not consumer.is_assigned:
        return {**shard_waits, (Exit.UNASSIGNED, -1): None}
    return shard_waits


def build_app(settings: Settings, shards: dict[int, ShardTask], gauges: Gauges) -> faust.App:
    """Build the Faust app of a worker. Importing this module builds nothing."""
    urls = [URL(f"kafka://{server}") for server in settings.bootstrap_servers.split(",")]
    app = faust.App(
        settings.app_id,
        broker=urls,
        broker_credentials=for_faust(settings),
        store="memory://",
        table_standby_replicas=1,  # for the assignor that assigns the same partitions of all sources; no table
        datadir=settings.data_dir,
        web_enabled=False,
        autodiscover=False,
        worker_redirect_stdouts=False,
        topic_allow_declare=False,  # they were checked before we started
        topic_disable_leader=True,
        stream_wait_empty=False,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=_FETCH_BYTES_MAX,
        consumer_metadata_max_age_ms=_METADATA_AGE_MS,
        broker_max_poll_records=_POLL_RECORDS_MAX,
        broker_session_timeout=float(settings.session_timeout_s),
        broker_rebalance_timeout=float(settings.session_timeout_s),  # a member that does not rejoin by then is dropped
        broker_heartbeat_interval=settings.session_timeout_s / _HEARTBEATS_PER_SESSION,
        broker_commit_interval=1.0,
    )
    app.transport = ChunkTransport(urls, app, settings.chunk_records)
    _connect(app, settings, shards, gauges)
    return app


def _connect(app: faust.App, settings: Settings, shards: dict[int, ShardTask], gauges: Gauges) -> None:
    """Connect Faust's signals and its agent: shards come and go with their partitions, and get their chunks."""
    clock, lookalikes = WallClock(ClockPolicy(settings.clock_apart_s_max)), Lookalikes()

    @app.on_partitions_revoked.connect  # type: ignore[arg-type]  # Faust's type for receivers knows no parameters
    async def give_up(_: AppT, revoked: set[TP], **__: object) -> None:
        await _close(shards, _numbers(revoked, settings) & shards.keys(), seconds_max=settings.shutdown_s_max / 2)

    @app.on_partitions_assigned.connect  # type: ignore[arg-type]
    async def take_over(_: AppT, assigned: set[TP], **__: object) -> None:
        if isinstance(app.consumer, ChunkConsumer):
            app.consumer.forget()
        for partition in _numbers(assigned, settings) - shards.keys():
            # It restores in a task of its own: a rebalance must not wait.
            shards[partition] = ShardTask(settings, partition, app, clock, gauges.metrics, lookalikes)
        gauges.assigned()
        log.info("shards assigned", shards=sorted(shards))

    @app.on_before_shutdown.connect  # type: ignore[arg-type]
    async def stop(_: AppT, **__: object) -> None:
        # Faust leaves the group without the signal that partitions are revoked.
        await _close(shards, set(shards), seconds_max=0 if app.crashed else settings.shutdown_s_max / 2)
        if not app.crashed:  # a consumer that broke may never reply
            await app.consumer.commit()  # what the shards have just acked; Faust does not do it

    @app.agent(app.topic(*settings.input_topics, schema=AsIs()), name="chunks")
    async def hand_over(stream: StreamT[Any]) -> None:
        assert isinstance(stream, faust.Stream)
        async for event in stream.noack().events():  # it is acked when its effects are durable, not now
            shard = shards.get(event.message.partition)
            if shard is not None:
                shard.put(event)


async def _close(shards: dict[int, ShardTask], partitions: set[int], *, seconds_max: float) -> None:
    leaving = [shards.pop(partition) for partition in partitions]
    await asyncio.gather(*(shard.close(seconds_max) for shard in leaving))


def _numbers(partitions: set[TP], settings: Settings) -> set[int]:
    return {tp.partition for tp in partitions if tp.topic in settings.input_topics}
