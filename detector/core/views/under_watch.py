"""How a shard's clients stand, counted: for those who watch the detector. It decides nothing.

Read from the rows as they are, so a restart changes no figure.
"""

from collections import Counter
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

from detector.core.clock import DAYS_PER_YEAR, NEVER_S, TimeOff
from detector.core.incidents.effect import CONTACT_SIGNAL, FIRST_TREND, ORDERS_SIGNAL, REPLY_SIGNAL
from detector.core.incidents.transitions import QUIET, severity_of
from detector.core.layout import SIGNALS, SILENCES, Records
from detector.core.lifecycle import SEVERITY_WORDS, SIGNAL_WORDS, TYPE_OF, State
from detector.core.model import replies
from detector.core.model.rhythm import GAPS_MIN
from detector.core.primitives.decay import decayed_count
from detector.core.signals import SIGNAL_NUMBER
from detector.core.state.table import Table

CLIENT_STATES: Final = ("learning", "active", "silent", "declining")
"""Too few gaps to judge; within its rhythm; past a deadline; less than it was, but not silent."""
SILENCE_SIGNALS: Final = (CONTACT_SIGNAL, ORDERS_SIGNAL, REPLY_SIGNAL)
TREND_SIGNALS: Final = range(FIRST_TREND, FIRST_TREND + SIGNALS)

Numbers = np.ndarray[Any, np.dtype[Any]]


class OpenAlert(NamedTuple):
    """What open incidents have in common when they are counted together."""

    type: str
    signal: str
    severity: str
    segment: str


class ClientCounts(NamedTuple):
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
    clients_under_watch: Counter[str]


def count_clients(table: Table, learning_gaps_min: int) -> ClientCounts:
    """Count the clients of a shard.

    Parameters
    ----------
    table
        Of the shard.
    learning_gaps_min
        Completed gaps that a segment needs before its alerts are told.
    """
    count = len(table.names)
    rows, numbers = table.clients[:count].view(np.recarray), table.trend_of[:count]
    silence = rows["contact"]
    quiet, judged = silence["incident"]["state"] == State.QUIET, silence["gaps"] >= GAPS_MIN
    declining = quiet & (table.trends["state"][numbers] != State.QUIET).any(axis=1)
    clients = Counter({
        "learning": int((quiet & ~judged & ~declining).sum()),
        "active": int((quiet & judged & ~declining).sum()),
        "silent": int((~quiet).sum()),
        "declining": int(declining.sum()),
    })  # fmt: skip
    return ClientCounts(clients, _opened(table), clients_under_watch(table, learning_gaps_min))


def clients_under_watch(table: Table, learning_gaps_min: int) -> Counter[str]:
    """Per segment, how many clients an alert may come from next."""
    learned = table.segments["contact"]["fitted_gaps"] >= learning_gaps_min
    found = _under_watch(table.clients, table.due_s, len(table.names), learned)
    return Counter({table.segment_names[number]: int(found[number]) for number in np.flatnonzero(found)})


@njit(cache=True)
def _under_watch(clients: Records, due_s: Numbers, rows: int, learned: Numbers) -> Numbers:
    """Count by segment in one pass, without a look at whom nothing is expected of: it is done for every day."""
    found = np.zeros(len(learned), np.int64)
    for row in range(rows):
        if due_s[row] == NEVER_S:
            continue
        silence, segment = clients[row].contact, clients[row].segment
        found[segment] += silence.incident.state == QUIET and silence.gaps >= GAPS_MIN and learned[segment]
    return found


def waiting_on_us(table: Table, at_s: float) -> int:
    """Return how many clients wait for our answer for longer than their segment usually has to."""
    return int(_waiting_on_us(table.clients, table.segments, len(table.names), at_s, table.time_off()))


@njit(cache=True)
def _waiting_on_us(clients: Records, segments: Records, rows: int, at_s: float, off: TimeOff) -> int:
    count = 0
    for row in range(rows):
        count += replies.waits_for_us(clients[row], segments[clients[row].segment], at_s, off)
    return count


def values_at_stake(table: Table) -> dict[str, float]:
    """What the clients that are silent now order in a year as a rule, per segment, in the units of their amounts.

    A client's usual order value (a geometric mean) times its usual number of orders; nothing for who never ordered
    twice. Units of different currencies are added up as they are.
    """
    count = len(table.names)
    rows = table.clients[:count]
    states, orders = rows["contact"]["incident"]["state"], rows["orders"]
    silent = (states != State.QUIET) & (states != State.HELD)
    numbers = table.trend_of[:count, SIGNAL_NUMBER["order_value"]]
    known = np.flatnonzero(silent & (numbers > 0) & (orders["gaps"] > 0))
    weights = np.array([decayed_count(gaps) for gaps in orders["gaps"][known]])
    orders_per_year = DAYS_PER_YEAR * weights / orders["total_days"][known]
    values = np.exp(table.trends["level"][numbers[known]]) * orders_per_year
    sums = np.bincount(rows["segment"][known], values)
    return {table.segment_names[number]: float(sums[number]) for number in np.flatnonzero(sums)}


def _opened(table: Table) -> Counter[OpenAlert]:
    """Open incidents by signal, severity and segment."""
    count = len(table.names)
    segment, found = table.clients["segment"][:count], Counter[OpenAlert]()
    for silence, signal in zip(SILENCES, SILENCE_SIGNALS, strict=True):
        states = table.clients[silence]["incident"]["state"][:count]
        told = (states != State.QUIET) & (states != State.HELD)
        found += _counted(table, signal, segment[told], states[told])
    for number, signal in enumerate(TREND_SIGNALS):
        states = table.trends["state"][table.trend_of[:count, number]]
        told = states != State.QUIET
        found += _counted(table, signal, segment[told], states[told])
    return found


def _counted(table: Table, signal: int, segments: Numbers, states: Numbers) -> Counter[OpenAlert]:
    kinds, counts = np.unique(np.stack([segments, states == State.ESCALATED]), axis=1, return_counts=True)
    word = SIGNAL_WORDS[signal]
    return Counter({
        OpenAlert(
            TYPE_OF[word], word, SEVERITY_WORDS[severity_of(signal, bool(escalated))],
            table.segment_names[segment],
        ): int(count)
        for (segment, escalated), count in zip(kinds.T.tolist(), counts, strict=True)
    })  # fmt: skip
