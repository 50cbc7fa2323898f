"""From contacts to silences: what an alert can be right or wrong about.

A silence begins with the last interaction of a contact and ends with the next contact, or not at all before the log
does. Contacts and mean gaps are those of the silence rule (sessions, forgetting), so that all rules are judged by the
same measure. Days are days of the calendar.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from detector.backtest.log import Bools, Floats, Ints, Log
from detector.core.clock import DAY_S
from detector.core.model.rhythm import GAPS_MIN, SETTLED_GAPS
from detector.core.model.segment import DEFAULT_GAP_DAYS
from detector.core.primitives.decay import DECAY

_PRIOR_CLIENTS = 20.0  # clients that the default gap is worth, as in a segment's fit


@dataclass(frozen=True)
class Silences:
    """Silences as columns, by client and then by time.

    Parameters
    ----------
    client
        Number of the client.
    begin_s, end_s
        Last contact, and the return; `end_s` is the end of the log if the client did not come back.
    returned
        Whether it came back before the log ended.
    gaps
        Completed gaps of the client before this silence.
    own_mean_days
        Mean of those gaps, recent ones counting more; NaN before the first.
    mean_days
        The same, shrunk towards the log's typical gap as if one gap of that length had been seen. "Own mean gaps" are
        counted in it.
    log_start_s, log_end_s
        What the log spans.
    """

    client: Ints
    begin_s: Floats
    end_s: Floats
    returned: Bools
    gaps: Ints
    own_mean_days: Floats
    mean_days: Floats
    log_start_s: float
    log_end_s: float

    @property
    def days(self) -> Floats:
        """How long each lasted, at least."""
        return (self.end_s - self.begin_s) / DAY_S

    @property
    def watched(self) -> Bools:
        """Whether an alert is possible: from the client's third gap on."""
        return self.gaps >= GAPS_MIN


def silences_of(log: Log, session_days: float) -> Silences:
    """Return the silences of a log.

    Parameters
    ----------
    log
        Its contacts need no order.
    session_days
        Interactions of a client that are less than this apart are one contact.
    """
    order = np.lexsort((log.at_s, log.client))
    client, at_s = log.client[order], log.at_s[order]
    same = client[1:] == client[:-1]
    longer = np.diff(at_s / DAY_S) > session_days  # as the kernel has it, to the last bit
    last_of_contact = np.append(~same | longer, np.ones(min(len(at_s), 1), bool))
    begins = np.flatnonzero(last_of_contact)
    returned = np.append(same, np.zeros(min(len(at_s), 1), bool))[begins]
    end_s = np.where(returned, at_s[np.minimum(begins + 1, len(at_s) - 1)], log.end_s)
    client, begin_s = client[begins], at_s[begins]
    gaps, weight, total_days = _history(client, (end_s - begin_s) / DAY_S, DECAY)
    with np.errstate(invalid="ignore"):
        own_mean_days = total_days / weight
    typical_days = _typical_gap_days(own_mean_days[gaps == SETTLED_GAPS])
    return Silences(
        client=client,
        begin_s=begin_s,
        end_s=end_s,
        returned=returned,
        gaps=gaps,
        own_mean_days=own_mean_days,
        mean_days=(total_days + typical_days) / (weight + 1),
        log_start_s=log.start_s,
        log_end_s=log.end_s,
    )


def _typical_gap_days(settled_days: Floats) -> float:
    """Return the geometric mean of the clients' mean gaps after five gaps, as a segment's fit has it."""
    share = len(settled_days) / (len(settled_days) + _PRIOR_CLIENTS)
    mean_log = float(np.log(settled_days).mean()) if len(settled_days) else 0.0
    return math.exp(share * mean_log + (1 - share) * math.log(DEFAULT_GAP_DAYS))


@njit(cache=True)
def _history(client: Ints, days: Floats, kept: float) -> tuple[Ints, Floats, Floats]:
    """Return what precedes each silence: the gaps that its client had completed, and their decayed count and sum."""
    gaps = np.zeros(len(client), np.int64)
    weight, total_days = np.zeros(len(client)), np.zeros(len(client))
    for k in range(1, len(client)):
        if client[k] == client[k - 1]:
            gaps[k] = gaps[k - 1] + 1
            weight[k] = kept * weight[k - 1] + 1
            total_days[k] = kept * total_days[k - 1] + days[k - 1]
    return gaps, weight, total_days
