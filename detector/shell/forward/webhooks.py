"""Forwards alerts to webhooks: one consumer group for each webhook, so that one that is down holds up no other.

Delivery is at least once: an offset is committed when its alert was taken, or lies in the dead letters. After a crash
or a rebalance an alert may be posted again, under the same id. Alerts of the history topic are never read.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

import structlog

from detector.shell.config.settings import Settings
from detector.shell.forward.filter import Selection, data_of, owner_of
from detector.shell.forward.webhook import NotTaken, Webhook
from detector.shell.kafka.client import connected
from detector.shell.kafka.producer import RecordProducer
from detector.shell.kafka.subscription import PartitionsMoved, Subscription
from detector.shell.telemetry.metrics import Metrics

_FETCHED_MAX: Final = 100
_FETCH_WAIT_S: Final = 0.5

log = structlog.stdlib.get_logger(__name__)


class WebhookForwarder:
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
        The metrics of the process.
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
        group = f"{settings.app_id}-forward-{webhook.name}"
        self._alerts = Subscription(settings, settings.alerts_topic, group, from_beginning=from_beginning)
        self._dead_letters = RecordProducer(settings)

    def ready(self) -> str | None:
        """Return why it does not forward yet; None if it does."""
        return None if self._alerts.has_partitions else f"{self._webhook.name} has no partitions yet"

    async def run(self) -> None:
        """Forward until it is cancelled.

        Raises
        ------
        BrokerUnreachable
            If no broker answers.
        AccessDenied
            If Kafka refuses the connection, or something that forwarding needs.
        """
        async with connected(self._settings, self._alerts, self._dead_letters):
            await self._commit()  # where it begins, before the first alerts take their time
            while True:
                batches = await self._alerts.next(wait_s=_FETCH_WAIT_S, records_max=_FETCHED_MAX)
                await asyncio.gather(*(self._deliver(records) for records in batches))
                await self._commit()

    async def _deliver(self, records: Sequence[Any]) -> None:
        """Deliver the alerts of a partition in their order."""
        for record in records:
            if record.value is None:
                continue
            data = data_of(record.value)
            if data is None:
                await self._bury(record, "not_an_alert", "somebody else wrote it to the topic", 0)
            elif self._selection.takes(data, owner_of(data, self._settings.owners)):
                failure = await self._webhook.deliver(data["alert_id"], record.value)
                if isinstance(failure, NotTaken):
                    await self._bury(record, *failure)
                else:
                    self._metrics.add("ghosting_forwarded_total", 1, self._webhook.name, "delivered")

    async def _bury(self, record: Any, reason: str, detail: str, tries: int) -> None:  # noqa: ANN401 (no types)
        """Write an alert that was not taken to the dead letters, unchanged; the headers hold the reason."""
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
        await self._dead_letters.write(topic, record.key, record.value, headers)
        self._metrics.add("ghosting_forwarded_total", 1, self._webhook.name, "dead_letter")
        log.error(
            "alert not forwarded; it lies in the dead letters",
            receiver=self._webhook.name, reason=reason, detail=detail, tries=tries, topic=topic,
            alert_partition=record.partition, alert_offset=record.offset,
        )  # fmt: skip

    async def _commit(self) -> None:
        try:
            await self._alerts.commit()
        except PartitionsMoved:
            log.info("partitions moved while alerts were delivered; some will come again", receiver=self._webhook.name)
