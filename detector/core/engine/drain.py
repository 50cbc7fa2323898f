"""Empties the outbox that kernels fill, and turns what was in it into alerts.

Theory of operation. A kernel applies a batch of interactions and writes an effect for each transition on the way. It
stops when the outbox is nearly full, so one batch may need several calls, and the outbox is emptied after each.

An alert names the ids of the client's last contacts as they were at its moment. Kernels do not keep ids: ids have any
length, and a kernel's records have a fixed one. So a kernel notes for each interaction the slot that its id belongs
into (`slots`; negative = none), and each effect says how many interactions were applied before it (`event`). The drain
walks through both: it keeps the ids of the interactions before an effect, reads the ids that the client has then, and
goes on to the next effect. `_kept_to` says up to which interaction ids are kept; after a call all that it applied are.

When a run of the shard ends, its effects get their chances and teach what is known by then: only now are they complete
and can be put in the order of time (`outcomes`).

Effects wait here until the shard's advance ends. Alerts are then built of all of them together, which takes a tenth of
the time that building them one by one takes.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from detector.core.alerts.alert import Alert, in_order
from detector.core.alerts.build import Names, build_alerts
from detector.core.engine import outcomes
from detector.core.engine.merge import Ids
from detector.core.incidents.effect import RESOLVED
from detector.core.incidents.outbox import COUNT_DUPLICATES, COUNT_HELD, COUNT_LATE
from detector.core.incidents.transitions import OPENED
from detector.core.layout import INTERACTION, Batch
from detector.core.state.recent import keep_all
from detector.core.state.table import Table

_ALERTS_AT_ONCE = 1024  # what is made of them as columns takes several times their memory

Slots = np.ndarray[Any, np.dtype[np.int64]]
Effects = np.ndarray[Any, Any]
"""Records of effect.EFFECT."""


class Drain:
    """The effects of a shard since its last outcome.

    Parameters
    ----------
    table
        Whose outbox it empties.
    counts
        Takes what kernels counted: held, duplicates, late (also by source), and how many incidents are open.
    sources
        In the order of their numbers.
    reads_ids
        Whether effects need the ids of contacts; without alerts nobody asks for them.
    """

    def __init__(self, table: Table, counts: Counter[str], sources: Sequence[str], *, reads_ids: bool) -> None:
        self._table, self._counts, self._sources, self._reads_ids = table, counts, sources, reads_ids
        self._effects: list[Effects] = []
        self._ended = 0  # how many of these arrays are of runs that have ended
        self._recent_ids: list[list[str]] = []  # of each effect
        self._batch: Batch = np.empty(0, INTERACTION)
        self._ids: Ids = np.empty(0, np.uint8)
        self._slots: Slots = np.empty(0, np.int64)
        self._kept_to = 0

    def begin(self, batch: Batch, ids: Ids) -> Slots:
        """Begin a batch; -> where the kernel notes the slot of each interaction's id."""
        self._table.recent.reserve(int(batch["id_size"].sum()))
        self._batch, self._ids, self._slots, self._kept_to = batch, ids, np.empty(len(batch), np.int64), 0
        return self._slots

    def empty(self, applied: int) -> None:
        """Empty the outbox after a kernel applied the interactions of the batch before `applied`."""
        table = self._table
        effects = table.effects[: table.effects_used[0]].view(np.recarray)
        if len(effects):
            if self._reads_ids:
                ids, self._kept_to = table.recent.evidence(effects, self._batch, self._slots, self._ids, self._kept_to)
                self._recent_ids += ids
            copied = effects.view(np.ndarray).copy()
            self._effects.append(copied)
            transitions = copied["transition"]
            self._counts["open"] += int((transitions == OPENED).sum()) - int((transitions == RESOLVED).sum())
            table.effects_used[0] = 0
        self._count()
        keep_all(table.recent.kept, self._batch, self._slots, self._ids, self._kept_to, applied)
        self._kept_to = max(self._kept_to, applied)

    def end_run(self, until_s: float) -> None:
        """Write the chances of a run's effects, and learn the outcomes that are known before an instant."""
        table, run = self._table, self._effects[self._ended :]
        if run:
            effects = np.concatenate(run).view(np.recarray)
            order = outcomes.in_order(effects, table.names.of)
            outcomes.run(table.waiting(len(effects)), effects, order)
            self._effects[self._ended :] = [effects.view(np.ndarray)]
            self._ended = len(self._effects)
        if table.moments.next_end_s < until_s:
            outcomes.learn_until(table.waiting(0), math.nextafter(until_s, -math.inf))

    def _count(self) -> None:
        counts = self._table.counts
        self._counts["held"] += int(counts[COUNT_HELD])
        self._counts["duplicates"] += int(counts[COUNT_DUPLICATES])
        for source, late in zip(self._sources, counts[COUNT_LATE:].tolist(), strict=False):
            self._counts["late"] += late
            self._counts[f"late/{source}"] += late
        counts[:] = 0

    def take_effects(self) -> list[Effects]:
        """Return the effects since the last call, some at a time, in the order in which they came."""
        effects, self._effects, self._ended, self._recent_ids = self._effects, [], 0, []
        return effects

    def take_alerts(self, app_id: str) -> list[Alert]:
        """Return alerts of the effects since the last call, in order."""
        if not self._effects:
            return []
        recent_ids = self._recent_ids
        effects = np.concatenate(self.take_effects())
        alerts: list[Alert] = []
        for start in range(0, len(effects), _ALERTS_AT_ONCE):
            stop = start + _ALERTS_AT_ONCE
            alerts += build_alerts(
                effects[start:stop], self._names(app_id, effects[start:stop], recent_ids[start:stop])
            )
        return sorted(alerts, key=in_order)

    def _names(self, app_id: str, effects: Effects, recent_ids: Sequence[Sequence[str]]) -> Names:
        """Return the words behind the numbers of effects."""
        table, channels = self._table, effects["channels"]
        channel = {number: table.channels[number] or None for number in np.unique(channels).tolist()}
        return Names(
            app_id,
            table.names.of(effects["row"]),
            [account or None for account in table.accounts.of(effects["account"])],
            table.segment_names.of(effects["segment"]),
            [[channel[number] for number in numbers] for numbers in channels.tolist()],
            recent_ids,
        )
