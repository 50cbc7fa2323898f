"""A shard: the clients of one partition number over all sources. Interactions in, effects out.

`take_in` lets records wait for their turn, `advance` applies what the frontier releases and carries out the
transitions that are due.
Effects come in one order (event time, then client) and do not depend on how the input was cut into batches.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from detector.core import population
from detector.core.alert import Alert, Told, build, in_order
from detector.core.clock import NEVER_S, next_refit_s
from detector.core.layout import INTERACTION, LAYOUT
from detector.core.lifecycle import State, after
from detector.core.merge import Batch, Ids, Merge, Position
from detector.core.silence import LATE, facts, learn_until_told
from detector.core.table import Table, UnknownLayoutError
from schemas.incident import Reason, Transition
from schemas.interaction import Interaction

POSITION_KEY = b"position\0"


@dataclass(frozen=True)
class Policy:
    """What a shard is told once: sources in their order, the installation's name, budgets and bounds."""

    sources: tuple[str, ...]
    app_id: str = "ghosting"
    false_alerts_per_client_year: float = 1.0
    segment_budgets: Mapping[str, float] = field(default_factory=dict)
    session_hours: float = 20.0
    learning_gaps_min: int = 100
    segments_max: int = 1000


class Outcome(NamedTuple):
    """What an advance asks the shell to make durable, all of it or nothing."""

    states: list[tuple[bytes, bytes]]
    alerts: list[Alert]
    rejected: list[bytes]


class Shard:
    """One partition's clients.

    Parameters
    ----------
    policy
        What it obeys.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.clock_s = -math.inf
        self.table = Table(policy.segments_max, policy.false_alerts_per_client_year, policy.segment_budgets)
        self.counts: Counter[str] = Counter()  # applied, late, held, rejected, open: for people, not for decisions
        self._merge = Merge(policy.sources)
        self._refit_s = NEVER_S
        self._alerts: list[Alert] = []
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

    def has_room(self, interaction: Interaction) -> bool:
        """Tell whether the interaction's segment is known or can still be taken up."""
        return "segment" not in interaction or self.table.segment(interaction["segment"]) is not None

    def take_in(
        self,
        source: str,
        read: Sequence[tuple[int, Interaction]],
        rejected: Sequence[tuple[int, bytes]],
        read_to: int,
        now_s: float,
    ) -> None:
        """Let interactions and rejections of a source, with their offsets, wait for their turn."""
        batch = np.array([self._columns(offset, interaction) for offset, interaction in read], INTERACTION)
        ids: Ids = np.array([interaction["event_id"] for _, interaction in read], object)
        self._merge.feeds[source].take_in(batch, ids, rejected, read_to, now_s)
        self.counts["rejected"] += len(rejected)

    def _columns(self, offset: int, interaction: Interaction) -> tuple[float | int, ...]:
        table = self.table
        segment = table.segment(interaction["segment"]) if "segment" in interaction else None
        account = table.accounts.number(interaction.get("account_id", ""))
        channel = table.channels.number(interaction.get("channel") or interaction["kind"])
        contact = interaction["direction"] == "inbound" and not interaction.get("automated")
        row = table.row(interaction["client_id"])
        return (
            0.0,
            interaction["at"],
            offset,
            row,
            account or 0,
            0 if segment is None else segment + 1,
            channel or 0,
            contact,
        )

    # Time goes on.

    def advance(self, fronts: Mapping[str, float]) -> Outcome:
        """Apply what lies before the least of the sources' frontiers, and carry out what is due by then.

        Parameters
        ----------
        fronts
            Per source, the instant (epoch seconds) before which nothing can come from it any more.
        """
        frontier_s = max(self.clock_s, min(fronts.values()))
        batch, ids, rejected = self._merge.release(frontier_s)
        batch["key_s"] = np.maximum(batch["key_s"], self.clock_s)
        if len(batch) or self.clock_s > -math.inf:  # the clock of a shard begins with its first interaction
            self._run_days(batch, ids, frontier_s)
            self.clock_s = frontier_s
        return self._outcome(batch, rejected)

    def _run_days(self, batch: Batch, ids: Ids, until_s: float) -> None:
        """Run day by day, as the segments are refitted at midnight of event time, however the input was cut."""
        start = 0
        while True:
            if self._refit_s == NEVER_S and start < len(batch):
                self._refit_s = next_refit_s(float(batch["key_s"][start]))
            if self._refit_s >= until_s:
                break
            stop = int(np.searchsorted(batch["key_s"], self._refit_s))
            self._run(batch[start:stop], ids[start:stop], self._refit_s)
            for number in sorted(self._unfitted):
                population.refit(self.table.segments, number)
                self._changed_segments.add(number)
            self._unfitted.clear()
            start, self._refit_s = stop, NEVER_S
            if start == len(batch):
                break  # nothing is learned until the next interaction, so no refit is needed before it
        self._run(batch[start:], ids[start:], until_s)

    def _run(self, batch: Batch, ids: Ids, until_s: float) -> None:
        """Apply interactions in order, then what is due before `until_s`; no refit lies in between."""
        table, slots = self.table, np.empty(len(batch), np.int64)
        columns, start = batch.view(np.recarray), 0
        self._touch_segments(batch)
        while start < len(batch):
            stop = learn_until_told(
                table.clients, table.segments, columns, start, self.policy.session_hours / 24, slots
            )
            kept = np.flatnonzero(slots[start:stop] >= 0) + start
            table.recent[batch["row"][kept], slots[kept]] = ids[kept]
            self.counts["late"] += int((slots[start:stop] == LATE).sum())
            if stop < len(batch):
                self._carry_out(int(columns[stop].row), columns[stop])
            start = stop
        self.counts["applied"] += len(batch)
        for row in np.flatnonzero(table.clients["contact"]["next_s"][: len(table.names)] < until_s).tolist():
            while table.clients[row].contact.next_s < until_s:
                self._due(row)

    def _touch_segments(self, batch: Batch) -> None:
        """Note the segments that can learn: those of the clients, and those that the interactions name."""
        named = batch["segment"][batch["segment"] > 0] - 1
        touched = np.union1d(self.table.clients["segment"][batch["row"]], named).tolist()
        self._unfitted.update(touched)
        self._changed_segments.update(touched)

    def _carry_out(self, row: int, event: Any) -> None:  # noqa: ANN401 - a NumPy record
        """Carry out what was due before the event; if nothing was, the event ends a silence."""
        silence = self.table.clients[row].contact
        if silence.next_s < event.key_s:
            self._due(row)
        else:
            reason: Reason = "late_event" if event.at_s < silence.opened_s else "returned"
            self._transition(row, "resolved", reason, float(event.at_s), float(event.key_s))

    def _due(self, row: int) -> None:
        silence = self.table.clients[row].contact
        due_s = float(silence.next_s)
        if silence.state == State.QUIET:
            self._transition(row, "opened", "deadline_passed", due_s, due_s)
        else:
            self._transition(row, "escalated", "survival_tenth", due_s, due_s)

    def _transition(self, row: int, transition: Transition, reason: Reason, at_s: float, order_s: float) -> None:
        """Move one client's incident on and tell of it, unless its segment still learns."""
        client = self.table.clients[row]
        silence, segment = client.contact, self.table.segments[client.segment]
        state, opens = State(int(silence.state)), transition == "opened"
        self._changed_rows.add(row)
        if opens:
            silence.opened_s = at_s
        if state == State.HELD or (opens and segment.fitted_gaps < self.policy.learning_gaps_min):
            silence.state, silence.next_s = State.HELD if opens else State.QUIET, NEVER_S
            self.counts["held"] += opens
            return
        known = facts(self.table.clients, self.table.segments, row, float(silence.opened_s), at_s)
        critical = transition == "escalated" or state == State.ESCALATED
        severity = "critical" if critical else "warning"
        told_s = max(order_s, float(silence.heard_s))  # no deadline is told before the contact that set it
        self._alerts.append(build(self._told(row), known, transition, reason, severity, at_s, told_s))
        silence.state = after(state, transition)
        silence.next_s = known.escalates_s if opens else NEVER_S
        self.counts["open"] += opens - (transition == "resolved")

    def _told(self, row: int) -> Told:
        table, client = self.table, self.table.clients[row]
        silence, segment = client.contact, table.segments[client.segment]
        return Told(
            app_id=self.policy.app_id,
            client_id=table.names.words[row],
            account_id=table.accounts.words[client.account] or None,
            segment=table.segment_names.words[client.segment],
            channel=table.channels.words[client.channel] or None,
            recent_ids=table.recent_ids(row),
            last_s=float(silence.last_s),
            opened_s=float(silence.opened_s),
            longest_days=float(silence.longest_days),
            gaps=int(silence.gaps),
            segment_gaps=int(segment.fitted_gaps),
            budget=float(segment.budget),
        )

    # What is durable.

    def _outcome(self, batch: Batch, rejected: list[bytes]) -> Outcome:
        rows = sorted(self._changed_rows.union(batch["row"].tolist()))
        states = list(self.table.records(rows, sorted(self._changed_segments)))
        alerts = sorted(self._alerts, key=in_order)
        if states or rejected:
            states.append((POSITION_KEY, self._position()))
        self._alerts, self._changed_rows, self._changed_segments = [], set(), set()
        return Outcome(states, alerts, rejected)

    def _position(self) -> bytes:
        clock = [repr(self.clock_s), repr(self._refit_s), sorted(self._unfitted)]
        sources = {
            source: [feed.position.offset, repr(feed.position.key_s)] for source, feed in self._merge.feeds.items()
        }
        return bytes([LAYOUT]) + json.dumps({"clock": clock, "sources": sources}).encode()

    def restore(self, records: Iterable[tuple[bytes, bytes]]) -> None:
        """Take back durable records in the order in which they were written.

        Raises
        ------
        UnknownLayoutError
            If one is of another layout, or damaged.
        """
        for key, value in records:
            if key == POSITION_KEY:
                self._resume(value)
            else:
                self.table.restore(key, value)
        states = self.table.clients["contact"]["state"][: len(self.table.names)]
        self.counts["open"] = int(((states != State.QUIET) & (states != State.HELD)).sum())

    def _resume(self, value: bytes) -> None:
        if value[:1] != bytes([LAYOUT]):
            raise UnknownLayoutError("position")
        try:
            position = json.loads(value[1:])
        except ValueError as error:
            raise UnknownLayoutError("position") from error
        clock_s, refit_s, unfitted = position["clock"]
        self.clock_s, self._refit_s, self._unfitted = float(clock_s), float(refit_s), set(unfitted)
        for source, (offset, key_s) in position["sources"].items():
            if source in self._merge.feeds:
                self._merge.feeds[source].resume(Position(offset, float(key_s)))
