"""A member of a consumer group: records of a topic, shared with the other members, and offsets that are committed."""

from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from detector.shell.config.settings import Settings
from detector.shell.kafka.client import for_aiokafka
from detector.shell.kafka.errors import CommitRefused, NotAssigned

_POLL_INTERVAL_MS: Final = 86_400_000  # an alert that is tried again for long is no sign of a dead consumer
_SESSION_MS: Final = 20_000


class PartitionsMoved(Exception):  # noqa: N818 - names the event
    """The group gave partitions to another member before their offsets were committed."""


class Subscription:
    """Reads one topic as a member of a group.

    Parameters
    ----------
    settings
        Of the installation; its topics exist.
    topic
        What to read.
    group
        The name of the group.
    from_beginning
        Where a new group begins: with the oldest record instead of the next one.
    """

    def __init__(self, settings: Settings, topic: str, group: str, *, from_beginning: bool) -> None:
        self._committed: dict[TopicPartition, int] = {}
        self._consumer = AIOKafkaConsumer(
            topic,
            **for_aiokafka(settings),
            group_id=group,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest" if from_beginning else "latest",
            max_poll_interval_ms=_POLL_INTERVAL_MS,
            session_timeout_ms=_SESSION_MS,
        )

    @property
    def has_partitions(self) -> bool:
        """Whether this member has committed where it stands in a partition of its own."""
        return bool(self._committed)

    async def start(self) -> None:
        """Join the group."""
        await self._consumer.start()

    async def stop(self) -> None:
        """Leave the group."""
        await self._consumer.stop()

    async def next(self, *, wait_s: float, records_max: int) -> list[Sequence[Any]]:
        """Return the next records, one list for each partition that has any."""
        fetched = await self._consumer.getmany(timeout_ms=int(wait_s * 1000), max_records=records_max)
        return list(fetched.values())

    async def commit(self) -> None:
        """Commit how far everything was read, also in partitions without a record so far: a crash would skip the first.

        Raises
        ------
        PartitionsMoved
            If another member reads them now; some records will come again.
        """
        try:
            positions = {tp: await self._consumer.position(tp) for tp in self._consumer.assignment()}
            if positions != self._committed:
                await self._consumer.commit(positions)
        except (CommitRefused, NotAssigned):
            raise PartitionsMoved from None
        self._committed = positions
