"""The worker process: an agent that reads the sources, with a shard as the task of each partition."""

import faust
import structlog

from detector.core.wire.lookalikes import Lookalikes
from detector.shell.config.settings import Settings
from detector.shell.kafka.broker_clock import ClockPolicy, WallClock
from detector.shell.telemetry import logs
from detector.shell.telemetry.catalogue import WORKER
from detector.shell.telemetry.metrics import Metrics
from detector.shell.worker import malloc
from detector.shell.worker.agent import Agent, Observed, obey_sigterm, run_agent
from detector.shell.worker.gauges import Gauges
from detector.shell.worker.shard_task import ShardTask
from detector.shell.worker.warmup import make_ready

log = structlog.stdlib.get_logger(__name__)


def run_worker(settings: Settings) -> int:
    """Work until a signal comes; return the process's exit code. The caller has checked the topics."""
    obey_sigterm()
    malloc.give_back()
    logs.configure(settings.log_level, settings.log_format)
    make_ready(log.info)  # compiled in the event loop, they would block a transaction and the watchdog
    shards: dict[int, ShardTask] = {}
    gauges = Gauges(Metrics(settings, WORKER), settings, shards)
    clock, lookalikes = WallClock(ClockPolicy(settings.clock_apart_s_max)), Lookalikes()

    def take_over(partition: int, app: faust.App) -> ShardTask:
        return ShardTask(settings, partition, app, clock, gauges.metrics, lookalikes)

    def started() -> None:
        log.info("worker started", app_id=settings.app_id, sources=settings.sources, partitions=settings.partitions)

    agent = Agent(settings.app_id, settings.input_topics, take_over, gauges.assigned, shards)
    return run_agent(settings, agent, Observed(gauges.metrics, gauges.ready, gauges.refresh, started))
