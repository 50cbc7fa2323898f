"""Run the records of files through the same merge and the same shards as a worker's, without a broker.

`offline.dealing` deals the records out as `ghosting produce` does, so the alerts are those of a worker, byte for byte.
Nothing is written here: the caller gets alerts, rejections and outlooks as values, and decides where they go.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from detector.core.alerts.alert import Alert, in_order
from detector.core.engine.intake import Intake
from detector.core.engine.shard import Outcome, Shard
from detector.core.lifecycle import TYPE_OF
from detector.core.wire.lookalikes import Lookalikes
from detector.core.wire.records import RecordColumns
from detector.core.wire.reroute import REROUTED, Rerouted
from detector.offline.dealing import Dealer, Installation
from detector.offline.outputs import ClientOutlook, Output, Rejected, Summary

_STEP_RECORDS = 200_000
"""So many records are applied at once when they come in order."""


def replay(
    batches: Iterable[Sequence[bytes]],
    installation: Installation,
    *,
    now_s: float,
    until_s: float | None = None,
    with_outlooks: bool = False,
    is_sorted: bool = False,
) -> Iterator[Output]:
    """Replay records; -> alerts in order, rejections, outlooks if asked for, and one summary at the end.

    Parameters
    ----------
    batches
        Records, some at a time, in the order of the file: as they would be produced, or lines of JSON
        (`rows.produced` makes the one of the other).
    installation
        Its policy, how many partitions it has, and which source a kind goes to.
    now_s
        The reader's clock: a record more than a day ahead of it is refused.
    until_s
        How far the clock runs on after the last record; None = to the last record's time.
    with_outlooks
        Whether the outputs include how each client stands at the end of the clock, partition by partition.
    is_sorted
        Whether the records come in the order of their times. Then outputs come as soon as they are known, a few
        rejections before later alerts, and memory does not grow with the number of records. If not, all is applied at
        the end, because a source that lies behind the others may still come.
    """
    run = _Run(installation, now_s)
    for batch in batches:
        run.dealer.deal(batch)
        if is_sorted and run.dealer.waiting >= _STEP_RECORDS:
            yield from run.step()
    yield from run.finish(until_s)
    if with_outlooks:
        yield from run.outlooks()
    yield run.summary()


class _Run:
    """One replay: its shards, what was dealt out to them, and what was counted."""

    def __init__(self, installation: Installation, now_s: float) -> None:
        policy, partitions, _ = installation
        self._began, self._now_s, self._end_s = time.perf_counter(), now_s, -math.inf
        self._sources = policy.sources
        self._topics = {source: f"{policy.app_id}.{source}" for source in (*policy.sources, REROUTED)}
        self._shards = [Shard(policy, keeps_states=False) for _ in range(partitions)]
        self._lookalikes = Lookalikes()
        self._intakes = [
            Intake(shard, self._topics, p, partitions, self._lookalikes) for p, shard in enumerate(self._shards)
        ]
        self._alerts, self._rejected = Counter[str](), Counter[str]()
        self._rerouted: list[Rerouted] = []
        self.dealer = Dealer(self._intakes, installation, now_s)

    def finish(self, until_s: float | None) -> Iterator[Alert | Rejected]:
        """Apply all that waits, and let the clock run to the last record or further; -> what came of it."""
        self.dealer.flush()
        self._end_s = self._front_s() if until_s is None else max(until_s, self._front_s())
        frontier_s = math.nextafter(self._end_s, math.inf)
        outcomes = self._advance(frontier_s)
        if self._hand_on():
            outcomes += self._advance(frontier_s)
        yield from self._emitted(outcomes)
        yield from self._refused(outcomes)

    def step(self) -> Iterator[Alert | Rejected]:
        """Apply what lies before the latest record, as nothing earlier can come; -> what came of it."""
        self.dealer.flush()
        outcomes = self._advance(self._front_s())
        yield from self._emitted(outcomes)
        yield from self._refused(outcomes)
        for (source, partition), numbers in self.dealer.numbers.items():
            numbers.drop(self._shards[partition].applied_to(source) + 1)

    def outlooks(self) -> Iterator[ClientOutlook]:
        """Return how each client stands at the end of the clock."""
        return (ClientOutlook(outlook) for shard in self._shards for outlook in shard.outlooks(self._end_s))

    def summary(self) -> Summary:
        """Count what was done."""
        counts = sum((shard.counts for shard in self._shards), Counter[str]())
        return Summary(
            records=self.dealer.records,
            applied=counts["applied"],
            clients=sum(len(shard.table.names) for shard in self._shards),
            late=counts["late"],
            duplicates=counts["duplicates"],
            unknown_fields=sum(intake.unknown_fields for intake in self._intakes),
            promises=sum(intake.promises for intake in self._intakes),
            lookalikes=self._lookalikes.count,
            held=counts["held"],
            rejected=dict(+self._rejected),
            left_out=dict(sum((intake.left_out for intake in self._intakes), Counter[str]())),
            alerts=dict(self._alerts),
            open=counts["open"],
            seconds=time.perf_counter() - self._began,
        )

    def _front_s(self) -> float:
        """Return the time of the latest record that was read."""
        return max(shard.front_s(source) for shard in self._shards for source in self._sources)

    def _advance(self, frontier_s: float) -> list[Outcome]:
        outcomes = [shard.advance(frontier_s) for shard in self._shards]
        self._rerouted += [rerouted for outcome in outcomes for rerouted in outcome.rerouted]
        return outcomes

    def _emitted(self, outcomes: Iterable[Outcome]) -> Iterator[Alert]:
        """Put the alerts of all shards in order, and count them by type, signal and transition."""
        for alert in sorted((alert for outcome in outcomes for alert in outcome.alerts), key=in_order):
            self._alerts[f"{TYPE_OF[alert.signal]} {alert.signal} {alert.transition}"] += 1
            yield alert

    def _refused(self, outcomes: Iterable[Outcome]) -> Iterator[Rejected]:
        """Find the numbers of the records that were refused or kept in part, and count the refused ones by reason."""
        source_of = {topic: source for source, topic in self._topics.items()}
        for value in (value for outcome in outcomes for value in outcome.rejected):
            fields = json.loads(value)
            numbers = self.dealer.numbers[source_of[fields["topic"]], fields["partition"]]
            self._rejected[fields["reason"]] += not fields["kept"]
            yield Rejected(fields["reason"], value, numbers[fields["offset"]])

    def _hand_on(self) -> int:
        """Hand records to the shards that they belong to, where another shard had to read them; -> how many."""
        ends = Counter[int]()
        for rerouted in self._rerouted:
            record = RecordColumns([ends[rerouted.partition]], [rerouted.key], [rerouted.value], [rerouted.headers])
            self._intakes[rerouted.partition].read(REROUTED, record, self._now_s)
            ends[rerouted.partition] += 1
        return ends.total()
