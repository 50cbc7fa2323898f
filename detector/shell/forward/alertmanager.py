"""Posts the open incidents to Alertmanagers, again and again, as Prometheus does with its own alerts.

It keeps no offsets: at its start it reads everything that the alerts topic holds. So the next post makes up for a
restart of either side, and for a post that failed. From the history topic it takes resolutions only, to end incidents
that were posted before; an incident that began in the history is never posted.
"""

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout

from detector.shell.config.settings import Settings
from detector.shell.forward.filter import Selection, data_of, owner_of
from detector.shell.forward.open_incidents import OpenIncidents
from detector.shell.kafka.client import connected
from detector.shell.kafka.reader import Reader
from detector.shell.telemetry.metrics import Metrics

_ALERTS_PER_POST: Final = 1000
_POST_SECONDS_MAX: Final = 10.0
_GATHERED_S: Final = 0.5  # alerts that come within this time go into one post
_STATUS_OK: Final = 200

log = structlog.stdlib.get_logger(__name__)


class AlertmanagerReporter:
    """Reports the incidents of an installation to its Alertmanagers.

    Parameters
    ----------
    settings
        Of the installation; its topics exist. They name the Alertmanagers.
    selection
        Which alerts they get.
    session
        To post with.
    metrics
        The metrics of the process.
    """

    def __init__(self, settings: Settings, selection: Selection, session: ClientSession, metrics: Metrics) -> None:
        self._settings, self._selection, self._session, self._metrics = settings, selection, session, metrics
        self._incidents = OpenIncidents(client_ids=settings.forward_client_ids)
        self._urls = [url.get_secret_value().rstrip("/") + "/api/v2/alerts" for url in settings.forward_alertmanagers]
        self._failing: set[int] = set()
        self._has_posted = False
        self._reader = Reader(settings, [settings.history_topic, settings.alerts_topic])

    def ready(self) -> str | None:
        """Return why it does not report yet; None if it does."""
        return None if self._has_posted else "the alerts topic is being read"

    async def run(self) -> None:
        """Report until it is cancelled.

        Raises
        ------
        BrokerUnreachable
            If no broker answers.
        AccessDenied
            If Kafka refuses the connection, or something that forwarding needs.
        """
        async with connected(self._settings, self._reader):
            await self._read_to_the_end()
            while True:
                await self._post_incidents()
                await self._read_news()

    async def _read_to_the_end(self) -> None:
        """Read everything that both topics hold.

        The resolutions of the history are read first, because they end incidents of alerts that came before them.
        """
        settings = self._settings
        ended: dict[str, str] = {}
        async for batch in self._reader.to_end([settings.history_topic]):
            for record in batch.records:
                data = data_of(record.value or b"")
                if data and data["transition"] == "resolved":
                    ended[data["incident_id"]] = data["at"]
        async for batch in self._reader.to_end([settings.alerts_topic]):
            for record in batch.records:
                self._learn(record)
        for incident, at in ended.items():
            self._incidents.resolve(incident, at)

    async def _read_news(self) -> None:
        """Wait until alerts came, or until it is time to post everything again."""
        post_at = time.monotonic() + self._settings.forward_alertmanager_every_s
        while (left_s := post_at - time.monotonic()) > 0:
            batches = await self._reader.next(wait_s=left_s)
            if batches:
                post_at = min(post_at, time.monotonic() + _GATHERED_S)
            for batch in batches:
                for record in batch.records:
                    self._learn(record)

    def _learn(self, record: Any) -> None:  # noqa: ANN401 (aiokafka ships no types)
        data = data_of(record.value or b"")
        if data is None:
            return
        if record.topic == self._settings.history_topic:
            if data["transition"] == "resolved":
                self._incidents.resolve(data["incident_id"], data["at"])
            return
        owner = owner_of(data, self._settings.owners)
        if data["transition"] == "resolved" or self._selection.takes(data, owner):
            self._incidents.learn(data, owner)

    async def _post_incidents(self) -> None:
        alerts = list(self._incidents.to_post(datetime.now(UTC)))
        taken = await asyncio.gather(*(self._post_all(number, alerts) for number in range(len(self._urls))))
        if all(taken):
            self._incidents.posted()
        self._has_posted = self._has_posted or any(taken)
        self._metrics.set("ghosting_alertmanager_alerts", len(self._incidents))

    async def _post_all(self, number: int, alerts: list[dict[str, Any]]) -> bool:
        """Post to one Alertmanager; return whether it took everything."""
        for start in range(0, len(alerts), _ALERTS_PER_POST):
            problem = await self._post(self._urls[number], alerts[start : start + _ALERTS_PER_POST])
            name = "failures" if problem else "posts"
            self._metrics.add(f"ghosting_alertmanager_{name}_total", 1)
            if problem:
                if number not in self._failing:
                    log.warning("Alertmanager takes no alerts; they are posted again", number=number, problem=problem)
                self._failing.add(number)
                return False
        self._failing.discard(number)
        return True

    async def _post(self, url: str, alerts: Iterable[dict[str, Any]]) -> str | None:
        try:
            async with self._session.post(
                url, json=alerts, timeout=ClientTimeout(total=_POST_SECONDS_MAX), allow_redirects=False
            ) as response:
                return None if response.status == _STATUS_OK else f"status {response.status}"
        except (ClientError, TimeoutError, OSError) as error:
            return type(error).__name__
