"""Messages of an mbox, a maildir or a single file: their headers, and of a delivery report what it reports.

The text of a mail is never kept. Of a body only that of a `multipart/report` is parsed, for the recipients it names.
"""

import email.policy
import re
from collections.abc import Iterable, Iterator
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser, Parser
from pathlib import Path
from typing import IO, Any, Final

from detector.mapping.outcome import Dropped
from detector.mapping.records import LINE_BYTES_MAX, Record

HEADER_BYTES_MAX: Final = 1024 * 1024
BODY_BYTES_MAX: Final = 1024 * 1024  # of a report, whose parts that count are small
# A line of the body can begin with "From " too; one that separates has a time and a year.
SEPARATOR: Final = re.compile(rb"From \S.*\d{1,2}:\d\d.*\d{4}\s*$")
REPORT: Final = re.compile(rb"multipart/report", re.IGNORECASE)
BLANK: Final = (b"\n", b"\r\n")
TOO_LONG: Final = Dropped("invalid", f"a header of more than {HEADER_BYTES_MAX} bytes")

# Folded lines are joined by hand; the newer policies fail on headers that mail programs do write.
_PARSER: Final = BytesParser(policy=email.policy.compat32)


class Mail(dict[str, Any]):
    """Headers and report of a message; a type of its own, because no record of another tool may pass for one."""


def from_mbox(file: IO[bytes]) -> Iterator[Record]:
    """Read the messages of an mbox."""
    numbered = enumerate(_limited(file), 1)
    begins, lines = 0, _Message()
    blank = True
    for number, line in numbered:
        if blank and line.startswith(b"From ") and SEPARATOR.match(line):
            if begins:
                yield Record(begins, lines.parsed())
            begins, lines = number, _Message()
        else:
            lines.add(line)
        blank = line in BLANK
    if begins:
        yield Record(begins, lines.parsed())


def _limited(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(LINE_BYTES_MAX):
        yield line


def from_maildir(folder: Path) -> Iterator[Record]:
    """Read the messages below a folder: of maildirs those in `cur` and `new`, else files that end with `.eml`."""
    files = [path for path in folder.rglob("*") if path.parent.name in ("cur", "new") and path.is_file()]
    for path in sorted(files or folder.rglob("*.eml")):
        with path.open("rb") as file:
            yield Record(1, from_lines(_limited(file)))


def from_lines(lines: Iterable[bytes]) -> Mail | Dropped:
    """Read one message."""
    message = _Message()
    for line in lines:
        message.add(line)
    return message.parsed()


class _Message:
    """The lines of a message that are needed: its headers, and the body of a report."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._bytes = 0
        self._in_body = self._wants_body = self._too_long = False

    def add(self, line: bytes) -> None:
        if self._in_body:
            if self._wants_body and self._bytes < BODY_BYTES_MAX:
                self._keep(line)
            return
        self._in_body = line in BLANK
        if self._bytes > HEADER_BYTES_MAX:
            self._too_long = True
            return
        self._keep(line)
        if self._in_body:
            self._wants_body = any(REPORT.search(one) for one in self._lines)
            self._bytes = 0

    def _keep(self, line: bytes) -> None:
        self._lines.append(line)
        self._bytes += len(line)

    def parsed(self) -> Mail | Dropped:
        """Return the headers by their names in lower case, and the report."""
        if self._too_long:
            return TOO_LONG
        message = _PARSER.parsebytes(b"".join(self._lines), headersonly=not self._wants_body)
        headers: dict[str, list[str]] = {}
        for name, value in message.raw_items():
            headers.setdefault(name.lower(), []).append(unfolded(str(value)))
        return Mail(mail=headers, report=_report(message) if _is_report(message) else None)


def unfolded(value: str) -> str:
    """Return a header on one line; bytes that are not ASCII are read as UTF-8, else as Latin-1."""
    raw = value.encode("utf-8", "surrogateescape")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return " ".join(text.split())


def readable(value: str) -> str:
    """Return a header with its encoded words decoded, or as it stands if that fails."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError):
        return value


def _is_report(message: Message) -> bool:
    kind = message.get_param("report-type")
    return message.get_content_type() == "multipart/report" and str(kind).lower() == "delivery-status"


def _report(message: Message) -> dict[str, Any]:
    """Return whom a delivery report is about: the recipients by their action, and the id of the message returned."""
    recipients: list[dict[str, str]] = []
    returned = ""
    for part in message.walk():
        kind = part.get_content_type()
        payload = part.get_payload()
        if kind == "message/delivery-status" and isinstance(payload, list):
            for block in payload:
                if isinstance(block, Message) and block["Final-Recipient"]:
                    recipient = unfolded(str(block["Final-Recipient"])).partition(";")[2].strip()
                    action = unfolded(str(block["Action"] or "")).partition(" ")[0].lower()
                    recipients.append({"address": recipient, "action": action})
        elif kind == "text/rfc822-headers":
            returned = returned or str(Parser().parsestr(str(payload), headersonly=True)["Message-ID"] or "")
        elif kind == "message/rfc822" and isinstance(payload, list) and payload and isinstance(payload[0], Message):
            returned = returned or str(payload[0]["Message-ID"] or "")
    return {"recipients": recipients, "returned": unfolded(returned)}
