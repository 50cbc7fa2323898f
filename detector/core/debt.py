"""Who owes whom an answer: our first unanswered message, and the client's.

An inbound interaction answers our message, unless both say to which conversation they belong and it is another one.
Once somebody was told of the debt, anything heard of the client ends it. How long replies take this client is the
signal `reply_latency` (see `trend`); how long answers take us is kept per segment.
"""

import math
from typing import Any

from numba import njit

from detector.core.clock import DAY_S, DAYS_PER_YEAR, NEVER_S, deadline_s, to_operational_days
from detector.core.lifecycle import State
from detector.core.trend import interval_days, predicted

QUIET = int(State.QUIET)  # as a kernel sees it
REPLIES_MIN = 3  # no deadline before the third reply
ANSWERS_MIN = 20  # nor a word of our own habit before the twentieth answer
_ANSWERS_KEPT = 0.99
_ANSWERED_BY_Z = 1.2816  # nine in ten of our answers come sooner
_LATENCY_DAYS_MIN = 1 / DAY_S
_ALPHA_MIN, _ALPHA_MAX = 1e-6, 0.25  # P(reply later than the deadline) stays between

Debt = Any  # one record of layout.DEBT, seen from Numba
Trend = Any  # one record of layout.TREND: the reply latency
Segment = Any  # one record of layout.SEGMENT


@njit(cache=True)
def ask(debt: Debt, at_s: float, thread: int) -> None:
    """We wrote; the first message without an answer counts."""
    if debt.asked_s == 0:
        debt.asked_s = int(at_s)
        debt.thread = thread


@njit(cache=True)
def overdue_probability(latency: Trend, budget: float) -> float:
    """P(reply later than the deadline): the budget of false alerts a year, spread over the replies of a year."""
    return min(max(budget * interval_days(latency) / DAYS_PER_YEAR, _ALPHA_MIN), _ALPHA_MAX)


@njit(cache=True)
def set_deadline(debt: Debt, latency: Trend, budget: float) -> None:
    """Say when the reply is overdue, by the client's own reply times."""
    if latency.count >= REPLIES_MIN:
        debt.incident.next_s = deadline_s(debt.asked_s, predicted(latency, overdue_probability(latency, budget)))


@njit(cache=True)
def is_answer(debt: Debt, thread: int) -> bool:
    """Tell whether an inbound interaction answers what we wrote."""
    both_known = thread > 0 and debt.thread > 0
    other = both_known and thread != debt.thread
    result: bool = debt.asked_s > 0 and (not other or debt.incident.state != QUIET)
    return result


@njit(cache=True)
def answered(debt: Debt, at_s: float) -> float:
    """The client answered; -> after how many days."""
    days = max(to_operational_days(at_s) - to_operational_days(debt.asked_s), _LATENCY_DAYS_MIN)
    debt.asked_s = 0
    debt.thread = 0
    debt.incident.next_s = NEVER_S
    return days


@njit(cache=True)
def owe(debt: Debt, at_s: float) -> None:
    """The client wrote; the first message without an answer of ours counts."""
    if debt.owed_s == 0:
        debt.owed_s = int(at_s)


@njit(cache=True)
def we_answered(debt: Debt, segment: Segment, at_s: float) -> None:
    """We acted, and owe nothing more; the segment learns how long that took us."""
    if 0 < debt.owed_s <= at_s:
        log_days = math.log(max(to_operational_days(at_s) - to_operational_days(debt.owed_s), _LATENCY_DAYS_MIN))
        segment.answers = _ANSWERS_KEPT * segment.answers + 1
        segment.answer_log_sum = _ANSWERS_KEPT * segment.answer_log_sum + log_days
        segment.answer_log_square_sum = _ANSWERS_KEPT * segment.answer_log_square_sum + log_days * log_days
        debt.owed_s = 0


@njit(cache=True)
def our_answer_days(segment: Segment) -> float:
    """Days within which nine in ten of our answers come; infinite while too few were seen."""
    if segment.answers < (1 - _ANSWERS_KEPT**ANSWERS_MIN) / (1 - _ANSWERS_KEPT):
        return math.inf
    mean = segment.answer_log_sum / segment.answers
    variance = max(segment.answer_log_square_sum / segment.answers - mean * mean, 0.0)
    return math.exp(mean + _ANSWERED_BY_Z * math.sqrt(variance))


@njit(cache=True)
def waits_for_us(debt: Debt, segment: Segment, at_s: float) -> bool:
    """Tell whether the client's last message waits longer for our answer than it usually has to."""
    waited_days = to_operational_days(at_s) - to_operational_days(debt.owed_s)
    result: bool = debt.owed_s > 0 and waited_days > our_answer_days(segment)
    return result
