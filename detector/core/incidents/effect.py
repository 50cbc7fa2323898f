"""An effect: one transition of one incident, with every number that an alert of it reports.

Kernels write effects, because they happen in the middle of a batch and the numbers are those of that moment;
`telling` turns them into what is published.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from detector.core.clock import DAY_S, TimeOff, deadline_s, elapsed_days
from detector.core.layout import CHANNELS_HEARD, FACTS
from detector.core.lifecycle import SIGNAL_WORDS, TRANSITION_WORDS, State
from detector.core.model import replies, return_chance, rhythm, trend
from detector.core.primitives.decay import decayed_count

CONTACT_SIGNAL, ORDERS_SIGNAL = SIGNAL_WORDS.index("contact"), SIGNAL_WORDS.index("orders")
REPLY_SIGNAL, FIRST_TREND = SIGNAL_WORDS.index("reply_overdue"), SIGNAL_WORDS.index("contact_rate")
RESOLVED = TRANSITION_WORDS.index("resolved")
QUIET = int(State.QUIET)  # as a kernel sees it
_MEDIAN, _P90 = math.log(2.0), math.log(10.0)  # -ln of what is left

EFFECT = np.dtype(
    [
        ("emitted_s", "f8"),  # its place in the order of effects: when the clock came to it
        ("at_s", "f8"),  # its own time; earlier than emitted_s only for what arrived late
        ("event", "i8"),  # interactions of the batch that were applied before it
        ("row", "u4"),
        ("signal", "u1"),  # places in the closed sets of words: see lifecycle
        ("transition", "u1"),
        ("reason", "u1"),
        ("severity", "u1"),
        ("segment", "u2"),
        ("account", "u4"),
        ("contacts", "u4"),
        ("channels", "u1", (CHANNELS_HEARD,)),
        ("channels_s", "u4", (CHANNELS_HEARD,)),
        ("active_since_s", "f8"),  # channels heard after this are active
        ("last_heard_s", "f8"),
        ("from_s", "f8"),  # what the expected and actual days count from
        ("opened_s", "f8"),
        ("actual_heard_within_days", "f8"),
        ("expected_heard_within_days", "f8"),  # NaN = not known, as for all numbers below that can be
        ("median_s", "f8"),
        ("p90_s", "f8"),
        ("survival", "f8"),
        ("facts", FACTS),  # of the silence of contact, whatever the signal is
        ("probability_no_contact_in_30_days", "f8"),  # made of the facts, in the order of time (engine.outcomes)
        ("probability_no_contact_in_90_days", "f8"),
        ("probability_gone", "f8"),
        ("probability_gone_between", "f8", (2,)),
        ("outlook_labels", "i8"),
        ("mean_gap_days", "f8"),
        ("longest_gap_days", "f8"),
        ("prior_weight", "f8"),
        ("gaps_seen", "u4"),
        ("completed_gaps_in_segment", "f8"),
        ("false_alerts_per_client_year", "f8"),
        ("unanswered_since_s", "u4"),  # 0 = nothing is unanswered
        ("waiting_on_us_since_s", "u4"),  # 0 = the client does not wait for us
        ("before", "f8"),
        ("now", "f8"),
        ("ratio_to_first_half_year", "f8"),
        ("since_s", "f8"),
        ("score", "f8"),
        ("threshold", "f8"),
        ("values_seen", "u4"),
        ("currency", "u2"),  # packed; 0 = none was given, or the signal has none
    ]
)

EFFECT_NAMES = tuple(EFFECT.fields or ())

Effect = Any  # one record of EFFECT, seen from Numba
Client = Any  # one record of layout.CLIENT
Silence = Any  # one record of layout.SILENCE
Population = Any  # one record of layout.POPULATION
Trend = Any  # one record of layout.TREND
Segment = Any  # one record of layout.SEGMENT
Posterior = Any  # one record of layout.POSTERIOR
OwnRate = Any  # one record of layout.OWN_RATE


@njit(cache=True, error_model="numpy")
def fill_client(effect: Effect, client: Client, segment: Segment, off: TimeOff) -> None:
    """What does not depend on the signal."""
    effect.segment, effect.account, effect.contacts = client.segment, client.account, client.contacts
    effect.channels[:] = client.channels
    effect.channels_s[:] = client.channels_s
    effect.unanswered_since_s = client.reply.last_s
    waits = replies.waits_for_us(client, segment, effect.at_s, off)
    effect.waiting_on_us_since_s = client.awaiting_reply_s if waits else 0
    effect.last_heard_s = client.contact.last_s


@njit(cache=True, error_model="numpy")
def fill_silence(effect: Effect, silence: Silence, population: Population, off: TimeOff) -> None:
    """The numbers of a silence; `effect` has its times already."""
    effect.from_s = effect.active_since_s = silence.last_s
    effect.actual_heard_within_days = elapsed_days(silence.last_s, effect.at_s, off)
    effect.gaps_seen, effect.longest_gap_days = silence.gaps, silence.longest_s / DAY_S
    effect.mean_gap_days = rhythm.mean_gap_days(silence, population)
    effect.prior_weight = 1.0 / (decayed_count(silence.gaps) + 1.0)
    effect.completed_gaps_in_segment, effect.false_alerts_per_client_year = population.fitted_gaps, population.budget
    effect.expected_heard_within_days = effect.median_s = effect.p90_s = math.nan
    effect.survival = math.nan
    if silence.gaps < rhythm.GAPS_MIN or silence.last_s == 0:
        return
    days = max(elapsed_days(silence.last_s, effect.at_s, off), 1 / DAY_S)
    by, y = rhythm.measure(silence, population), -math.log(rhythm.alert_probability(silence, population))
    effect.median_s = deadline_s(silence.last_s, rhythm.outlasted_days(population, by, _MEDIAN), off)
    effect.p90_s = deadline_s(silence.last_s, rhythm.outlasted_days(population, by, _P90), off)
    effect.survival = rhythm.survival(population, by, days)
    at_s = deadline_s(silence.last_s, rhythm.outlasted_days(population, by, y), off)
    effect.expected_heard_within_days = elapsed_days(silence.last_s, at_s, off)


@njit(cache=True, error_model="numpy")
def fill_facts(effect: Effect, silence: Silence, population: Population, off: TimeOff) -> None:
    """Write what the chance that the client is heard again depends on: its silence of contact."""
    incident = silence.incident
    deadline = float(incident.next_s if incident.state == QUIET else incident.opened_s)
    deadline_days = (deadline - silence.last_s) / DAY_S
    return_chance.fill_facts(effect.facts, silence, population, effect.at_s, deadline_days, off)


@njit(cache=True, error_model="numpy")
def fill_chances(effect: Effect, posterior: Posterior, own: OwnRate, chances: np.ndarray) -> None:
    """Write what is known of the client's return; `chances` takes a copy of it."""
    return_chance.fill_chances(chances, effect.probability_gone_between, posterior, own, effect.facts)
    effect.probability_no_contact_in_30_days, effect.probability_no_contact_in_90_days = chances[0], chances[1]
    effect.probability_gone, effect.outlook_labels = chances[2], posterior.labels


@njit(cache=True, error_model="numpy")
def fill_expected(effect: Effect, off: TimeOff) -> None:
    """Of an open silence the deadline that was passed is told, not the one that a later table would give."""
    effect.expected_heard_within_days = elapsed_days(effect.from_s, effect.opened_s, off)


@njit(cache=True, error_model="numpy")
def escalates_s(silence: Silence, opened_s: float, escalate_at: float, off: TimeOff) -> float:
    """Return when an open silence gets worse: it lasts a multiple of its own deadline, and a second longer at least."""
    opened_days = elapsed_days(silence.last_s, opened_s, off)
    return deadline_s(silence.last_s, max(escalate_at * opened_days, opened_days + 1 / DAY_S), off)


@njit(cache=True, error_model="numpy")
def fill_trend(effect: Effect, declining: Trend, budget: float) -> None:
    """The numbers of a decline."""
    effect.before, effect.now, effect.ratio_to_first_half_year = trend.levels(declining)
    effect.since_s = effect.active_since_s = declining.since_s
    effect.score, effect.threshold = declining.score, trend.threshold(declining, budget)
    effect.values_seen, effect.false_alerts_per_client_year = declining.count, budget
    effect.currency = declining.currency
