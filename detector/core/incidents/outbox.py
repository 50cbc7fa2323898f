"""What kernels are given to work on and what they leave behind: a shard's arrays, and the outbox of their effects.

No rule is here: whoever only holds the arrays needs none.
"""

from typing import NamedTuple

import numpy as np

from detector.core.incidents.effect import EFFECT
from detector.core.layout import SIGNALS, Records

COUNT_HELD, COUNT_DUPLICATES, COUNT_LATE = 0, 1, 2  # and from COUNT_LATE on one for each source
EFFECTS_AT_ONCE, EFFECTS_PER_EVENT = 1024, 64

# What kernels tell: effects, how many, and counts. One record, as records are free to hand on, and arrays are not.
OUTBOX = np.dtype([("effects", EFFECT, (EFFECTS_AT_ONCE,)), ("used", "i8"), ("counts", "i8", (COUNT_LATE + 256,))])
# Of each signal of a client, the number of its trend; 0 = it has none.
TREND_NUMBERS = np.dtype([("of", "u4", (SIGNALS,))])


class Arrays(NamedTuple):
    """What kernels see of a shard's table, and what they write."""

    clients: Records
    due_s: np.ndarray  # per client, when its next transition is due
    trend_of: Records  # per client, one record of NUMBERS
    trends: Records
    trends_used: np.ndarray  # one number: how many are in use
    segments: Records
    calendars: Records  # records of clock.CALENDAR
    outbox: Records  # one record of OUTBOX


class Rules(NamedTuple):
    """The numbers of a policy, as kernels see them."""

    session_days: float
    learning_gaps_min: float
    decline_budget: float
    escalate_at: float  # times the deadline
