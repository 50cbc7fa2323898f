"""Who owes whom an answer: our first unanswered message, and the client's.

After a message of ours the client is silent until it replies, and how long that may take is judged as every silence:
by the segment's table of reply times and the client's own. An inbound interaction is a reply, unless both it and our
message say to which conversation they belong and it is another one. As long as too few replies are known for a
deadline, and once somebody was told that one has passed, anything heard of the client is the reply. How long our own
answers take is kept per segment.
"""

import math
from typing import Any

from numba import njit

from detector.core.clock import DAY_S, NEVER_S, TimeOff, elapsed_days
from detector.core.layout import Records
from detector.core.lifecycle import State
from detector.core.model import rhythm

QUIET = int(State.QUIET)  # as a kernel sees it
ANSWERS_MIN = 20  # nothing is said of our own habit before the twentieth answer
_ANSWERS_KEPT = 0.99
# The forgetting count at the twentieth; half an answer less, as its last bit is not that of the closed form.
_ANSWERS_COUNT_MIN = (1 - _ANSWERS_KEPT ** (ANSWERS_MIN - 0.5)) / (1 - _ANSWERS_KEPT)
_ANSWERED_BY_Z = 1.2816  # nine in ten of our answers come sooner
_LATENCY_DAYS_MIN = 1 / DAY_S

Client = Any  # one record of layout.CLIENT, seen from Numba
Segment = Any  # one record of layout.SEGMENT


@njit(cache=True, error_model="numpy")
def await_reply(client: Client, segment: Segment, at_s: float, thread: int, interval_days: float, off: TimeOff) -> None:
    """We wrote; the first message without a reply counts. `interval_days`: mean time between two replies."""
    reply = client.reply
    if reply.last_s == 0:
        reply.last_s = int(at_s)
        client.thread = thread
        if reply.gaps >= rhythm.GAPS_MIN:
            probability = rhythm.share_of(segment.reply.budget, interval_days)
            reply.incident.next_s = rhythm.next_deadline_s(reply, segment.reply, probability, off)


@njit(cache=True, error_model="numpy")
def is_reply(client: Client, thread: int) -> bool:
    """Check whether an inbound interaction replies to what we wrote."""
    if client.reply.last_s == 0:
        return False
    same = thread == 0 or client.thread == 0 or thread == client.thread  # noqa: PLR1714 - Numba cannot
    # Without a deadline nothing else would ever end the wait for a conversation that has died.
    without_deadline = client.reply.gaps < rhythm.GAPS_MIN
    result: bool = same or without_deadline or client.reply.incident.state != QUIET
    return result


@njit(cache=True, error_model="numpy")
def learn_reply(client: Client, segment: Segment, at_s: float, off: TimeOff) -> float:
    """The client replied; -> after how many days."""
    reply = client.reply
    days = max(elapsed_days(reply.last_s, at_s, off), _LATENCY_DAYS_MIN)
    rhythm.learn_gap(reply, segment.reply, days)
    reply.last_s = 0
    reply.incident.next_s = NEVER_S
    client.thread = 0
    return days


@njit(cache=True, error_model="numpy")
def await_our_reply(client: Client, at_s: float) -> None:
    """The client wrote; the first message without an answer of ours counts."""
    if client.awaiting_reply_s == 0:
        client.awaiting_reply_s = int(at_s)


@njit(cache=True, error_model="numpy")
def learn_our_reply(client: Client, segment: Segment, at_s: float, off: TimeOff) -> None:
    """We acted, and owe nothing more; the segment learns how long that took us."""
    if 0 < client.awaiting_reply_s <= at_s:
        log_days = math.log(max(elapsed_days(client.awaiting_reply_s, at_s, off), _LATENCY_DAYS_MIN))
        segment.answers = _ANSWERS_KEPT * segment.answers + 1
        segment.answer_log_sum = _ANSWERS_KEPT * segment.answer_log_sum + log_days
        segment.answer_log_square_sum = _ANSWERS_KEPT * segment.answer_log_square_sum + log_days * log_days
        client.awaiting_reply_s = 0


@njit(cache=True, error_model="numpy")
def our_answer_days(segment: Segment) -> float:
    """Days within which nine in ten of our answers come; infinite while too few were seen."""
    if segment.answers < _ANSWERS_COUNT_MIN:
        return math.inf
    mean = segment.answer_log_sum / segment.answers
    variance = max(segment.answer_log_square_sum / segment.answers - mean * mean, 0.0)
    return math.exp(mean + _ANSWERED_BY_Z * math.sqrt(variance))


@njit(cache=True, error_model="numpy")
def refit(segments: Records, number: int) -> None:
    """Fit a segment's habit of answering anew, at the same instants as its tables: no alert sees half a day of it."""
    segments[number].answer_days = our_answer_days(segments[number])


@njit(cache=True, error_model="numpy")
def waits_for_us(client: Client, segment: Segment, at_s: float, off: TimeOff) -> bool:
    """Check whether the client's last message waits longer for our answer than it usually has to."""
    waited_days = elapsed_days(client.awaiting_reply_s, at_s, off)
    result: bool = client.awaiting_reply_s > 0 and waited_days > segment.answer_days
    return result
