"""The record types: what is known of a client, of a segment, and of an interaction that waits for its turn.

All are fixed-size NumPy records, so that a million clients are one array and a kernel runs over it without an object
per client; packed, so that equal rows are equal bytes. Instants are epoch seconds (`_s`), durations are days of
operational time (`_days`). What is kept of a client is rounded down to whole seconds; 0 = not set. Of a row only what
differs from a new one is stored: `state.codec`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from detector.core.clock import NEVER_S
from detector.core.signals import TRAITS

LAYOUT = 7  # version of the records below and of their stored form; every stored record begins with it
RHYTHM_BINS = 9  # by mean gap: below 1 day, below 2, 4, ... 128, and above
U_MIN, U_STEP, U_BINS = -4.0, 0.2, 70  # the survival table's grid, in ln(gap / own mean gap)
RECENT = 3  # contacts whose ids are kept for the evidence of an alert
SEEN = 4  # interactions among which a repeated event_id is recognised
SIGNALS = len(TRAITS)  # that can decline
COUNT_MAX = 65_535  # where counts stop: what they weigh has long been the same
CHANNELS_HEARD = 4  # channels of a client that are told apart

SILENCES = ("contact", "orders", "reply")  # fields of a client and of its segment

# Where a client stands with one signal.
INCIDENT = np.dtype(
    [
        ("next_s", "u4"),  # when the next transition is due: the deadline, then the escalation, then never
        ("opened_s", "u4"),  # the deadline that was passed; stale when nothing is open
        ("state", "u1"),  # lifecycle.State
    ]
)

# A silence and the rhythm that it is judged by: of all contacts, of orders alone, or after a message of ours.
SILENCE = np.dtype(
    [
        ("last_s", "u4"),  # what it began with: the last contact or order, or our unanswered message; 0 = there is none
        ("total_days", "f8"),  # forgetting sum of gaps
        ("longest_s", "u4"),  # the three longest gaps of all history, in seconds of operational time
        ("second_s", "u4"),
        ("third_s", "u4"),
        ("gaps", "u2"),  # between contacts or orders, or from our message to the reply; COUNT_MAX = as many or more
        ("incident", INCIDENT),
    ]
)

CLIENT = np.dtype(
    [
        ("segment", "u2"),
        ("contacts", "u4"),  # interactions that counted as contact; the next one's id goes to slot contacts % RECENT
        ("seen", "u8", (SEEN,)),  # ids of the last interactions, hashed; fewer bits would mistake one for another
        ("seen_next", "u1"),
        ("account", "u4"),  # number in the vocabulary of accounts, 0 = none
        ("contact", SILENCE),
        ("orders", SILENCE),
        ("reply", SILENCE),
        ("thread", "u4"),  # conversation of our unanswered message, hashed; 0 = not known
        ("awaiting_reply_s", "u4"),  # the client's first message that we have not answered; 0 = none
        ("channels", "u1", (CHANNELS_HEARD,)),  # numbers in the vocabulary of channels, last heard first; 0 = none
        ("channels_s", "u4", (CHANNELS_HEARD,)),  # when they were last heard
    ]
)

# What the gaps of a segment's clients have in common. Sums are additive; the fit is made of them once a day.
POPULATION = np.dtype(
    [
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

SEGMENT = np.dtype(
    [
        ("layout", "u1"),
        ("contact", POPULATION),
        ("orders", POPULATION),
        ("reply", POPULATION),
        ("answers", "f8"),  # forgetting count of our own answers to these clients
        ("answer_log_sum", "f8"),  # of ln(days that they took us), and of its square
        ("answer_log_square_sum", "f8"),
        ("answer_days", "f8"),  # the fit: nine in ten of our answers come sooner; infinite while too few were seen
    ]
)

# The trend of one signal of one client: what its values were like, and how the latest compare with that. Values are
# kept as transformed for the signal (signals.Scale). Single precision: what scatters by a tenth needs no eighth digit.
TREND = np.dtype(
    [
        ("signal", "u1"),  # number in signals.TRAITS
        ("score", "f4"),  # exponentially weighted mean of the values' normal scores; positive = decline
        ("level", "f4"),  # forgetting mean of the values
        ("m2", "f4"),  # forgetting sum of their squared deviations from it
        ("baseline", "f4"),  # mean of the values of the first half-year, eight at least; never moves afterwards
        ("count", "u2"),  # values so far; at COUNT_MAX it stops, and so does last_day
        ("first_day", "u2"),  # of the first and the last value, since the epoch
        ("last_day", "u2"),
        ("since_s", "u4"),  # since when the score has been above (nearly) 0: where the present decline began
        ("before", "f4"),  # the level expected then; 0 without a decline, as is what follows
        ("now", "f4"),  # mean of the values since
        ("now_count", "u2"),  # how many these are, at most COUNT_MAX
        ("opened_s", "u4"),  # while an incident is open
        ("state", "u1"),  # lifecycle.State
        ("currency", "u2"),  # of amounts, packed (primitives.currency); 0 = none was given
    ]
)

# What the chance that a client comes back depends on, at one instant of a silence: model.return_chance.
STAGES, NUMBERS = 3, 7
FACTS = np.dtype(
    [
        ("gaps", "u2"),  # as in SILENCE
        ("mean_gap_days", "f8"),  # shrunk towards the segment's; 0 = too few gaps are known
        ("survival", "f8"),  # P(a gap lasts longer than this one has)
        ("lasting", "f8", (STAGES,)),  # P(it lasts to the end of a stage | it has lasted so long)
        ("gone_after_days", "f8"),  # the end of the last stage; the others end after 30 and 90 days
    ]
)

# An alert whose outcome is waited for, with what was said then.
MOMENT = np.dtype(
    [
        (
            "number",
            "u4",
        ),  # in the order in which moments came: of two labels at one instant the lower one is learned first
        ("at_s", "u4"),
        ("segment", "u2"),
        ("stage", "u1"),  # that is not over
        ("heard", "u1"),  # in it
        ("facts", FACTS),
        ("chances", "f4", (STAGES,)),  # that the alert said
    ]
)

# What was learned of the rate of departures. A segment has one number more, its own beside that of all.
LABELS_RECENT = 500  # among which what was said is compared with what came true
NO_LABEL = 0xFF
OWN_RATE = np.dtype([("log_rate", "f8"), ("variance", "f8"), ("day", "f8")])
POSTERIOR = np.dtype(
    [
        ("weights", "f8", (NUMBERS,)),
        ("covariance", "f8", (NUMBERS, NUMBERS)),
        ("day", "f8"),  # of the last label, since the epoch; -inf = there is none
        ("labels", "i8"),
        ("moments", "u4"),  # the number of the next one
        ("recent_chances", "f4", (LABELS_RECENT,)),  # of the last labels, a ring: what was said of the stage
        ("recent_labels", "u1", (LABELS_RECENT,)),  # 2 x stage + whether the client was silent, or NO_LABEL
    ]
)

INTERACTION = np.dtype(
    [
        ("key_s", "f8"),  # until the merge, when its record was written, 0 = not known; then its merge key
        ("at_s", "f8"),  # event time
        ("offset", "i8"),  # in its source
        ("id_start", "i8"),  # of its event_id, in the ids of its batch
        ("id_size", "u2"),
        ("event", "u8"),  # its event_id, hashed
        ("row", "u4"),  # of its client
        ("account", "u4"),  # 0 = not given
        ("thread", "u4"),  # hashed; 0 = not given
        ("segment", "u2"),  # number + 1; 0 = not given
        ("source", "u1"),  # number in the policy's sources
        ("channel", "u1"),
        ("traits", "u1"),  # what it is: a sum of the words below
        ("currency", "u2"),  # of its amount, packed (primitives.currency); 0 = none was given
        ("values", "f4", (SIGNALS,)),  # of the signals that can decline; NaN = it says nothing of this one
    ]
)
ELSEWHERE = 0xFFFF_FFFF  # instead of a row: the client is another shard's, and the record itself stands for its id
CONTACT, ORDER, MESSAGE, OURS, QUESTION = 1, 2, 4, 8, 16
"""Traits: the client acted; it ordered; it wrote; we acted; we wrote and may expect an answer."""

Records = np.recarray[Any, Any]
Batch = np.ndarray[Any, Any]
"""Records of INTERACTION."""


def new_clients(count: int) -> Records:
    """Rows of clients that nobody has heard of yet."""
    clients = np.zeros(count, CLIENT).view(np.recarray)
    for silence in SILENCES:
        clients[silence]["incident"]["next_s"] = NEVER_S
    return clients


def new_segments(count: int) -> Records:
    """Segments without a gap; `population.refit` gives them their first table."""
    segments = np.zeros(count, SEGMENT).view(np.recarray)
    segments.layout = LAYOUT
    segments.answer_days = np.inf
    return segments


def new_trends(signals: Sequence[int]) -> Records:
    """Trends without a value, one for each signal number given."""
    trends = np.zeros(len(signals), TREND).view(np.recarray)
    trends.signal = signals
    return trends
