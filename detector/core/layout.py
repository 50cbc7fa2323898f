"""The record types: what is known of a client, of a segment, and of an interaction that waits for its turn.

All are fixed-size NumPy records, so that a million clients are one array and a kernel runs over it without an object
per client; packed, so that equal rows are equal bytes. Instants are epoch seconds (`_s`), durations are days of
operational time (`_days`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from detector.core.clock import NEVER_S

LAYOUT = 2  # version of the records below; every stored record begins with it
RHYTHM_BINS = 9  # by mean gap: below 1 day, below 2, 4, ... 128, and above
U_MIN, U_STEP, U_BINS = -4.0, 0.2, 70  # the survival table's grid, in ln(gap / own mean gap)
RECENT = 3  # contacts whose ids are kept for the evidence of an alert

# A silence of one signal: the rhythm it is judged by, and the incident if there is one.
SILENCE = np.dtype(
    [
        ("last_s", "f8"),  # last contact; NaN before the first
        ("heard_s", "f8"),  # merge key at which it was applied; later than last_s only for what came late
        ("next_s", "f8"),  # when the next transition is due: the deadline, then the escalation, then never
        ("opened_s", "f8"),  # the deadline that was passed, while an incident is open
        ("weight", "f8"),  # forgetting count of gaps
        ("total_days", "f8"),  # forgetting sum of gaps
        ("longest_days", "f8"),  # the three longest gaps of all history
        ("second_days", "f8"),
        ("third_days", "f8"),
        ("gaps", "u4"),
        ("state", "u1"),  # lifecycle.State
    ]
)

CLIENT = np.dtype(
    [
        ("layout", "u1"),
        ("channel", "u1"),  # of the last contact; number in the vocabulary of channels, 0 = none
        ("segment", "u2"),
        ("account", "u4"),  # number in the vocabulary of accounts, 0 = none
        ("contacts", "u4"),  # interactions that counted as contact; the next one's id goes to slot contacts % RECENT
        ("contact", SILENCE),
    ]
)

# What a segment's clients have in common. Sums are additive; the fit is made of them once a day.
SEGMENT = np.dtype(
    [
        ("layout", "u1"),
        ("completed", "f8", (RHYTHM_BINS, U_BINS)),  # completed gaps by rhythm and by ln(gap / own mean gap)
        ("log_mean_sum", "f8", (RHYTHM_BINS,)),  # sum of ln(shrunk mean gap) over the same gaps
        ("settled", "f8"),  # clients that have reached their fifth gap
        ("settled_log_sum", "f8"),  # sum of ln(their mean gap) then
        ("minus_log_survival", "f8", (U_BINS + 1,)),  # the fit: P(gap > t) = exp(-table[ln t - location])
        ("slope", "f8"),  # the fit: how the tail moves with ln(mean gap)
        ("log_center", "f8"),  # the fit: where the slope is neutral
        ("prior_gap_days", "f8"),  # the fit: the mean gap that a client without history is taken to have
        ("fitted_gaps", "f8"),  # completed gaps that the fit rests on
        ("budget", "f8"),  # false alerts per client-year; from the settings, not learned
    ]
)

INTERACTION = np.dtype(
    [
        ("key_s", "f8"),  # merge key: latest event time of its source so far
        ("at_s", "f8"),  # event time
        ("offset", "i8"),  # in its source
        ("row", "u4"),  # of its client
        ("account", "u4"),  # 0 = not given
        ("segment", "u2"),  # number + 1; 0 = not given
        ("channel", "u1"),
        ("contact", "u1"),  # 1 = the client acted: inbound and not automated
    ]
)

# The trend of one signal of one client: what its values were like, and how the latest compare with that. Values are
# kept as transformed for the signal (signals.Scale); instants are whole epoch seconds, 0 = none.
TREND = np.dtype(
    [
        ("score", "f8"),  # exponentially weighted mean of the values' normal scores; positive = decline
        ("level", "f4"),  # forgetting mean of the values
        ("m2", "f4"),  # forgetting sum of their squared deviations from it
        ("count", "u4"),  # values so far
        ("first_s", "u4"),
        ("last_s", "u4"),
        ("since_s", "u4"),  # since when the score has been above (nearly) 0: where the present decline began
        ("opened_s", "u4"),  # while an incident is open
        ("before", "f4"),  # the level expected when the decline began
        ("now", "f4"),  # mean of the values since
        ("now_count", "u2"),  # how many these are, at most 65,535
        ("baseline", "f4"),  # mean of the values of the first half-year, eight at least; never moves afterwards
        ("state", "u1"),  # lifecycle.State
        ("signal", "u1"),  # number in signals.TRAITS
    ]
)

Records = np.recarray[Any, Any]


def new_clients(count: int) -> Records:
    """Rows of clients that nobody has heard of yet."""
    clients = np.zeros(count, CLIENT).view(np.recarray)
    clients.layout = LAYOUT
    clients["contact"]["last_s"] = np.nan
    clients["contact"]["next_s"] = NEVER_S
    return clients


def new_segments(count: int) -> Records:
    """Segments without a gap; `population.refit` gives them their first table."""
    segments = np.zeros(count, SEGMENT).view(np.recarray)
    segments.layout = LAYOUT
    return segments


def new_trends(signals: Sequence[int]) -> Records:
    """Trends without a value, one for each signal number given."""
    trends = np.zeros(len(signals), TREND).view(np.recarray)
    trends.signal = signals
    return trends
