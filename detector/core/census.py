"""How a shard's clients stand, counted: for those who watch the detector. It decides nothing.

Read from the rows as they are, so a restart changes no figure.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from detector.core.layout import Records
from detector.core.lifecycle import State
from detector.core.rhythm import GAPS_MIN
from detector.core.table import Table

CLIENT_STATES: Final = ("learning", "active", "silent", "declining")
"""Too few gaps to judge; within its rhythm; past a deadline; less than it was. Of these the last that fits."""


class OpenAlert(NamedTuple):
    """What open incidents have in common when they are counted together."""

    type: str
    signal: str
    severity: str
    segment: str


class Census(NamedTuple):
    """The clients of a shard.

    Parameters
    ----------
    clients
        How many are in which of `CLIENT_STATES`.
    opened
        Incidents that are open and were told of.
    watched
        Per segment, how many clients an alert may come from next: they have a rhythm, nothing of them is open and
        their segment has learned enough.
    """

    clients: Counter[str]
    opened: Counter[OpenAlert]
    watched: Counter[str]


def census(table: Table, learning_gaps_min: int) -> Census:
    """Count the clients of a shard.

    Parameters
    ----------
    table
        Of the shard.
    learning_gaps_min
        Completed gaps that a segment needs before its alerts are told.
    """
    rows = table.clients[: len(table.names)].view(np.recarray)
    silence, segment = rows["contact"], rows["segment"]
    quiet, judged = silence["state"] == State.QUIET, silence["gaps"] >= GAPS_MIN
    learned = table.segments["fitted_gaps"] >= learning_gaps_min
    names = table.segment_names.words
    clients = Counter({
        "learning": int((quiet & ~judged).sum()),
        "active": int((quiet & judged).sum()),
        "silent": int((~quiet).sum()),
    })  # fmt: skip
    per_segment = np.bincount(segment[quiet & judged & learned[segment]])
    watched = Counter({names[number]: int(per_segment[number]) for number in np.flatnonzero(per_segment)})
    return Census(clients, _opened(rows, names), watched)


def _opened(rows: Records, names: Sequence[str]) -> Counter[OpenAlert]:
    states = rows["contact"]["state"]
    told = (states != State.QUIET) & (states != State.HELD)
    kinds, counts = np.unique(
        np.stack([rows["segment"][told], states[told] == State.ESCALATED]), axis=1, return_counts=True
    )
    return Counter({
        OpenAlert("silence_exceeded", "contact", "critical" if escalated else "warning", names[segment]): int(count)
        for (segment, escalated), count in zip(kinds.T.tolist(), counts, strict=True)
    })  # fmt: skip
