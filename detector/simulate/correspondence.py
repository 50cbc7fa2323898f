"""What is written: e-mails, chat messages and tickets, with our answers, our reminders and what machines send.

A client that declines answers later, shorter, less to the point and in a worse mood.
"""

from detector.simulate.hours import DAY_S, HOUR_S, OFFICE
from detector.simulate.story import Story

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


def email(story: Story, at_s: int) -> None:
    """Tell of a contact by e-mail: perhaps our question, the client's mail, perhaps our answer and thanks for it."""
    client, decline = story.client, story.course.decline(at_s // DAY_S)
    story.thread_id = story.diary.new_thread()
    question_id = None
    if story.chance(REPLY_SHARE):
        latency_h = story.around(client.reply_latency_h) * (1 + 3 * decline)
        asked_s = OFFICE.at_or_before(at_s - int(latency_h * HOUR_S))
        # A question from before the last contact would have been answered then.
        if story.heard_s is None or asked_s > story.heard_s:
            question_id = _our_mail(story, asked_s)
    mail_id = story.diary.write(
        at_s,
        "email",
        "inbound",
        thread_id=story.thread_id,
        in_reply_to=question_id,
        length=_length(story, client.mail_length, decline),
        substantive=story.chance(SUBSTANTIVE_SHARE - 0.5 * decline),
        sentiment=_mood(story, decline),
    )
    if not story.chance(ANSWERED_SHARE):
        return
    answer_s = OFFICE.at_or_after(at_s + int(story.around(OUR_ANSWER_H) * HOUR_S))
    answer_id = _our_mail(story, answer_s, in_reply_to=mail_id)
    thanks_s = answer_s + int(story.around(0.5) * HOUR_S)
    if story.chance(THANKED_SHARE) and _same_day(story, at_s, thanks_s):
        story.diary.write(
            thanks_s,
            "email",
            "inbound",
            thread_id=story.thread_id,
            in_reply_to=answer_id,
            length=_length(story, CHAT_LENGTH, decline),
            substantive=False,
        )


def message(story: Story, at_s: int) -> None:
    """Tell of a chat: the client begins, and both write by turns for as long as the client's hours last."""
    begun_s, decline = at_s, story.course.decline(at_s // DAY_S)
    thread_id, answer_id = story.diary.new_thread(), None
    for _ in range(1 + int(story.rng.integers(CHAT_TURNS_MAX))):
        if not _same_day(story, begun_s, at_s):
            return
        message_id = story.diary.write(
            at_s,
            "message",
            "inbound",
            thread_id=thread_id,
            in_reply_to=answer_id,
            length=_length(story, CHAT_LENGTH, decline),
            substantive=story.chance(SUBSTANTIVE_SHARE - 0.5 * decline),
            sentiment=_mood(story, decline),
        )
        answer_s = OFFICE.at_or_after(at_s + 60 + int(story.around(300)))
        answer_id = story.diary.write(
            answer_s,
            "message",
            "outbound",
            thread_id=thread_id,
            in_reply_to=message_id,
            length=_length(story, CHAT_LENGTH),
        )
        at_s = answer_s + 30 + int(story.around(300) * (1 + 3 * decline))


def ticket(story: Story, at_s: int) -> None:
    """Tell of a ticket: the client opens it, we answer."""
    thread_id = story.diary.new_thread()
    ticket_id = story.diary.write(
        at_s,
        "ticket",
        "inbound",
        thread_id=thread_id,
        outcome="opened",
        length=_length(story, story.client.mail_length, story.course.decline(at_s // DAY_S)),
        substantive=True,
    )
    story.diary.write(
        OFFICE.at_or_after(at_s + int(story.around(OUR_ANSWER_H) * HOUR_S)),
        "ticket",
        "outbound",
        thread_id=thread_id,
        in_reply_to=ticket_id,
        outcome="resolved",
        length=_length(story, OUR_MAIL_LENGTH),
    )


def leave_open(story: Story, heard_s: int) -> None:
    """Tell of the question, within the thread, that a client never answers."""
    wait_s = int(story.rng.uniform(0.1, 0.6) * story.client.mean_gap_days * DAY_S)
    _our_mail(story, OFFICE.at_or_after(heard_s + wait_s))


def remind(story: Story, heard_s: int, until_s: int) -> None:
    """Tell of what we do while we hear nothing: write or call, less and less often, until the client is heard."""
    for gaps in REMINDERS_GAPS:
        wait_s = int(max(gaps * story.client.mean_gap_days, REMINDER_DAYS_MIN) * DAY_S)
        at_s = OFFICE.at_or_after(heard_s + wait_s)
        if at_s >= until_s:
            return
        if story.course.has_moved(at_s // DAY_S) or story.chance(REMINDED_BY_CALL_SHARE):
            story.diary.write(at_s, "call", "outbound", outcome="voicemail" if story.chance(0.5) else "missed")
        else:
            _our_mail(story, at_s)


def newsletters(story: Story, days: range) -> None:
    """Tell of the newsletter, which machines send, and of the machines that answer it."""
    first = days.start + int(story.rng.integers(NEWSLETTER_DAYS))
    for day in range(first, days.stop, NEWSLETTER_DAYS):
        at_s = OFFICE.at_or_after(OFFICE.instant(day, 0.2))
        newsletter_id = story.diary.write(at_s, "email", "outbound", automated="auto-generated", length=4000)
        _machine_answer(story, at_s, newsletter_id, None)


def _our_mail(story: Story, at_s: int, in_reply_to: str | None = None) -> str:
    length = _length(story, OUR_MAIL_LENGTH)
    thread_id = story.thread()
    mail_id = story.diary.write(at_s, "email", "outbound", thread_id=thread_id, in_reply_to=in_reply_to, length=length)
    _machine_answer(story, at_s, mail_id, thread_id)
    return mail_id


def _machine_answer(story: Story, at_s: int, mail_id: str, thread_id: str | None) -> None:
    if story.chance(story.out_of_office_share):
        story.diary.write(
            at_s + int(story.rng.integers(5, 120)),
            "email",
            "inbound",
            thread_id=thread_id,
            in_reply_to=mail_id,
            automated="auto-replied",
            length=180,
        )


def _same_day(story: Story, begun_s: int, at_s: int) -> bool:
    # What began in the client's hours goes on within them or not at all: it belongs to the same contact.
    return begun_s // DAY_S == at_s // DAY_S and story.client.writing_hours.at_or_after(at_s) == at_s


def _length(story: Story, median: float, decline: float = 0) -> int:
    return 1 + int(story.around(median) * (1 - 0.6 * decline))


def _mood(story: Story, decline: float) -> float:
    mood = story.rng.normal(MOOD - 0.6 * decline, 0.2)
    return round(min(max(mood, -1.0), 1.0), 2)
