"""A shard: the clients of one partition number over all sources. Interactions in, effects out.

`enqueue` lets records wait for their turn, `advance` applies what the frontier releases and carries out the
transitions that are due.
Effects come in one order (event time, then client) and do not depend on how the input was cut into batches.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from detector.core.alerts.alert import Alert, in_order
from detector.core.alerts.build import Names, build_alerts
from detector.core.clock import DAY_S, next_refit_s
from detector.core.engine import apply, outcomes
from detector.core.engine.merge import Ids, Merge, Position
from detector.core.incidents.effect import RESOLVED
from detector.core.incidents.outbox import COUNT_DUPLICATES, COUNT_HELD, COUNT_LATE, Rules
from detector.core.incidents.transitions import OPENED
from detector.core.layout import LAYOUT, Batch, Records
from detector.core.model import replies
from detector.core.model import segment as population
from detector.core.state import former, restore
from detector.core.state.recent import keep_all
from detector.core.state.table import Table, UnknownLayoutError
from detector.core.views import outlook
from detector.core.views.under_watch import clients_under_watch
from detector.core.wire.decode import DecodedChunk
from detector.core.wire.reroute import REROUTED, Rerouted
from schemas.interaction import Interaction

POSITION_KEY = b"position\0"

DUES_AT_ONCE = 5_000
_ALERTS_AT_ONCE = 1024  # what is made of them as columns takes several times their memory

Slots = np.ndarray[Any, np.dtype[np.int64]]
Effects = np.ndarray[Any, Any]  # records of effect.EFFECT


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
    learning_gaps_min: int = 100
    segments_max: int = 1000
    prior: Mapping[str, Records] = field(default_factory=dict)


class Outcome(NamedTuple):
    """What an advance asks the shell to make durable, all of it or nothing.

    Only a shard that builds no alerts gives `effects`, some at a time, in the order in which they came.
    """

    states: list[tuple[bytes, bytes]]
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
        )
        self.counts: Counter[str] = Counter()  # for people, not for decisions
        self.rules = Rules(
            policy.session_hours / 24,
            policy.learning_gaps_min,
            policy.false_declines_per_client_year,
        )
        self.exposure_days: Counter[str] = Counter()  # per segment, how long clients could be alerted of, together
        self._exposure_counted_s = math.inf
        self._merge = Merge((*policy.sources, REROUTED))
        self.refit_s = math.inf  # when the segments' tables are made anew
        self._fresh: list[tuple[Effects, list[list[str]]]] = []  # of the present run, with the ids known at the moment
        self._told: list[tuple[Effects, list[list[str]]]] = []  # the same, with their chances
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
        """The last offset of a source of which nothing waits any more."""
        return self._merge.feeds[source].position.offset

    def waiting(self, source: str) -> int:
        """Interactions of a source that wait for their turn."""
        return self._merge.feeds[source].waiting

    def can_take_segment(self, interaction: Interaction) -> bool:
        """Tell whether the interaction's segment is known or can still be taken up."""
        return "segment" not in interaction or self.table.segment(interaction["segment"]) is not None

    def enqueue_interactions(
        self,
        source: str,
        read: Sequence[tuple[int, Interaction]],
        rejected: Sequence[tuple[int, bytes]],
        read_to: int,
        now_s: float,
    ) -> None:
        """Let interactions and rejections of a source, with their offsets, wait for their turn."""
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
        """Let what was read of a chunk wait for its turn, with its rejections and with what goes on, by offset."""
        feed = self._merge.feeds[source]
        feed.append(*read.accepted(), rejected, read_to, now_s)
        feed.rerouted.update(rerouted)
        self.counts["rejected"] += len(rejected)

    # Time goes on.

    def within_reach_s(self, frontier_s: float, dues_max: int = DUES_AT_ONCE) -> float:
        """How far towards the frontier one advance should go: so many clients fall due before the last second of it.

        All of a second fall due together. An advance has the alerts and states of all of them in memory, and the
        shell makes them durable in one transaction.
        """
        if not self.table.is_any_due(frontier_s):
            return frontier_s
        due_s = self.table.due_s[self.table.due_rows(frontier_s)]
        if len(due_s) <= dues_max:
            return frontier_s
        return min(frontier_s, float(np.partition(due_s, dues_max)[dues_max]) + 1)

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
        table, slots = self.table, np.empty(len(batch), np.int64)
        columns, start, swept = batch.view(np.recarray), 0, 0
        self._touch_segments(batch)
        table.recent.reserve(int(batch["id_size"].sum()))
        arrays, kept_to = table.arrays(len(batch)), 0
        while start < len(batch):
            start = apply.apply(arrays, self.rules, columns, start, slots)
            kept_to = self._take_effects(columns, ids, slots, kept_to, start)
        due = table.due_rows(until_s)
        self._changed_rows.update(due.tolist())  # also those of which nothing is told: what is held is durable
        while swept < len(due):
            swept = apply.sweep(arrays, self.rules, due, swept, until_s, len(batch))
            self._take_effects(columns, ids, slots, kept_to, len(batch))
        self._foresee(until_s)
        self.counts["applied"] += len(batch)

    def _foresee(self, until_s: float) -> None:
        """Write the chances of the effects of a run, and learn the outcomes that are known by its end."""
        table, effects, ids = self.table, self._fresh, [ids for _, some in self._fresh for ids in some]
        self._fresh = []
        if effects:
            told = np.concatenate([some for some, _ in effects])
            order = outcomes.in_order(told, table.names.of)
            outcomes.run(table.waiting(len(told)), told.view(np.recarray), order)
            self._told.append((told, ids))
        if table.moments.next_end_s < until_s:
            outcomes.learn_until(table.waiting(0), math.nextafter(until_s, -math.inf))

    def _touch_segments(self, batch: Batch) -> None:
        """Note the segments that can learn: those of the clients, and those that the interactions name."""
        named = batch["segment"][batch["segment"] > 0] - 1
        touched = np.union1d(self.table.clients["segment"][batch["row"]], named).tolist()
        self._unfitted.update(touched)
        self._changed_segments.update(touched)

    def _take_effects(self, batch: Batch, ids: Ids, slots: Slots, kept_to: int, applied: int) -> int:
        """Keep the effects that the kernels left, each with the ids known at its moment; -> `applied`."""
        table = self.table
        effects = table.effects[: table.effects_used[0]].view(np.recarray)
        if len(effects):
            recent_ids: list[list[str]] = []
            if self._builds_alerts:
                recent_ids, kept_to = table.recent.evidence(effects, batch, slots, ids, kept_to)
            told = effects.view(np.ndarray).copy()
            self._fresh.append((told, recent_ids))
            transitions = told["transition"]
            self.counts["open"] += int((transitions == OPENED).sum()) - int((transitions == RESOLVED).sum())
            table.effects_used[0] = 0
        self._take_counts()
        keep_all(table.recent.kept, batch, slots, ids, kept_to, applied)
        return max(kept_to, applied)

    def _alerts(self) -> list[Alert]:
        """Make alerts, in order, of the effects since the last time: many at once, which is many times faster."""
        if not self._told:
            return []
        effects = np.concatenate([effects for effects, _ in self._told])
        recent_ids = [ids for _, some in self._told for ids in some]
        alerts: list[Alert] = []
        for start in range(0, len(effects), _ALERTS_AT_ONCE):
            some = effects[start : start + _ALERTS_AT_ONCE]
            alerts += build_alerts(some, self._names(some, recent_ids[start : start + _ALERTS_AT_ONCE]))
        return sorted(alerts, key=in_order)

    def _names(self, effects: Effects, recent_ids: Sequence[Sequence[str]]) -> Names:
        """The words behind the numbers of effects."""
        table, numbers = self.table, effects["channels"]
        word = {number: table.channels[number] or None for number in np.unique(numbers).tolist()}
        return Names(
            self.policy.app_id,
            table.names.of(effects["row"]),
            [account or None for account in table.accounts.of(effects["account"])],
            table.segment_names.of(effects["segment"]),
            [[word[number] for number in some] for some in numbers.tolist()],
            recent_ids,
        )

    def _take_counts(self) -> None:
        counts = self.table.counts
        self.counts["held"] += int(counts[COUNT_HELD])
        self.counts["duplicates"] += int(counts[COUNT_DUPLICATES])
        for source, late in zip(self._merge.feeds, counts[COUNT_LATE:].tolist(), strict=False):
            self.counts["late"] += late
            self.counts[f"late/{source}"] += late
        counts[:] = 0

    def outlooks(self, at_s: float) -> Iterator[bytes]:
        """What is known and expected of each client at an instant, as JSON, in the order in which they were met."""
        return outlook.outlooks(self.table, at_s)

    # What is durable.

    def _outcome(self, batch: Batch, rejected: list[bytes], rerouted: list[Rerouted]) -> Outcome:
        states: list[tuple[bytes, bytes]] = []
        if self._keeps_states:
            rows = sorted(self._changed_rows.union(batch["row"].tolist()))
            states.extend(self.table.records(rows, sorted(self._changed_segments)))
        if states or rejected or rerouted:
            states.append((POSITION_KEY, self._position()))
        alerts, effects = (self._alerts(), []) if self._builds_alerts else ([], [effects for effects, _ in self._told])
        self._told, self._changed_rows, self._changed_segments = [], set(), set()
        return Outcome(states, alerts, rejected, rerouted, effects)

    def _position(self) -> bytes:
        clock = [repr(self.clock_s), repr(self.refit_s), sorted(self._unfitted)]
        sources = {
            source: [feed.position.offset, repr(feed.position.key_s)] for source, feed in self._merge.feeds.items()
        }
        return bytes([LAYOUT]) + json.dumps({"clock": clock, "sources": sources}).encode()

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
                self._resume(value)
            else:
                others.append((key, value))
        restore.load(self.table, others)

    def _resume(self, value: bytes) -> None:
        try:
            position = json.loads(former.present(POSITION_KEY, value)[1:])
            clock_s, refit_s, unfitted = position["clock"]
            self.clock_s, self.refit_s, self._unfitted = float(clock_s), float(refit_s), set(unfitted)
            for source, (offset, key_s) in position["sources"].items():
                if source in self._merge.feeds:
                    self._merge.feeds[source].resume(Position(int(offset), float(key_s)))
        except (ValueError, LookupError, TypeError) as error:
            raise UnknownLayoutError("position") from error
