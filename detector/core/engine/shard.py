"""A shard: the clients of one partition number over all sources. Interactions in, effects out.

`enqueue` lets records wait for their turn, `advance` applies what the frontier releases and carries out the
transitions that are due.
Effects come in one order (event time, then client) and do not depend on how the input was cut into batches.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from detector.core.alerts.alert import Alert
from detector.core.clock import DAY_S, next_refit_s
from detector.core.engine import apply
from detector.core.engine.drain import Drain, Effects
from detector.core.engine.merge import Ids, Merge
from detector.core.engine.positions import POSITION_KEY, Progress, decode, encode
from detector.core.incidents.outbox import Rules
from detector.core.layout import Batch, Records
from detector.core.model import replies
from detector.core.model import segment as population
from detector.core.state import restore
from detector.core.state.moments import Taught
from detector.core.state.table import Table
from detector.core.views import outlook
from detector.core.views.under_watch import clients_under_watch
from detector.core.wire.decode import DecodedChunk
from detector.core.wire.reroute import REROUTED, Rerouted
from schemas.interaction import Interaction

DUES_AT_ONCE = 5_000


@dataclass(frozen=True)
class Policy:
    """What a shard is told once: sources in their order, the installation's name, budgets and bounds."""

    sources: tuple[str, ...]
    app_id: str = "ghosting"
    false_alerts_per_client_year: float = 1.0
    false_declines_per_client_year: float = 0.5
    false_overdue_per_client_year: float = 0.5
    segment_budgets: Mapping[str, float] = field(default_factory=dict)
    session_hours: float = 20.0
    escalate_at: float = 2.5
    learning_gaps_min: int = 100
    segments_max: int = 1000
    prior: Mapping[str, Records] = field(default_factory=dict)
    taught: Taught | None = None


class Outcome(NamedTuple):
    """What an advance asks the shell to make durable, all of it or nothing; a state of None erases what its key had.

    Only a shard that builds no alerts gives `effects`, some at a time, in the order in which they came.
    """

    states: list[tuple[bytes, bytes | None]]
    alerts: list[Alert]
    rejected: list[bytes]
    rerouted: list[Rerouted]
    effects: list[Effects]


class Shard:
    """One partition's clients.

    Parameters
    ----------
    policy
        What it obeys.
    keeps_states
        Whether its outcomes have states to be made durable.
    builds_alerts
        Whether its outcomes have alerts; else they have the effects that alerts would be built of.
    """

    def __init__(self, policy: Policy, *, keeps_states: bool = True, builds_alerts: bool = True) -> None:
        self.policy = policy
        self._keeps_states, self._builds_alerts = keeps_states, builds_alerts
        self.clock_s = -math.inf
        self.table = Table(
            policy.segments_max,
            policy.false_alerts_per_client_year,
            policy.segment_budgets,
            policy.false_overdue_per_client_year,
            policy.prior,
            policy.taught,
        )
        self.counts: Counter[str] = Counter()  # for people, not for decisions
        self.rules = Rules(
            policy.session_hours / 24,
            policy.learning_gaps_min,
            policy.false_declines_per_client_year,
            policy.escalate_at,
        )
        self.exposure_days: Counter[str] = Counter()  # per segment, how long clients could be alerted of, together
        self._exposure_counted_s = math.inf
        self._merge = Merge((*policy.sources, REROUTED))
        self.refit_s = math.inf  # when the segments' tables are made anew
        self._drain = Drain(self.table, self.counts, list(self._merge.feeds), reads_ids=builds_alerts)
        self._changed_rows: set[int] = set()
        self._changed_segments: set[int] = set()
        self._unfitted: set[int] = set()

    # What was read, and how far.

    def front_s(self, source: str) -> float:
        """Merge key of the last record read of a source."""
        return self._merge.feeds[source].key_s

    def read_to(self, source: str) -> int:
        """The last offset read of a source."""
        return self._merge.feeds[source].read_to

    def applied_to(self, source: str) -> int:
        """The last offset of a source up to which no record waits."""
        return self._merge.feeds[source].position.offset

    def waiting(self, source: str) -> int:
        """Interactions of a source that wait for their turn."""
        return self._merge.feeds[source].waiting

    def can_take_segment(self, interaction: Interaction) -> bool:
        """Check whether the interaction's segment is known or can still be taken up."""
        return "segment" not in interaction or self.table.segment(interaction["segment"]) is not None

    def enqueue_interactions(
        self,
        source: str,
        read: Sequence[tuple[int, Interaction]],
        rejected: Sequence[tuple[int, bytes]],
        read_to: int,
        now_s: float,
    ) -> None:
        """Queue interactions and rejections of a source, with their offsets, until their turn."""
        new = DecodedChunk.of([offset for offset, _ in read])
        for i, (_, interaction) in enumerate(read):
            new.write(i, interaction, self.table)
        self.enqueue(source, new, rejected, read_to, now_s)

    def enqueue(
        self,
        source: str,
        read: DecodedChunk,
        rejected: Sequence[tuple[int, bytes]],
        read_to: int,
        now_s: float,
        rerouted: Mapping[int, Rerouted] = MappingProxyType({}),
    ) -> None:
        """Queue what was read of a chunk until its turn, with its rejections and its rerouted records, by offset."""
        feed = self._merge.feeds[source]
        feed.append(*read.accepted(), rejected, read_to, now_s)
        feed.rerouted.update(rerouted)

    # Time goes on.

    def within_reach_s(self, frontier_s: float, dues_max: int = DUES_AT_ONCE) -> float:
        """How far towards the frontier one advance should go: so much falls due before the last second of it.

        Due are transitions of clients and outcomes of alerts; all of a second fall due together. An advance has the
        alerts and states of all of them in memory, and the shell makes them durable in one transaction.
        """
        table = self.table
        if not table.is_any_due(frontier_s) and table.moments.next_end_s >= frontier_s:
            return frontier_s
        due_s = np.concatenate([table.due_s[table.due_rows(frontier_s)], table.moments.ends_before(frontier_s)])
        if len(due_s) <= dues_max:
            return frontier_s
        return min(frontier_s, math.floor(float(np.partition(due_s, dues_max)[dues_max])) + 1)

    def advance(self, frontier_s: float) -> Outcome:
        """Apply what lies before the frontier, and carry out what is due by then.

        Parameters
        ----------
        frontier_s
            The instant (epoch seconds) before which nothing can come from any source any more.
        """
        frontier_s = max(self.clock_s, frontier_s)
        batch, ids, rejected, rerouted = self._merge.release(frontier_s)
        batch["key_s"] = np.maximum(batch["key_s"], self.clock_s)
        if len(batch) or self.clock_s > -math.inf:  # the clock of a shard begins with its first interaction
            self._run_days(batch, ids, frontier_s)
            self.clock_s = frontier_s
        return self._outcome(batch, rejected, rerouted)

    def _run_days(self, batch: Batch, ids: Ids, until_s: float) -> None:
        """Run day by day, as the segments are refitted at midnight of event time, however the input was cut."""
        start, keys_s = 0, np.ascontiguousarray(batch["key_s"])  # searched once a day
        while True:
            if self.refit_s == math.inf and start < len(batch):
                self.refit_s = next_refit_s(float(keys_s[start]))
            if self.refit_s >= until_s:
                break
            stop = int(np.searchsorted(keys_s, self.refit_s))
            self._run(batch[start:stop], ids, self.refit_s)
            for number in sorted(self._unfitted):
                population.refit(self.table.segments, number)
                replies.refit(self.table.segments, number)
                self._changed_segments.add(number)
            self._unfitted.clear()
            self._count_exposure(self.refit_s)
            start, self.refit_s = stop, math.inf
            if start == len(batch):
                break  # nothing is learned until the next interaction, so no refit is needed before it
        self._run(batch[start:], ids, until_s)
        self._count_exposure(until_s)

    def _count_exposure(self, now_s: float) -> None:
        """Once a day at most, add up how long clients were watched: what the budget of false alerts is promised for."""
        days = (now_s - self._exposure_counted_s) / DAY_S
        if days >= 1:
            counts = clients_under_watch(self.table, self.policy.learning_gaps_min)
            self.exposure_days.update({segment: count * days for segment, count in counts.items()})
        if not 0 <= days < 1:
            self._exposure_counted_s = now_s

    def _run(self, batch: Batch, ids: Ids, until_s: float) -> None:
        """Apply interactions in order, then what is due before `until_s`; no refit lies in between."""
        if not len(batch) and not self.table.is_any_due(until_s) and self.table.moments.next_end_s >= until_s:
            return  # as mostly when nothing comes in
        columns, start, swept = batch.view(np.recarray), 0, 0
        self._touch_segments(batch)
        slots, arrays = self._drain.begin(columns, ids), self.table.arrays(len(batch))
        while start < len(batch):
            start = apply.apply(arrays, self.rules, columns, start, slots)
            self._drain.empty(start)
        due = self.table.due_rows(until_s)
        self._changed_rows.update(due.tolist())  # also those without an effect: what is held is durable
        while swept < len(due):
            swept = apply.sweep(arrays, self.rules, due, swept, until_s, len(batch))
            self._drain.empty(len(batch))
        self._drain.end_run(until_s)
        self.counts["applied"] += len(batch)

    def _touch_segments(self, batch: Batch) -> None:
        """Note the segments that can learn: those of the clients, and those that the interactions name."""
        named = batch["segment"][batch["segment"] > 0] - 1
        touched = np.union1d(self.table.clients["segment"][batch["row"]], named).tolist()
        self._unfitted.update(touched)
        self._changed_segments.update(touched)

    def outlooks(self, at_s: float) -> Iterator[bytes]:
        """What is known and expected of each client at an instant, as JSON, in the order in which they were met."""
        return outlook.outlooks(self.table, at_s)

    # What is durable.

    def _outcome(self, batch: Batch, rejected: list[bytes], rerouted: list[Rerouted]) -> Outcome:
        states: list[tuple[bytes, bytes | None]] = []
        if self._keeps_states:
            rows = sorted(self._changed_rows.union(batch["row"].tolist()))
            states.extend(self.table.records(rows, sorted(self._changed_segments)))
        if states or rejected or rerouted:
            positions = {source: feed.position for source, feed in self._merge.feeds.items()}
            progress = Progress(self.clock_s, self.refit_s, self._unfitted, positions)
            states.append((POSITION_KEY, encode(progress)))
        alerts = self._drain.take_alerts(self.policy.app_id) if self._builds_alerts else []
        self._changed_rows, self._changed_segments = set(), set()
        return Outcome(states, alerts, rejected, rerouted, self._drain.take_effects())

    def restore(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take back all durable records in the order in which they were written, or what is left of them, and go on.

        Raises
        ------
        UnknownLayoutError
            If one is of another layout, or damaged.
        """
        self.load(records)
        self.table.find_due(self.rules.session_days)
        self.counts["open"] = self.table.open_incidents()

    def load(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take back some of the durable records; `restore` comes last. One without a value erases its client."""
        others = []
        for key, value in records:
            if key == POSITION_KEY and value is not None:
                self._resume(decode(value))
            else:
                others.append((key, value))
        restore.load(self.table, others)

    def _resume(self, progress: Progress) -> None:
        self.clock_s, self.refit_s, self._unfitted = progress.clock_s, progress.refit_s, set(progress.unfitted)
        for source, position in progress.positions.items():
            if source in self._merge.feeds:
                self._merge.feeds[source].resume(position)
