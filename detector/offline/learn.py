"""Learn the rhythms of segments from a history, for shards that would begin with nothing."""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from detector.core.engine.intake import Intake
from detector.core.engine.shard import Policy, Shard
from detector.core.views.prior import Prior, learned
from detector.offline.dealing import Dealer, Installation


@dataclass(frozen=True)
class Taught:
    """What a history taught, and how much of it could be read."""

    prior: Prior
    records: int
    applied: int
    clients: int
    rejected: dict[str, int]  # by reason

    def with_refused(self, reason: str, count: int) -> "Taught":
        """Add records that were refused before they came here."""
        rejected = Counter(self.rejected) + Counter({reason: count})
        return replace(self, records=self.records + count, rejected=dict(rejected))


def learn(batches: Iterable[Sequence[bytes]], *, policy: Policy, route: Callable[[str], str], now_s: float) -> Taught:
    """Run one shard over all records, as all gaps of a segment belong together, and return what it has learned.

    Parameters
    ----------
    batches
        Records, as `replay` takes them.
    policy
        What the shard obeys. A prior in it is learned again; leave it out to learn of these records alone.
    route
        From an interaction's kind to its source.
    now_s
        The reader's clock: a record more than a day ahead of it is refused.
    """
    shard = Shard(policy, keeps_states=False)
    intake = Intake(shard, {source: f"{policy.app_id}.{source}" for source in policy.sources}, 0, 1)
    dealer = Dealer([intake], Installation(policy, 1, route), now_s)
    for batch in batches:
        dealer.deal(batch)
    dealer.flush()
    last_s = max(shard.front_s(source) for source in policy.sources)
    outcome = shard.advance(math.nextafter(last_s, math.inf))
    return Taught(
        prior=learned([shard.table]),
        records=dealer.records,
        applied=shard.counts["applied"],
        clients=len(shard.table.names),
        rejected=dict(Counter(json.loads(rejection)["reason"] for rejection in outcome.rejected)),
    )
