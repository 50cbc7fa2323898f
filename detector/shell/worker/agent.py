"""A process around a Faust agent: group membership, assignment and fetching by Faust, one task of ours per partition.

What the tasks do with their chunks is theirs. A worker's tasks are shards; those of a mapping map.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

import faust
import structlog
from faust.types import TP, AppT, EventT, StreamT
from yarl import URL

from detector.shell.config.settings import Settings
from detector.shell.kafka.client import for_faust
from detector.shell.kafka.faust_transport import AsIs, ChunkConsumer, ChunkTransport
from detector.shell.telemetry.endpoints import HealthCheck, serve
from detector.shell.telemetry.metrics import Metrics
from detector.shell.worker import watchdog
from detector.shell.worker.exit_codes import Exit
from detector.shell.worker.failures import exit_of_faust

_HEARTBEATS_PER_SESSION: Final = 6
_FETCH_BYTES_MAX: Final = 4 << 20
_POLL_RECORDS_MAX: Final = 20_000
# If the group's leader asked a broker that did not know of new topics yet, it assigns none of their partitions until it
# asks again. aiokafka's default is to ask again after five minutes.
_METADATA_AGE_MS: Final = 10_000

log = structlog.stdlib.get_logger(__name__)


class PartitionTask(Protocol):
    """The work on one partition number; it lives for as long as the partition is ours."""

    def put(self, chunk: EventT[Any]) -> None:
        """Hand over a chunk."""

    def waits(self) -> Iterator[tuple[Exit, Hashable]]:
        """Return what the task waits for, each with a token that changes when the task gets on."""

    async def close(self, seconds_max: float) -> None:
        """Commit what is done, if that takes no longer, and stop."""


Task = TypeVar("Task", bound=PartitionTask)


@dataclass(frozen=True)
class Agent(Generic[Task]):
    """What a process reads, and who works on it.

    Parameters
    ----------
    group
        The consumer group.
    topics
        The topics that it reads; a task gets the partitions with its number of all of them.
    take_over
        Starts the task of a partition that has become ours. It must not wait: a rebalance would.
    assigned
        Called after each assignment, also of no partition.
    tasks
        The tasks at work, by partition.
    commits_acked
        Whether Faust commits the offsets of acked chunks; else the transactions of the tasks do.
    """

    group: str
    topics: tuple[str, ...]
    take_over: Callable[[int, faust.App], Task]
    assigned: Callable[[], None]
    tasks: MutableMapping[int, Task] = field(default_factory=dict)
    commits_acked: bool = True


@dataclass(frozen=True)
class Observed:
    """What a process shows of itself: its metrics, whether it is ready, how its gauges are set, that it has started."""

    metrics: Metrics
    ready: HealthCheck
    refresh: Callable[[], None]
    started: Callable[[], None]


def obey_sigterm() -> None:
    """End with 0 at SIGTERM, from now until Faust handles it: nothing was begun."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(Exit.DONE))


def run_agent(settings: Settings, agent: Agent[Task], observed: Observed) -> int:
    """Work until a signal comes; return the process's exit code. The caller has checked the topics."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = build_app(settings, agent)
    guard = watchdog.Watchdog(watchdog.policy_of(settings), lambda: waits(app, agent.tasks))
    loop.run_until_complete(
        serve(settings, observed.metrics, alive=guard.alive, ready=observed.ready, refresh=observed.refresh)
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
    observed.started()
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


def waits(app: faust.App, tasks: Mapping[int, PartitionTask]) -> watchdog.Waits:
    """Return what the process waits for."""
    task_waits: watchdog.Waits = {
        (cause, number): token for number, task in tasks.items() for cause, token in task.waits()
    }
    if app.should_stop:
        return {**task_waits, (Exit.SHUTDOWN, -1): None}
    consumer = app.consumer
    assert isinstance(consumer, ChunkConsumer)
    if consumer.has_ended:
        return {**task_waits, (Exit.CONSUMER, -1): None}
    if app.rebalancing:
        return {**task_waits, (Exit.REBALANCE, -1): app.rebalancing_count}
    if not consumer.is_assigned:
        return {**task_waits, (Exit.UNASSIGNED, -1): None}
    return task_waits


def build_app(settings: Settings, agent: Agent[Task]) -> faust.App:
    """Build the Faust app of an agent. Importing this module builds nothing."""
    urls = [URL(f"kafka://{server}") for server in settings.bootstrap_servers.split(",")]
    app = faust.App(
        agent.group,
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
    app.transport = ChunkTransport(urls, app, settings.chunk_records, commits_acked=agent.commits_acked)
    _connect(app, settings, agent)
    return app


def _connect(app: faust.App, settings: Settings, agent: Agent[Task]) -> None:
    """Connect Faust's signals and its agent: tasks come and go with their partitions, and get their chunks."""
    tasks = agent.tasks

    @app.on_partitions_revoked.connect  # type: ignore[arg-type]  # Faust's type for receivers knows no parameters
    async def give_up(_: AppT, revoked: set[TP], **__: object) -> None:
        await _close(tasks, _numbers(revoked, agent) & tasks.keys(), seconds_max=settings.shutdown_s_max / 2)

    @app.on_partitions_assigned.connect  # type: ignore[arg-type]
    async def take_over(_: AppT, assigned: set[TP], **__: object) -> None:
        if isinstance(app.consumer, ChunkConsumer):
            app.consumer.forget()
        for partition in _numbers(assigned, agent) - tasks.keys():
            # It begins in a task of its own: a rebalance must not wait.
            tasks[partition] = agent.take_over(partition, app)
        agent.assigned()
        log.info("shards assigned", shards=sorted(tasks))

    @app.on_before_shutdown.connect  # type: ignore[arg-type]
    async def stop(_: AppT, **__: object) -> None:
        # Faust leaves the group without the signal that partitions are revoked.
        await _close(tasks, set(tasks), seconds_max=0 if app.crashed else settings.shutdown_s_max / 2)
        if not app.crashed:  # a consumer that broke may never reply
            await app.consumer.commit()  # what the tasks have just acked; Faust does not do it

    @app.agent(app.topic(*agent.topics, schema=AsIs()), name="chunks")
    async def hand_over(stream: StreamT[Any]) -> None:
        assert isinstance(stream, faust.Stream)
        async for event in stream.noack().events():  # it is acked when its effects are durable, not now
            task = tasks.get(event.message.partition)
            if task is not None:
                task.put(event)


async def _close(tasks: MutableMapping[int, Task], partitions: set[int], *, seconds_max: float) -> None:
    leaving = [tasks.pop(partition) for partition in partitions]
    await asyncio.gather(*(task.close(seconds_max) for task in leaving))


def _numbers(partitions: set[TP], agent: Agent[Task]) -> set[int]:
    return {tp.partition for tp in partitions if tp.topic in agent.topics}
