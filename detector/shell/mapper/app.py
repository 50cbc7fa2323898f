"""The process of `ghosting map PRESET --from TOPIC`: an agent that maps the records of another tool's topic."""

import faust
import structlog

from detector.shell.config.settings import Settings
from detector.shell.mapper.map_task import Feed, MapTask
from detector.shell.telemetry import logs
from detector.shell.telemetry.catalogue import MAPPER
from detector.shell.telemetry.metrics import Metrics
from detector.shell.worker import malloc
from detector.shell.worker.agent import Agent, Observed, obey_sigterm, run_agent

log = structlog.stdlib.get_logger(__name__)


class Progress:
    """Reads the tasks of a mapping, for its gauges and its readiness, and changes nothing in them."""

    def __init__(self, metrics: Metrics, tasks: dict[int, MapTask]) -> None:
        self._metrics, self._tasks = metrics, tasks
        self._is_member = False

    def assigned(self) -> None:
        """Record that the group has assigned its partitions, perhaps none of them to us."""
        self._is_member = True
        self._metrics.add("ghosting_mapping_rebalances_total", 1)

    def ready(self) -> str | None:
        """Return why the mapping is not ready; None if all its partitions are being read."""
        if not self._is_member:
            return "no partitions were handed out yet"
        for partition, task in sorted(self._tasks.items()):
            if not task.is_at_work:
                return f"partition {partition} is being taken over"
            if task.lag() is None:
                return f"the lag of partition {partition} is not known yet"
        return None

    def refresh(self) -> None:
        """Set all gauges."""
        self._metrics.set("ghosting_mapping_partitions", len(self._tasks))
        self._metrics.set("ghosting_mapping_lag_records", sum(task.lag() or 0 for task in self._tasks.values()))


def run_mapping(settings: Settings, feed: Feed) -> int:
    """Map until a signal comes; return the process's exit code. The caller has checked the topics."""
    obey_sigterm()
    malloc.give_back()
    logs.configure(settings.log_level, settings.log_format)
    tasks: dict[int, MapTask] = {}
    metrics = Metrics(settings, MAPPER)
    progress = Progress(metrics, tasks)

    def take_over(partition: int, app: faust.App) -> MapTask:
        return MapTask(settings, feed, partition, app, metrics)

    def started() -> None:
        log.info("mapping started", app_id=settings.app_id, topic=feed.topic, tool=feed.mapper.tool, group=feed.group)

    agent = Agent(feed.group, (feed.topic,), take_over, progress.assigned, tasks, commits_acked=False)
    return run_agent(settings, agent, Observed(metrics, progress.ready, progress.refresh, started))
