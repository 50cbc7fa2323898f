"""The steps that a shard repeats: read records, advance to the frontier, make the outcome durable.

Workers and rebuilds take the same steps. They differ in where records come from, and in how far a source is known to be
complete.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from detector.core.alerts.alert import Alert
from detector.core.engine.intake import Counts, Intake
from detector.core.engine.shard import Outcome, Shard
from detector.core.wire.lookalikes import Lookalikes
from detector.core.wire.records import columns_of
from detector.shell.config.policy import policy_of
from detector.shell.config.settings import Settings
from detector.shell.kafka.transactions import ShardProducer


class ShardLoop:
    """One shard with its intake and its producer.

    Parameters
    ----------
    settings
        In force.
    partition
        The shard's number.
    producer
        Writes what the shard makes.
    lookalikes
        Counts client ids that look alike, for all shards of a process.
    """

    def __init__(
        self, settings: Settings, partition: int, producer: ShardProducer, lookalikes: Lookalikes | None = None
    ) -> None:
        self._settings, self._producer = settings, producer
        self.topics = {source: settings.topic(source) for source in settings.inputs}
        self.source_of = {topic: source for source, topic in self.topics.items()}
        self.shard = Shard(policy_of(settings))
        self.intake = Intake(self.shard, self.topics, partition, settings.partitions, lookalikes)
        self.reach_s = -math.inf  # how far the last step went
        self.is_behind = False  # whether the frontier lies further than the last step went

    def read(self, topic: str, records: Sequence[Any], now_s: float) -> Counts:
        """Read records of a topic; they wait for their turn in the merge."""
        return self.intake.read(self.source_of[topic], columns_of(records), now_s)

    def has_capacity(self, source: str) -> bool:
        """Check whether a source may be read further, or is too far ahead of the others."""
        return self.shard.waiting(source) <= self._settings.waiting_records_max

    def advance(self, complete_to_s: Callable[[str], float | None]) -> Outcome:
        """Apply what the frontier releases, as far as one step may go.

        Parameters
        ----------
        complete_to_s
            Returns up to which event time a source that was read to its end is complete; None for a source that holds
            more: that one is complete up to its last record.
        """
        frontier_s = min(self._front_s(source, complete_to_s(source)) for source in self.topics)
        self.reach_s = self.shard.within_reach_s(frontier_s)
        self.is_behind = self.reach_s < frontier_s
        return self.shard.advance(self.reach_s)

    async def publish(self, outcome: Outcome, now_s: float) -> tuple[list[Alert], list[Alert]] | None:
        """Make an outcome durable; -> its alerts (news, history), or None if there was nothing to write."""
        return await self._producer.publish(outcome, now_s) if any(outcome) else None

    def _front_s(self, source: str, complete_s: float | None) -> float:
        return self.shard.front_s(source) if complete_s is None else complete_s
