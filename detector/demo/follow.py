"""What a worker makes of the demo's events, read from its topics while it works."""

import json
import math
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.progress import Progress

from detector.core.clock import DAY_S
from detector.core.engine.positions import POSITION_KEY
from detector.core.primitives.partitioner import partition_of
from detector.shell.config.settings import Settings
from detector.shell.kafka.client import started
from detector.shell.kafka.reader import Reader
from schemas.alert import AlertData, AlertEvent

_SECONDS_WITHOUT_NEWS_MAX = 60  # of a worker that starts on a machine with much else to do
_QUIET_S = 1.0


@dataclass
class _Followed:
    """What was read of the worker's output: alerts by id, and each shard's clock."""

    clocks: dict[int, float]
    alerts: dict[str, AlertData] = field(default_factory=dict)


async def follow(
    settings: Settings, events: Sequence[Mapping[str, object]], start_s: float, worker: subprocess.Popen[bytes]
) -> Sequence[AlertData] | None:
    """Read alerts until every shard with events is past the last one; None if the worker ends or stops.

    Parameters
    ----------
    settings
        Of the demo's installation.
    events
        What was produced.
    start_s
        Where the simulated time begins.
    worker
        If it ends, there is nothing to wait for.
    """
    end_s = max((datetime.fromisoformat(str(event["at"])).timestamp() for event in events), default=start_s)
    shards = {partition_of(str(event["client_id"]), settings.partitions) for event in events}
    followed = _Followed(dict.fromkeys(shards, -math.inf))
    names = settings.alerts_topic, settings.history_topic, settings.state_topic
    reader = Reader(settings, names, checks_crcs=False)  # the embedded broker returns transactions with a wrong one
    async with started(reader):
        news_s = time.monotonic()
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("simulated days", total=(end_s - start_s) / DAY_S)
            while min(followed.clocks.values(), default=math.inf) <= end_s:
                if worker.poll() is not None or time.monotonic() - news_s > _SECONDS_WITHOUT_NEWS_MAX:
                    return None
                if await _read(reader, settings, followed):
                    news_s = time.monotonic()
                at_s = min(followed.clocks.values(), default=end_s)
                bar.update(task, completed=max(0.0, at_s - start_s) / DAY_S)
        while await _read(reader, settings, followed):
            pass
    return list(followed.alerts.values())


async def _read(reader: Reader, settings: Settings, followed: _Followed) -> int:
    """Apply the records that have come; return how many there were."""
    batches = await reader.next(wait_s=_QUIET_S)
    records = [record for batch in batches for record in batch.records if record.value is not None]
    for record in records:
        if record.topic != settings.state_topic:
            data = AlertEvent.model_validate_json(record.value).data
            followed.alerts[data.alert_id] = data
        elif record.key == POSITION_KEY:
            followed.clocks[record.partition] = float(json.loads(record.value[1:])["clock"][0])
    return len(records)
