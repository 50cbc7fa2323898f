"""Brings alerts to webhooks: one consumer group for each, so that one that is down holds up no other.

At least once: an offset is committed when its alert was taken or lies in the dead letters. After a crash or a rebalance
an alert may be posted again, under the same id. Alerts of the history topic are never read.
"""

import asyncio
import time
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from detector.shell.config.settings import Settings
from detector.shell.forward.filter import Selection, data_of, owner_of
from detector.shell.forward.webhook import NotTaken, Webhook
from detector.shell.kafka.client import connected, for_aiokafka, for_producers
from detector.shell.telemetry.metrics import Metrics

_FETCHED_MAX: Final = 100
_FETCH_WAIT_MS: Final = 500
_POLL_INTERVAL_MS: Final = 86_400_000  # an alert that is tried again for long is no sign of a dead consumer
_SESSION_MS: Final = 20_000

log = structlog.stdlib.get_logger(__name__)


class Forwarder:
    """Forwards the alerts of an installation to one webhook.

    Parameters
    ----------
    settings
        Of the installation; its topics exist.
    webhook
        The receiver.
    selection
        Which alerts it gets.
    metrics
        Of the process.
    from_beginning
        Where a webhook that is new begins: with the oldest alert that the topic keeps, instead of the next one.
    """

    def __init__(
        self,
        settings: Settings,
        webhook: Webhook,
        selection: Selection,
        metrics: Metrics,
        *,
        from_beginning: bool = False,
    ) -> None:
        self._settings, self._webhook, self._selection, self._metrics = settings, webhook, selection, metrics
        self._committed: dict[TopicPartition, int] = {}
        self._consumer = AIOKafkaConsumer(
            settings.alerts_topic,
            **for_aiokafka(settings),
            group_id=f"{settings.app_id}-forward-{webhook.name}",
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest" if from_beginning else "latest",
            max_poll_interval_ms=_POLL_INTERVAL_MS,
            session_timeout_ms=_SESSION_MS,
        )
        self._producer = AIOKafkaProducer(**for_producers(settings), enable_idempotence=True)

    def ready(self) -> str | None:
        """Say why it does not forward yet."""
        return None if self._committed else f"{self._webhook.name} has no partitions yet"

    async def run(self) -> None:
        """Forward until it is cancelled.

        Raises
        ------
        BrokerUnreachable
            If no broker answers.
        AccessDenied
            If Kafka does not let us in, or not do what forwarding needs.
        """
        async with connected(self._settings, self._consumer, self._producer):
            await self._commit()  # where we begin, before what is found there takes its time
            while True:
                found = await self._consumer.getmany(timeout_ms=_FETCH_WAIT_MS, max_records=_FETCHED_MAX)
                await asyncio.gather(*(self._deliver(records) for records in found.values()))
                await self._commit()

    async def _deliver(self, records: list[Any]) -> None:
        """Deliver the alerts of a partition in their order."""
        for record in records:
            if record.value is None:
                continue
            data = data_of(record.value)
            if data is None:
                await self._bury(record, "not_an_alert", "somebody else wrote it to the topic", 0)
            elif self._selection.takes(data, owner_of(data, self._settings.owners)):
                failed = await self._webhook.deliver(data["alert_id"], record.value)
                if isinstance(failed, NotTaken):
                    await self._bury(record, *failed)
                else:
                    self._metrics.add("ghosting_forwarded_total", 1, self._webhook.name, "delivered")

    async def _bury(self, record: Any, reason: str, detail: str, tries: int) -> None:  # noqa: ANN401 (no types)
        """Put an alert that was not taken into the dead letters, as it is; the headers say why."""
        about = {
            "receiver": self._webhook.name,
            "reason": reason,
            "detail": detail,
            "tries": str(tries),
            "failed-at": str(int(time.time())),
            "topic": record.topic,
            "partition": str(record.partition),
            "offset": str(record.offset),
        }
        headers = [(name, text.encode()) for name, text in about.items()]
        topic = self._settings.dead_letters_topic
        await self._producer.send_and_wait(topic, record.value, record.key, headers=headers)
        self._metrics.add("ghosting_forwarded_total", 1, self._webhook.name, "dead_letter")
        log.error(
            "alert not forwarded; it lies in the dead letters",
            receiver=self._webhook.name, reason=reason, detail=detail, tries=tries, topic=topic,
            alert_partition=record.partition, alert_offset=record.offset,
        )  # fmt: skip

    async def _commit(self) -> None:
        """Commit how far we are; also where nothing came yet, or a crash would lose what comes first."""
        try:
            places = {tp: await self._consumer.position(tp) for tp in self._consumer.assignment()}
            if places != self._committed:
                await self._consumer.commit(places)
        except (CommitFailedError, IllegalStateError):
            log.info("partitions moved while alerts were delivered; some will come again", receiver=self._webhook.name)
        else:
            self._committed = places
