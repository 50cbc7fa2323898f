"""Tells Alertmanagers which incidents are open, again and again, as Prometheus does with its own alerts.

It keeps no offsets: at its start it reads what the alerts topic holds, and knows from then on. So a restart of either
side, or a post that failed, is made good by the next one. Of the history topic only resolutions are read, to end what
was told before; what began in it is never told.
"""

import asyncio
import itertools
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout
from aiokafka import AIOKafkaConsumer, TopicPartition

from detector.shell.config.settings import Settings
from detector.shell.forward.filter import Selection, data_of, owner_of
from detector.shell.forward.open_incidents import Incidents
from detector.shell.kafka.client import connected, for_aiokafka
from detector.shell.telemetry.metrics import Metrics

_ALERTS_PER_POST: Final = 1000
_POST_SECONDS_MAX: Final = 10.0
_GATHERED_S: Final = 0.5  # news of this long go into one post
_STATUS_OK: Final = 200

log = structlog.stdlib.get_logger(__name__)


class Reporter:
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
        Of the process.
    """

    def __init__(self, settings: Settings, selection: Selection, session: ClientSession, metrics: Metrics) -> None:
        self._settings, self._selection, self._session, self._metrics = settings, selection, session, metrics
        self._incidents = Incidents(client_ids=settings.forward_client_ids)
        self._urls = [url.get_secret_value().rstrip("/") + "/api/v2/alerts" for url in settings.forward_alertmanagers]
        self._failing: set[int] = set()
        self._is_told = False
        self._consumer = AIOKafkaConsumer(
            **for_aiokafka(settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    def ready(self) -> str | None:
        """Say why it does not report yet."""
        return None if self._is_told else "the alerts topic is being read"

    async def run(self) -> None:
        """Report until it is cancelled.

        Raises
        ------
        BrokerUnreachable
            If no broker answers.
        AccessDenied
            If Kafka does not let us in, or not do what forwarding needs.
        """
        async with connected(self._settings, self._consumer):
            await self._read_to_the_end()
            while True:
                await self._tell()
                await self._read_news()

    async def _read_to_the_end(self) -> None:
        """Read what both topics hold. The resolutions of the history first: they belong to alerts that came before."""
        settings = self._settings
        history, alerts = (
            [TopicPartition(topic, partition) for partition in range(settings.partitions)]
            for topic in (settings.history_topic, settings.alerts_topic)
        )
        ended: dict[str, str] = {}
        async for record in self._held(history):
            data = data_of(record.value or b"")
            if data and data["transition"] == "resolved":
                ended[data["incident_id"]] = data["at"]
        read_to = {tp: await self._consumer.position(tp) for tp in history}
        async for record in self._held(alerts):
            self._learn(record)
        for incident, at in ended.items():
            self._incidents.resolve(incident, at)
        read_to |= {tp: await self._consumer.position(tp) for tp in alerts}
        self._consumer.assign(list(read_to))
        for tp, offset in read_to.items():
            self._consumer.seek(tp, offset)

    async def _held(self, partitions: list[TopicPartition]) -> Any:  # noqa: ANN401 (aiokafka ships no types)
        """Give the records that partitions hold at this moment."""
        self._consumer.assign(partitions)
        await self._consumer.seek_to_beginning(*partitions)
        ends = await self._consumer.end_offsets(partitions)
        for tp in partitions:
            while await self._consumer.position(tp) < ends[tp]:
                for record in itertools.chain(*(await self._consumer.getmany(timeout_ms=200)).values()):
                    yield record

    async def _read_news(self) -> None:
        """Wait until something came, or it is time to tell everything again."""
        tell_at = time.monotonic() + self._settings.forward_alertmanager_every_s
        while (left_s := tell_at - time.monotonic()) > 0:
            found = await self._consumer.getmany(timeout_ms=int(left_s * 1000))
            if found:
                tell_at = min(tell_at, time.monotonic() + _GATHERED_S)
            for record in itertools.chain(*found.values()):
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

    async def _tell(self) -> None:
        alerts = list(self._incidents.to_tell(datetime.now(UTC)))
        taken = await asyncio.gather(*(self._post_all(number, alerts) for number in range(len(self._urls))))
        if all(taken):
            self._incidents.told()
        self._is_told = self._is_told or any(taken)
        self._metrics.set("ghosting_alertmanager_alerts", len(self._incidents))

    async def _post_all(self, number: int, alerts: list[dict[str, Any]]) -> bool:
        """Post to one Alertmanager; say whether it took everything."""
        for start in range(0, len(alerts), _ALERTS_PER_POST):
            problem = await self._post(self._urls[number], alerts[start : start + _ALERTS_PER_POST])
            name = "failures" if problem else "posts"
            self._metrics.add(f"ghosting_alertmanager_{name}_total", 1)
            if problem:
                if number not in self._failing:
                    log.warning("Alertmanager takes no alerts; it is told again later", number=number, problem=problem)
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
