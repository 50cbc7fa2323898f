"""Mail by its headers (RFC 5322, 3834, 2919, 3464): who wrote to whom, when, and in which thread."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import getaddresses
from typing import Any, Final

from detector.mapping import machine, times
from detector.mapping.firm import Firm, address
from detector.mapping.mailboxes import Mail, readable
from detector.mapping.mapper import Reshape

ANGLED: Final = re.compile(r"<([^<>]+)>")
WORD: Final = re.compile(r"[a-z_-]+")
BULK: Final = frozenset({"bulk", "list", "junk"})
RECIPIENTS: Final = ("to", "cc", "bcc")
RECIPIENTS_MAX: Final = 2000

Headers = Mapping[str, list[str]]


def reshape(firm: Firm) -> Reshape:
    """Return the reader."""

    def reshaped(record: Any) -> Any:  # noqa: ANN401 (JSON)
        if not isinstance(record, Mail):
            return record if not isinstance(record, dict) else {}
        headers: Headers = record["mail"]
        report = record.get("report")
        sender = next(iter(_addresses(headers, "from")), None)
        own = report is None and sender is not None and firm.is_own_address(sender)
        at = _time(headers, firm, inbound=not own)
        flat = {
            "mail": True,
            "message_id": message_id(_first(headers, "message-id")),
            "sender": sender,
            "own": own,
            "recipients": [one for name in RECIPIENTS for one in _addresses(headers, name)][:RECIPIENTS_MAX],
            "at": at,
            "at_utc": _in_utc(at),
            "reply_to": message_id(_first(headers, "in-reply-to")),
            "automated": _is_automated(headers, sender, own=own),
            "calendar": machine.is_calendar(readable(_first(headers, "subject"))),
            "list": not own and report is None and _is_list(headers, firm),
            "report": report is not None,
        }
        flat["root"] = message_id(_first(headers, "references")) or flat["reply_to"] or flat["message_id"]
        return _of_report(flat, report) if report is not None else flat

    return reshaped


def _of_report(flat: dict[str, Any], report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a delivery report: about the recipients that the mail did not reach, in the thread of that mail."""
    returned = message_id(report["returned"])
    failed = [one["address"] for one in report["recipients"] if one["action"] == "failed"]
    return {**flat, "recipients": failed[:RECIPIENTS_MAX], "reply_to": returned, "root": returned}


def _first(headers: Headers, name: str) -> str:
    return next(iter(headers.get(name, ())), "")


def _addresses(headers: Headers, name: str) -> list[str]:
    found = getaddresses(headers.get(name, []))
    return list(dict.fromkeys(one for one in (address(pair[1]) for pair in found) if one))


def message_id(text: str) -> str | None:
    """Return the first id of a header, without its angles.

    Examples
    --------
    >>> message_id("<a1@x.example> <a2@x.example>"), message_id("a1@x.example"), message_id("")
    ('a1@x.example', 'a1@x.example', None)

    """
    found = ANGLED.search(text)
    if found:
        return found[1].strip() or None
    return text.split(maxsplit=1)[0] if text.strip() else None


def _time(headers: Headers, firm: Firm, *, inbound: bool) -> str | None:
    """Return when a mail arrived at our own server; the `Date` of a foreign computer may be years off."""
    if inbound:
        arrived = times.rfc2822(_first(headers, "received").rpartition(";")[2], firm.zone)
        if arrived is not None:
            return arrived
    return times.rfc2822(_first(headers, "date"), firm.zone)


def _in_utc(at: str | None) -> str | None:
    return datetime.fromisoformat(at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def _word(headers: Headers, name: str) -> str:
    found = WORD.match(_first(headers, name).strip().lower())
    return found[0] if found else ""


def _is_automated(headers: Headers, sender: str | None, *, own: bool) -> bool:
    if "auto-submitted" in headers and _word(headers, "auto-submitted") not in ("no", ""):
        return True
    if "x-autoreply" in headers or "x-autorespond" in headers or _word(headers, "precedence") == "auto_reply":
        return True
    if own and ("list-unsubscribe" in headers or _word(headers, "precedence") in BULK):
        return True
    return machine.is_reply(readable(_first(headers, "subject"))) or machine.is_sender(sender)


def _is_list(headers: Headers, firm: Firm) -> bool:
    """Check whether a foreign list sent it; a group of our own is a mailbox that several share."""
    if "list-id" not in headers:
        return _word(headers, "precedence") in BULK
    name = (message_id(_first(headers, "list-id")) or "").lower()
    return not any(name == domain or name.endswith((f".{domain}", f"@{domain}")) for domain in firm.own_domains)
