"""Written contacts: e-mails, chat messages and tickets, with our answers, our reminders and the mails of machines.

A client that declines answers later, shorter, less to the point and in a worse mood.
"""

from detector.simulate.hours import DAY_S, HOUR_S, OFFICE
from detector.simulate.scenario import Scenario

REPLY_SHARE = 0.6
"""E-mail contacts that are a reply to a mail of ours; the others begin a thread."""
ANSWERED_SHARE = 0.75
"""E-mails of the client that we answer."""
THANKED_SHARE = 0.3
"""Answers of ours that get a line back on the same day."""
SUBSTANTIVE_SHARE = 0.85
MOOD = 0.3
OUR_ANSWER_H = 3.0
OUR_MAIL_LENGTH = 700.0
CHAT_LENGTH = 120.0
CHAT_TURNS_MAX = 3
REMINDERS_GAPS = 1.5, 3.0, 6.0
"""We remind a client after this many of its mean gaps of silence ..."""
REMINDER_DAYS_MIN = 4.0
"""... and never sooner than this."""
REMINDED_BY_CALL_SHARE = 0.25
NEWSLETTER_DAYS = 28


def email(scenario: Scenario, at_s: int) -> None:
    """Play a contact by e-mail: perhaps our question, the client's mail, perhaps our answer and thanks for it."""
    client = scenario.client
    decline = scenario.decline("length", at_s)
    scenario.thread_id = scenario.event_log.new_thread()
    question_id = None
    if scenario.chance(REPLY_SHARE):
        latency_h = scenario.around(client.reply_latency_h) * (1 + 3 * scenario.decline("reply_latency", at_s))
        asked_s = OFFICE.at_or_before(at_s - int(latency_h * HOUR_S))
        # A question from before the last contact would have been answered then.
        if scenario.heard_s is None or asked_s > scenario.heard_s:
            question_id = _our_mail(scenario, asked_s)
    mail_id = scenario.event_log.record(
        at_s,
        "email",
        "inbound",
        thread_id=scenario.thread_id,
        in_reply_to=question_id,
        length=_length(scenario, client.mail_length, decline),
        substantive=_is_substantive(scenario, at_s),
        sentiment=_mood(scenario, at_s),
    )
    if not scenario.chance(ANSWERED_SHARE):
        return
    answer_s = OFFICE.at_or_after(at_s + int(scenario.around(OUR_ANSWER_H) * HOUR_S))
    answer_id = _our_mail(scenario, answer_s, in_reply_to=mail_id)
    thanks_s = answer_s + int(scenario.around(0.5) * HOUR_S)
    if scenario.chance(THANKED_SHARE) and _same_day(scenario, at_s, thanks_s):
        scenario.event_log.record(
            thanks_s,
            "email",
            "inbound",
            thread_id=scenario.thread_id,
            in_reply_to=answer_id,
            length=_length(scenario, CHAT_LENGTH, decline),
            substantive=False,
        )


def message(scenario: Scenario, at_s: int) -> None:
    """Play a chat: the client begins, and both write by turns for as long as the client's hours last."""
    begun_s, decline = at_s, scenario.decline("length", at_s)
    thread_id, answer_id = scenario.event_log.new_thread(), None
    for _ in range(1 + int(scenario.rng.integers(CHAT_TURNS_MAX))):
        if not _same_day(scenario, begun_s, at_s):
            return
        message_id = scenario.event_log.record(
            at_s,
            "message",
            "inbound",
            thread_id=thread_id,
            in_reply_to=answer_id,
            length=_length(scenario, CHAT_LENGTH, decline),
            substantive=_is_substantive(scenario, begun_s),
            sentiment=_mood(scenario, begun_s),
        )
        answer_s = OFFICE.at_or_after(at_s + 60 + int(scenario.around(300)))
        answer_id = scenario.event_log.record(
            answer_s,
            "message",
            "outbound",
            thread_id=thread_id,
            in_reply_to=message_id,
            length=_length(scenario, CHAT_LENGTH),
        )
        at_s = answer_s + 30 + int(scenario.around(300) * (1 + 3 * scenario.decline("reply_latency", begun_s)))


def ticket(scenario: Scenario, at_s: int) -> None:
    """Play a ticket: the client opens it, we answer."""
    thread_id = scenario.event_log.new_thread()
    ticket_id = scenario.event_log.record(
        at_s,
        "ticket",
        "inbound",
        thread_id=thread_id,
        outcome="opened",
        length=_length(scenario, scenario.client.mail_length, scenario.decline("length", at_s)),
        substantive=True,
    )
    scenario.event_log.record(
        OFFICE.at_or_after(at_s + int(scenario.around(OUR_ANSWER_H) * HOUR_S)),
        "ticket",
        "outbound",
        thread_id=thread_id,
        in_reply_to=ticket_id,
        outcome="resolved",
        length=_length(scenario, OUR_MAIL_LENGTH),
    )


def leave_open(scenario: Scenario, heard_s: int) -> None:
    """Record the question, within the thread, that a client never answers."""
    wait_s = int(scenario.rng.uniform(0.1, 0.6) * scenario.client.mean_gap_days * DAY_S)
    _our_mail(scenario, OFFICE.at_or_after(heard_s + wait_s))


def remind(scenario: Scenario, heard_s: int, until_s: int) -> None:
    """Record our reminders while we hear nothing: we write or call, less and less often, until the client is heard."""
    for gaps in REMINDERS_GAPS:
        wait_s = int(max(gaps * scenario.client.mean_gap_days, REMINDER_DAYS_MIN) * DAY_S)
        at_s = OFFICE.at_or_after(heard_s + wait_s)
        if at_s >= until_s:
            return
        if scenario.course.has_moved(at_s // DAY_S) or scenario.chance(REMINDED_BY_CALL_SHARE):
            scenario.event_log.record(
                at_s, "call", "outbound", outcome="voicemail" if scenario.chance(0.5) else "missed"
            )
        else:
            _our_mail(scenario, at_s)


def newsletters(scenario: Scenario, days: range) -> None:
    """Record the newsletters, which machines send, and the answers of machines to them."""
    first = days.start + int(scenario.rng.integers(NEWSLETTER_DAYS))
    for day in range(first, days.stop, NEWSLETTER_DAYS):
        at_s = OFFICE.at_or_after(OFFICE.instant(day, 0.2))
        newsletter_id = scenario.event_log.record(at_s, "email", "outbound", automated="auto-generated", length=4000)
        _machine_answer(scenario, at_s, newsletter_id, None)


def _our_mail(scenario: Scenario, at_s: int, in_reply_to: str | None = None) -> str:
    length = _length(scenario, OUR_MAIL_LENGTH)
    thread_id = scenario.thread()
    mail_id = scenario.event_log.record(
        at_s, "email", "outbound", thread_id=thread_id, in_reply_to=in_reply_to, length=length
    )
    _machine_answer(scenario, at_s, mail_id, thread_id)
    return mail_id


def _machine_answer(scenario: Scenario, at_s: int, mail_id: str, thread_id: str | None) -> None:
    if scenario.chance(scenario.out_of_office_share):
        scenario.event_log.record(
            at_s + int(scenario.rng.integers(5, 120)),
            "email",
            "inbound",
            thread_id=thread_id,
            in_reply_to=mail_id,
            automated="auto-replied",
            length=180,
        )


def _same_day(scenario: Scenario, begun_s: int, at_s: int) -> bool:
    # What began in the client's hours goes on within them or not at all: it belongs to the same contact.
    return begun_s // DAY_S == at_s // DAY_S and scenario.client.writing_hours.at_or_after(at_s) == at_s


def _length(scenario: Scenario, median: float, decline: float = 0) -> int:
    return 1 + int(scenario.around(median) * (1 - 0.6 * decline))


def _is_substantive(scenario: Scenario, at_s: int) -> bool:
    return scenario.chance(SUBSTANTIVE_SHARE - 0.5 * scenario.decline("substance", at_s))


def _mood(scenario: Scenario, at_s: int) -> float:
    mood = scenario.rng.normal(MOOD - 0.6 * scenario.decline("sentiment", at_s), 0.2)
    return round(min(max(mood, -1.0), 1.0), 2)
