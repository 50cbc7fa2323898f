"""Mail and invitations: mbox, maildir, Exchange and iCalendar."""

import io

import pytest

from detector.mapping import calendars, mailboxes
from detector.mapping.text import digest
from tests.mapping.invented import event, events, reason, result

HEAD = {"From": "Anna <Anna@West-Laden.example>", "To": "me@sued-werk.example", "Message-ID": "<m1@west-laden.example>"}
HEAD |= {"Date": "Thu, 1 May 2025 10:00:00 +0200", "Subject": "Question"}
OURS = {"From": "me@sued-werk.example", "To": "x@y.example, me@sued-werk.example"}


def message(body="", **changes):
    """Return a message as its reader gives it; an underscore in a name is a hyphen."""
    headers = {**HEAD, **{name.replace("_", "-"): value for name, value in changes.items()}}
    text = "".join(f"{name}: {value}\n" for name, value in headers.items() if value is not None)
    return mailboxes.from_lines(io.BytesIO(f"{text}\n{body}".encode()))


def test_a_mail_from_a_client():
    """It is inbound, when our server got it, by the id that it has in all tools."""
    received = "from a by b; Thu, 1 May 2025 10:00:05 +0200"
    one = event("mbox", message(Received=received, Date="Thu, 1 May 2031 10:00:00 +0200"))
    assert one == {
        "event_id": "mail:" + digest("m1@west-laden.example", "K-1"),
        "client_id": "K-1",
        "account_id": "A-1",
        "kind": "email",
        "at": "2025-05-01T10:00:05+02:00",
        "direction": "inbound",
        "thread_id": "mail:" + digest("m1@west-laden.example"),
    }
    tracked = {"date-time": "2025-05-01T08:00:05Z", "event-id": "DELIVER", "message-id": "<m1@west-laden.example>"}
    tracked |= {"sender-address": "anna@west-laden.example", "recipient-address": "me@sued-werk.example"}
    assert event("exchange", tracked)["event_id"] == one["event_id"]


def test_a_mail_of_ours_goes_to_each_foreign_address_once():
    """To, Cc and Bcc count; our colleagues do not."""
    ours = message(**{**OURS, "Cc": '"Laden, West" <anna@west-laden.example>', "Bcc": "X@y.example"})
    assert [one["client_id"] for one in events("mbox", ours)] == ["x@y.example", "K-1"]
    assert {one["direction"] for one in events("mbox", ours)} == {"outbound"}
    assert reason("mbox", message(**{**OURS, "To": "you@sued-werk.example"})) == "internal"
    assert reason("mbox", message(**{**OURS, "To": "undisclosed-recipients:;"})) == "internal"


def test_threads():
    """The first reference begins a thread, else what is answered, else the mail itself."""
    one = event("mbox", message(References="<r1@a> <r2@a>", In_Reply_To="<r2@a>"))
    assert (one["thread_id"], one["in_reply_to"]) == ("mail:" + digest("r1@a"), "mail:" + digest("r2@a", "K-1"))
    assert event("mbox", message(In_Reply_To="Your mail <r2@a> of today"))["thread_id"] == "mail:" + digest("r2@a")
    lost = event("mbox", message(Message_ID=None, References="<r1@a>"))
    assert lost["event_id"] == "mail:" + digest("anna@west-laden.example", "2025-05-01T08:00:00Z", "K-1")
    assert "thread_id" not in lost


@pytest.mark.parametrize(
    ("changes", "automated"),
    [
        ({"Auto_Submitted": "auto-generated; x=y"}, True),
        ({"Auto_Submitted": "No"}, False),
        ({"Auto_Submitted": "no", "Subject": "Automatic reply: away"}, True),
        ({"X_Autoreply": "yes"}, True),
        ({"X_Autorespond": "x"}, True),
        ({"Precedence": "auto_reply"}, True),
        ({"X_Auto_Response_Suppress": "All"}, False),
        ({"Subject": "=?utf-8?q?R=C3=A9ponse_automatique?= : absente"}, True),
        ({"From": "No-Reply@west-laden.example"}, True),
        ({**OURS, "List_Unsubscribe": "<https://x.example>"}, True),
        ({**OURS, "Precedence": "bulk"}, True),
        ({"List_Unsubscribe": "<https://x.example>"}, False),
    ],
)
def test_machines_are_known_by_their_headers(changes, automated):
    """RFC 3834 first, then what mail programs write, then subject and sender."""
    assert event("mbox", message(**changes)).get("automated", False) is automated


def test_lists():
    """A foreign list is no client; a group of our own is a mailbox that several share."""
    assert reason("mbox", message(List_Id="News <news.west-laden.example>")) == "list"
    assert reason("mbox", message(Precedence="Junk")) == "list"
    assert event("mbox", message(List_Id="<team.sued-werk.example>", Precedence="list"))["direction"] == "inbound"
    assert reason("mbox", message(List_Id="<team.other-sued-werk.example>")) == "list"


def report(action="failed", recipient="x@y.example"):
    """Return a delivery report."""
    status = f"Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822; {recipient}\nAction: {action}\n"
    parts = (
        f"--b\n\ntext\n--b\nContent-Type: message/delivery-status\n\n{status}\n--b\nContent-Type: message/rfc822\n\n"
    )
    kind = 'multipart/report; report-type="delivery-status"; boundary=b'
    body = f"{parts}Message-ID: <sent@sued-werk.example>\nFrom: me\n\nhello\n--b--\n"
    return message(body, From="MAILER-DAEMON@sued-werk.example", Content_Type=kind, Precedence="bulk")


def test_delivery_reports():
    """Neither side acted; the report belongs to the mail that it returns."""
    one = event("mbox", report(recipient="<X@Y.example>"))
    assert (one["direction"], one["outcome"], one["automated"]) == ("none", "bounced", True)
    assert (one["client_id"], one["thread_id"]) == ("x@y.example", "mail:" + digest("sent@sued-werk.example"))
    assert one["in_reply_to"] == "mail:" + digest("sent@sued-werk.example", "x@y.example")
    assert reason("mbox", report("delayed")) == "not_contact"
    assert reason("mbox", report(recipient="you@sued-werk.example")) == "internal"


def test_bad_mail_is_no_error():
    """A mail without a sender or a time has a reason; a header without end is bounded."""
    assert reason("mbox", message(From=None)) == "no_client"
    assert reason("mbox", message(Date="soon")) == "invalid"
    assert reason("mbox", message(Subject="x" * 3_000_000, To="y" * 3_000_000)) == "invalid"
    assert result("mbox", mailboxes.from_lines(io.BytesIO(b"\xff\xfe\n\n")))


def test_messages_of_an_mbox():
    """A separator stands behind a blank line and has a time; other lines that begin with From are text."""
    text = b"From a@b Thu May  1 10:00:00 2025\r\nFrom: a@b.example\r\n\r\nFrom here on\r\n\r\nFrom the text\r\n\r\n"
    found = list(mailboxes.from_mbox(io.BytesIO(text + b"From c@d Thu May  1 10:00:00 2025\nFrom: c@d.example\n\nx\n")))
    assert [record.line for record in found] == [1, 8]
    assert found[1].value["mail"]["from"] == ["c@d.example"]


def test_exchange():
    """Deliveries of foreign senders and sent mails count, other hops do not."""

    def line(kind, sender, recipient="me@sued-werk.example", subject="Hi"):
        row = {"date-time": "2025-05-01T08:00:00Z", "event-id": kind, "message-id": "<m@x>", "message-subject": subject}
        return {**row, "sender-address": sender, "recipient-address": recipient}

    sent = events("exchange", line("SEND", "me@sued-werk.example", "a@b.example;me@sued-werk.example;c@d.example"))
    assert [one["client_id"] for one in sent] == ["a@b.example", "c@d.example"]
    assert event("exchange", line("FAIL", "me@sued-werk.example", "a@b.example"))["outcome"] == "failed"
    assert (
        event("exchange", line("DELIVER", "postmaster@b.example", subject="Declined: x")).items()
        >= {
            "automated": True,
            "substantive": False,
        }.items()
    )
    assert reason("exchange", line("DELIVER", "<>")) == "not_contact"
    assert reason("exchange", line("DELIVER", "")) == "not_contact"
    assert reason("exchange", line("DELIVER", "me@sued-werk.example")) == "internal"
    assert reason("exchange", line("SEND", "a@b.example")) == "counted_elsewhere"
    assert reason("exchange", line("RECEIVE", "a@b.example")) == "counted_elsewhere"
    assert reason("exchange", {**line("DELIVER", "a@b.example"), "message-id": ""}) == "invalid"


def calendar(method, organizer, *attendees, **more):
    """Return the one event of a calendar."""
    extra = [f"{name.replace('_', '-')}:{value}" for name, value in more.items()]
    lines = [
        "BEGIN:VCALENDAR",
        *([f"METHOD:{method}"] if method else []),
        "BEGIN:VEVENT",
        "UID:u",
        "DTSTAMP:20250501T080000Z",
    ]
    lines += [f"ORGANIZER:mailto:{organizer}"] if organizer else []
    lines += [f'ATTENDEE;CN="a;b:c";PARTSTAT={state}:MAILTO:{one}' for one, state in attendees]
    text = "\r\n".join([*lines, *extra, "BEGIN:VALARM", "UID:other", "END:VALARM", "END:VEVENT", "END:VCALENDAR", ""])
    (record,) = calendars.from_ics(io.BytesIO(text.encode()))
    return record.value


US, ANNA, OTHER = "me@sued-werk.example", "Anna@west-laden.example", "o@p.example"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (calendar("REQUEST", US, (ANNA, "NEEDS-ACTION"), (US, "ACCEPTED")), ["outbound", None]),
        (calendar("REQUEST", ANNA, (US, "NEEDS-ACTION"), (OTHER, "ACCEPTED")), ["inbound", None]),
        (calendar("ADD", ANNA, (US, "NEEDS-ACTION")), ["inbound", None]),
        (calendar("reply", US, (ANNA, "accepted")), ["inbound", "accepted"]),
        (calendar("REPLY", US, (ANNA, "DECLINED")), ["inbound", "declined"]),
        (calendar("REPLY", US, (ANNA, "TENTATIVE")), ["inbound", None]),
        (calendar("REPLY", ANNA, (US, "ACCEPTED")), ["outbound", "accepted"]),
        (calendar("REPLY", ANNA, (US, "DECLINED")), ["outbound", None]),
        (calendar("COUNTER", US, (ANNA, "TENTATIVE")), ["inbound", "postponed"]),
        (calendar("CANCEL", ANNA, (US, "ACCEPTED")), ["inbound", "cancelled"]),
        (calendar("CANCEL", US, (ANNA, "ACCEPTED")), ["outbound", "cancelled"]),
        (calendar("CANCEL", None, (ANNA, "ACCEPTED")), ["outbound", "cancelled"]),
    ],
)
def test_invitations(record, expected):
    """Who says it is the organizer or the one attendee; a decline of ours has no outcome."""
    one = event("icalendar", record)
    assert [one["direction"], one.get("outcome")] == expected
    assert (one["client_id"], one["at"]) == ("K-1", "2025-05-01T08:00:00+00:00")


def test_invitation_ids():
    """The id holds what was said, about which of a series, as it is written."""
    one = event("icalendar", calendar("REPLY", US, (ANNA, "ACCEPTED"), RECURRENCE_ID="20250502T080000"))
    assert one["event_id"] == "ical:" + digest("u", "20250502T080000", "REPLY:ACCEPTED", "20250501T080000Z", "K-1")
    assert one["thread_id"] == "ical:" + digest("u")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (calendar("PUBLISH", US, (ANNA, "ACCEPTED")), "not_yet"),
        (calendar(None, US, (ANNA, "ACCEPTED")), "not_yet"),
        (calendar("REFRESH", US, (ANNA, "ACCEPTED")), "not_contact"),
        (calendar("DECLINECOUNTER", US, (ANNA, "ACCEPTED")), "not_contact"),
        (calendar("REQUEST", US, (US, "ACCEPTED")), "internal"),
        (calendar("REPLY", US, (ANNA, "ACCEPTED"), (OTHER, "ACCEPTED")), "ambiguous_client"),
    ],
)
def test_calendars_without_an_answer(record, expected):
    """A calendar that is exported does not say what took place."""
    assert reason("icalendar", record) == expected
