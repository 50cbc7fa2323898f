"""Mail that a machine has written, as its subject and its sender show it where there are no headers."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from detector.mapping.firm import address
from detector.mapping.text import text_of

SUBJECT_CHARACTERS: Final = 200  # the patterns look at the beginning only
REPLY: Final = re.compile(
    r"^(automatic reply|auto[- ]?reply|out of (the )?office|abwesenheitsnotiz|automatische antwort"
    r"|respuesta automática|réponse automatique)\b",
    re.IGNORECASE,
)
CALENDAR: Final = re.compile(
    r"^(accepted|declined|tentative|tentatively accepted|cancell?ed|invitation|updated invitation"
    r"|zugesagt|abgesagt|einladung):",
    re.IGNORECASE,
)
SENDER: Final = re.compile(r"^(no-?reply|do-?not-?reply|mailer-daemon|postmaster|notifications?)$", re.IGNORECASE)


def _subject(value: object) -> str:
    return text_of(value[: 2 * SUBJECT_CHARACTERS] if isinstance(value, str) else None) or ""


def is_reply(subject: object) -> bool:
    """Check whether a subject is that of an automatic reply."""
    return REPLY.match(_subject(subject)) is not None


def is_calendar(subject: object) -> bool:
    """Check whether a subject is that of a calendar notice: a sign of life, but no question and no answer."""
    return CALENDAR.match(_subject(subject)) is not None


def is_sender(sender: object) -> bool:
    """Check whether an address is one that no person writes from."""
    found = address(sender)
    return found is not None and SENDER.match(found.rpartition("@")[0]) is not None


TESTS: Final[Mapping[str, Callable[[object], bool]]] = {
    "reply": is_reply,
    "calendar": is_calendar,
    "sender": is_sender,
}
