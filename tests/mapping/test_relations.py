"""Calls, meetings, tickets and logged mail: HubSpot, Salesforce, Pipedrive, Zendesk, Aircall, Twilio, Asterisk."""

import pytest

from detector.mapping.text import digest
from tests.mapping.invented import command, event, events, gap, reason


def engagement(contacts=("7",), companies=(), **properties):
    """Return an engagement of HubSpot."""
    associations = {"contacts": {"results": [{"id": one} for one in contacts]}}
    associations["companies"] = {"results": [{"id": one} for one in companies]}
    return {
        "id": "55",
        "archived": False,
        "associations": associations,
        "properties": {f"hs_{k}": v for k, v in properties.items()},
    }


def mail(direction, contacts=("7",), **more):
    """Return a mail of HubSpot."""
    return engagement(contacts, timestamp="2025-05-01T08:00:00Z", email_direction=direction, **more)


def test_hubspot_mail():
    """Who acted is the direction; the outcome is that of our own mails."""
    assert event("hubspot", mail("INCOMING_EMAIL"))["direction"] == "inbound"
    bounced = events("hubspot", mail("EMAIL", ("7", 8, "7"), email_status="BOUNCED", email_thread_id="t"))
    assert [one["client_id"] for one in bounced] == ["7", "8"]
    assert {(one["outcome"], one["thread_id"]) for one in bounced} == {("bounced", "hubspot:t")}
    assert "outcome" not in event("hubspot", mail("EMAIL", email_status="SENT"))
    assert event("hubspot", mail("FORWARDED_EMAIL"))["direction"] == "none"
    assert event("hubspot", mail("INCOMING_EMAIL", email_status="SCHEDULED"))["direction"] == "inbound"
    assert reason("hubspot", mail("EMAIL", email_status="DRAFT")) == "not_yet"
    assert reason("hubspot", {**mail("EMAIL", email_status="DRAFT"), "archived": True}) == "deleted"
    assert reason("hubspot", mail("EMAIL", ())) == "no_client"
    assert event("hubspot", mail("INCOMING_EMAIL", email_subject="Abwesenheitsnotiz: weg"))["automated"] is True
    assert event("hubspot", mail("EMAIL", email_subject="Einladung: Termin"))["substantive"] is False


def test_hubspot_incoming_mail_has_one_sender():
    """Of several contacts only the one whom the firm knows by the address wrote it."""
    known = mail("INCOMING_EMAIL", ("71", "72"), email_from_email="Boss@Ost-Laden.example")
    assert event("hubspot", known)["event_id"] == "hubspot:email:55:72"
    for sender in ("anna@west-laden.example", "who@else.example", None):
        assert reason("hubspot", mail("INCOMING_EMAIL", ("71", "72"), email_from_email=sender)) == "ambiguous_client"
    assert (
        event("hubspot", mail("INCOMING_EMAIL", ("71", 71), email_from_email="who@else.example"))["client_id"] == "71"
    )


def call(status="COMPLETED", **more):
    """Return a call of HubSpot."""
    return engagement(timestamp="1746086400000", call_status=status, **more)


@pytest.mark.parametrize(
    ("record", "outcome"),
    [
        (call(call_disposition="17b47fee-58de-441e-a44c-c6300d46f273"), "missed"),
        (call("FAILED", call_disposition="9D9162E7-6cf3-4944-bf63-4dff82258764"), "busy"),
        (call("BUSY", call_disposition="a-firm-s-own"), "busy"),
        (call("CANCELED"), "missed"),
        (call(None), None),
    ],
)
def test_hubspot_calls(record, outcome):
    """A disposition that HubSpot ships decides, else the status."""
    assert event("hubspot", record).get("outcome") == outcome


def test_hubspot_call_details():
    """Not inbound is outbound; milliseconds; the only company."""
    one = event("hubspot", call(call_duration="61500", companies=(9, "9")))
    assert (one["direction"], one["duration_s"], one["account_id"]) == ("outbound", 61.5, "9")
    assert one["at"] == "2025-05-01T08:00:00+00:00"
    assert "account_id" not in event("hubspot", call(companies=(9, 10)))
    assert "duration_s" not in event("hubspot", call(call_duration="0"))
    assert reason("hubspot", call("FAILED")) == "failed"
    assert reason("hubspot", call("CALLING_CRM_USER", call_disposition="")) == "not_yet"


@pytest.mark.parametrize(
    ("outcome", "direction", "mapped", "seconds"),
    [
        ("COMPLETED", "inbound", "held", 1800),
        ("NO_SHOW", "none", "no_show", None),
        ("CANCELED", "none", "cancelled", None),
        ("RESCHEDULED", "none", "postponed", None),
    ],
)
def test_hubspot_meetings(outcome, direction, mapped, seconds):
    """A meeting that took place is the client's act; else nobody's."""
    times = {"meeting_start_time": "2025-05-01T08:00:00Z", "meeting_end_time": "1746088200000"}
    one = event("hubspot", engagement(**times, meeting_outcome=outcome))
    assert (one["direction"], one["outcome"], one.get("duration_s")) == (direction, mapped, seconds)
    for planned in ("SCHEDULED", "", None):
        assert reason("hubspot", engagement(**times, meeting_outcome=planned)) == "not_yet"


def test_hubspot_webhooks():
    """Merges and erasures are commands; a creation has to be fetched; the rest is no contact."""
    merge = {
        "subscriptionType": "contact.merge",
        "occurredAt": 1746086400000,
        "primaryObjectId": 1,
        "mergedObjectIds": [2, 3],
    }
    assert (command("hubspot", merge)["client_id"], command("hubspot", merge)["from"]) == ("1", ["2", "3"])
    assert command("hubspot", {**merge, "newObjectId": 9})["from"] == ["1", "2", "3"]
    generic = {**merge, "subscriptionType": "object.merge"}
    assert command("hubspot", {**generic, "objectTypeId": "0-1"})["client_id"] == "1"
    assert reason("hubspot", {**generic, "objectTypeId": "0-2"}) == "not_contact"
    erased = {"subscriptionType": "contact.privacyDeletion", "objectId": 5, "occurredAt": 1746086400000}
    assert command("hubspot", erased)["type"] == "ghosting.client.erased.v1"
    assert reason("hubspot", {"subscriptionType": "meeting.creation", "objectId": 5}) == "incomplete"
    assert reason("hubspot", {"subscriptionType": "deal.creation", "objectId": 5}) == "not_contact"


TASK = {"Id": "00T5g0000000001", "WhoId": "0035g00000LMNop", "AccountId": "0015g00000QRStuAAH", "Status": "Completed"}
TASK |= {"TaskSubtype": "Call", "CallType": "", "CompletedDateTime": "2025-05-01T08:00:00.000Z", "IsDeleted": "false"}


def test_salesforce_tasks():
    """Ids are made 18 characters long; an empty type of call is ours."""
    one = event("salesforce", {**TASK, "CallDisposition": "LEFT VOICEMAIL", "CallDurationInSeconds": "90"})
    assert one["event_id"] == "salesforce:00T5g0000000001EAA:0035g00000LMNopAAH"
    assert (one["direction"], one["outcome"], one["duration_s"]) == ("outbound", "voicemail", 90.0)
    later = event("salesforce", {**TASK, "CompletedDateTime": "", "ActivityDate": "2025-05-02"})
    assert later["at"] == "2025-05-02T12:00:00+02:00"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"TaskSubtype": "Task", "IsDeleted": "true"}, "not_contact"),
        ({"IsDeleted": "true", "Status": "Open"}, "deleted"),
        ({"TaskSubtype": "ListEmail"}, "counted_elsewhere"),
        ({"Status": "Open", "CallType": "Internal"}, "not_yet"),
        ({"CallType": "Internal", "WhoId": ""}, "internal"),
        ({"CompletedDateTime": "", "WhoId": ""}, "invalid"),
        ({"WhoId": ""}, "no_client"),
    ],
)
def test_salesforce_task_drops(changes, expected):
    """The reasons come in their order."""
    assert reason("salesforce", {**TASK, **changes}) == expected


MAIL = {"Id": "02s5g000000001A", "FromAddress": "me@sued-werk.example", "ToAddress": "A@b.example; x@sued-werk.example"}
MAIL |= {
    "CcAddress": "c@d.example",
    "BccAddress": "a@b.example",
    "Incoming": "false",
    "Status": "3",
    "IsBounced": "false",
}
MAIL |= {
    "MessageDate": "2025-05-01T08:00:00.000Z",
    "MessageIdentifier": "<m@x.example>",
    "ThreadIdentifier": "<t@x.example>",
}


def test_salesforce_mail():
    """Each foreign recipient once; one mail has one id in all tools."""
    first, second = events("salesforce", MAIL)
    assert [first["client_id"], second["client_id"]] == ["a@b.example", "c@d.example"]
    assert first["event_id"] == "mail:" + digest("m@x.example", "a@b.example")
    assert first["thread_id"] == "mail:" + digest("t@x.example")
    incoming = {**MAIL, "Incoming": "true", "FromAddress": "Anna@west-laden.example", "MessageIdentifier": ""}
    one = event("salesforce", {**incoming, "ThreadIdentifier": ""})
    assert (one["event_id"], one["account_id"], "thread_id" in one) == (
        "salesforce:02s5g000000001AAAQ:K-1",
        "A-1",
        False,
    )
    nobody = {"ToAddress": "x@sued-werk.example", "CcAddress": "", "BccAddress": ""}
    assert reason("salesforce", {**MAIL, **nobody}) == "internal"
    assert reason("salesforce", {**MAIL, "Status": "5"}) == "not_yet"


def captured(kind, entity="Task", ids=("00T5g0000000001EAA",), **fields):
    """Return a change event of Salesforce."""
    header = {"entityName": entity, "recordIds": list(ids), "changeType": kind, "commitTimestamp": 1746086400000}
    return {"schema": "x", "payload": {"ChangeEventHeader": header, **fields}, "event": {"replayId": 1}}


DONE = {name: value for name, value in TASK.items() if name not in ("Id", "IsDeleted")} | {
    "CompletedDateTime": 1746090000000
}


def test_salesforce_changes():
    """A creation counts for each record that it names; a change of a task to completed has to be fetched."""
    two = events("salesforce", captured("CREATE", ids=("00T5g0000000001", "00T5g0000000002EAA"), **DONE))
    assert [one["event_id"].split(":")[1] for one in two] == ["00T5g0000000001EAA", "00T5g0000000002EAA"]
    assert two[0]["at"] == "2025-05-01T09:00:00+00:00"
    assert len(events("salesforce", captured("UNDELETE", **DONE))) == 1
    outgoing = {**MAIL, "Incoming": False, "IsBounced": True, "Status": "3"}
    sent = events("salesforce", captured("CREATE", "EmailMessage", **outgoing))
    assert {one["outcome"] for one in sent} == {"bounced"}
    assert [one["event_id"] for one in sent] == [one["event_id"] for one in events("salesforce", MAIL)]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (captured("UPDATE", Status="Completed"), "incomplete"),
        (captured("UPDATE", Status="Open"), "edit"),
        (captured("UPDATE", "EmailMessage", Status="Completed"), "edit"),
        (captured("DELETE"), "deleted"),
        (captured("CREATE", "Account"), "not_contact"),
        (captured("GAP_UPDATE", "Account"), "not_contact"),
        (captured("CREATE", **{**DONE, "TaskSubtype": "Task"}), "not_contact"),
        (captured("CREATE", **{**DONE, "TaskSubtype": "Email"}), "counted_elsewhere"),
        (captured("CREATE", **{**DONE, "Status": "Open"}), "not_yet"),
        (captured("CREATE", **{**DONE, "CallType": "Internal"}), "internal"),
        (captured("CREATE", **{**DONE, "WhoId": None}), "no_client"),
        (captured("CREATE", "EmailMessage", **{**MAIL, "Status": 5}), "not_yet"),
    ],
)
def test_salesforce_change_drops(record, expected):
    """A feed of changes holds much that is no contact."""
    assert reason("salesforce", record) == expected


def test_salesforce_gaps():
    """A gap names its records, but an overflow names none."""
    one = gap("salesforce", captured("GAP_DELETE", ids=("00T5g0000000001",)))
    assert one == {
        "source": "salesforce",
        "entity": "Task",
        "change": "GAP_DELETE",
        "record_ids": ["00T5g0000000001EAA"],
        "at": "2025-05-01T08:00:00+00:00",
    }
    assert gap("salesforce", captured("GAP_OVERFLOW", "EmailMessage", ("000000000000000AAA",)))["record_ids"] == []


def test_pipedrive():
    """The due time is when it was, the tick comes later; without one, the tick; without both, noon."""
    names = {"type": "Type", "done": "Done", "date": "Due date", "time": "Due time", "ticked": "Marked as done time"}

    def activity(**more):
        cells = {"type": "Call", "done": "Done", "date": "2025-05-01", "time": "", "ticked": "", **more}
        named = {f"Activity - {names[name]}": cell for name, cell in cells.items()}
        return {**named, "Contact person": " P ", "Organization": "", "Activity - Pipedrive System ID": "4"}

    assert event("pipedrive", activity(time="09:30", ticked="2025-05-03 10:00:00"))["at"] == "2025-05-01T09:30:00+02:00"
    assert event("pipedrive", activity(ticked="2025-05-03 10:00:00"))["at"] == "2025-05-03T10:00:00+02:00"
    assert event("pipedrive", activity())["at"] == "2025-05-01T12:00:00+02:00"
    lunch = event("pipedrive", {**activity(type="Lunch"), "Activity - Duration": "01:30"})
    assert (lunch["kind"], lunch["outcome"], lunch["duration_s"], lunch["client_id"]) == ("meeting", "held", 5400, "P")
    assert reason("pipedrive", activity(done="Undone")) == "not_yet"
    assert reason("pipedrive", activity(type="Deadline", done="Undone")) == "not_contact"


def ticket(kind, actor="9", changed=None, **detail):
    """Return a ticket event of Zendesk."""
    full = {
        "id": "1",
        "actor_id": actor,
        "requester_id": 6001,
        "organization_id": None,
        "via": {"channel": "web"},
        **detail,
    }
    return {
        "id": "e",
        "type": f"zen:event-type:{kind}",
        "time": "2025-05-01T08:00:00Z",
        "detail": full,
        "event": changed or {},
    }


def comment(*, staff, public=True, author="6002"):
    """Return a comment of a ticket."""
    return ticket(
        "ticket.comment_added", changed={"comment": {"is_public": public, "author": {"id": author, "is_staff": staff}}}
    )


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (ticket("ticket.created", "6001"), {"direction": "inbound", "outcome": "opened", "client_id": "6001"}),
        (ticket("ticket.created"), {"direction": "outbound", "channel": "web", "thread_id": "zendesk:ticket:1"}),
        (comment(staff=False), {"direction": "inbound", "client_id": "6002"}),
        (comment(staff=True), {"direction": "outbound", "client_id": "6001"}),
        (comment(staff=None), {"direction": "none", "client_id": "6001"}),
        (ticket("ticket.status_changed", 6001, {"current": "SOLVED"}), {"direction": "inbound", "substantive": False}),
        (ticket("ticket.status_changed", -1, {"current": "SOLVED"}), {"direction": "none", "automated": True}),
        (ticket("ticket.status_changed", "9", {"current": "SOLVED"}), {"direction": "outbound", "outcome": "resolved"}),
    ],
)
def test_zendesk(record, expected):
    """Who acted is the requester, the author of a comment, an agent or a machine."""
    assert expected.items() <= event("zendesk", record).items()


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (comment(staff=False, public=False), "internal"),
        (ticket("ticket.status_changed", "6001", {"current": "OPEN", "previous": "SOLVED"}), "counted_elsewhere"),
        (ticket("ticket.status_changed", "6001", {"current": "PENDING", "previous": "OPEN"}), "not_contact"),
        (ticket("ticket.comment_made_public"), "edit"),
        (ticket("ticket.comment_redacted"), "edit"),
        (ticket("ticket.merged"), "not_contact"),
    ],
)
def test_zendesk_drops(record, expected):
    """The rest of a ticket's life is no contact."""
    assert reason("zendesk", record) == expected


def aircall(kind="call.ended", **data):
    """Return a webhook of Aircall."""
    usual = {"id": 5, "direction": "inbound", "started_at": 1746086400, "answered_at": None, "ended_at": 1746086500}
    return {"event": kind, "data": {**usual, "raw_digits": "+43 1 5550199", "duration": 100, "voicemail": None, **data}}


def test_aircall():
    """Only the conversation has a duration; the other side is a number of the firm's list."""
    one = event("aircall", aircall(answered_at=1746086440))
    assert (one["client_id"], one["outcome"], one["duration_s"]) == ("K-2", "answered", 60.0)
    missed = event("aircall", aircall(direction="outbound"))
    assert (missed["outcome"], missed["direction"], "duration_s" in missed) == ("missed", "outbound", False)
    assert event("aircall", aircall(voicemail="https://x.example/v"))["outcome"] == "voicemail"
    assert reason("aircall", aircall("call.transferred")) == "counted_elsewhere"
    assert reason("aircall", aircall("user.created")) == "not_contact"
    assert reason("aircall", aircall(raw_digits="01 5550100")) == "internal"
    assert reason("aircall", aircall(raw_digits="Anonymous")) == "no_client"


def twilio(status="completed", **more):
    """Return a status callback of Twilio."""
    usual = {
        "CallSid": "CA1",
        "CallStatus": status,
        "Direction": "outbound-api",
        "From": "+4315550100",
        "CallDuration": "30",
    }
    return {**usual, "To": "+4315550199", "Timestamp": "Thu, 01 May 2025 08:00:00 +0000", **more}


@pytest.mark.parametrize(
    ("record", "outcome"),
    [
        (twilio(), "answered"),
        (twilio(AnsweredBy="machine_start"), "voicemail"),
        (twilio(AnsweredBy="fax"), "voicemail"),
        (twilio(AnsweredBy="human"), "answered"),
        (twilio("no-answer"), "missed"),
        (twilio("canceled", AnsweredBy="machine_start"), "missed"),
        (twilio("busy"), "busy"),
    ],
)
def test_twilio(record, outcome):
    """The last status of a call is its outcome."""
    one = event("twilio", record)
    assert (one["outcome"], one["client_id"], one["direction"]) == (outcome, "K-2", "outbound")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (twilio("ringing"), "counted_elsewhere"),
        (twilio("failed"), "failed"),
        (twilio(To="client:anna"), "internal"),
        (twilio(To="SIP:anna@sued-werk.example"), "internal"),
        (twilio(To="+4315550100"), "internal"),
        (twilio(Direction="inbound", From="Restricted"), "no_client"),
        (twilio(Timestamp=""), "invalid"),
    ],
)
def test_twilio_drops(record, expected):
    """Legs between ourselves and calls that did not reach a line do not count."""
    assert reason("twilio", record) == expected


def asterisk(**more):
    """Return a call record of Asterisk."""
    usual = {"src": "015550199", "dst": "s", "dcontext": "from-pstn", "lastapp": "Dial", "start": "2025-10-26 02:30:00"}
    usual |= {
        "channel": "PJSIP/1",
        "billsec": "20",
        "disposition": "ANSWERED",
        "uniqueid": "pbx-1761442200.9",
        "userfield": "",
    }
    return {**usual, **more}


def test_asterisk():
    """The seconds in the unique id are UTC; without it, the start is local and the first of two."""
    one = event("asterisk", asterisk())
    assert (one["event_id"], one["client_id"], one["direction"]) == ("asterisk:pbx-1761442200.9", "K-2", "inbound")
    assert one["at"] == "2025-10-26T01:30:00+00:00"
    bare = {name: value for name, value in asterisk().items() if name not in ("uniqueid", "userfield")}
    without_id = event("asterisk", bare)
    assert without_id["event_id"] == "asterisk:2025-10-26 02:30:00:PJSIP/1"
    assert without_id["at"] == "2025-10-26T02:30:00+02:00"
    only_userfield = event("asterisk", {**bare, "uniqueid": "a note"})
    assert only_userfield["event_id"] == without_id["event_id"]
    out = event("asterisk", asterisk(dcontext="internal", src="101", dst="0043 1 5550123", disposition="NO ANSWER"))
    assert (out["client_id"], out["outcome"], out["direction"]) == ("+4315550123", "missed", "outbound")
    assert event("asterisk", asterisk(lastapp="VoiceMail"))["outcome"] == "voicemail"
    assert event("asterisk", asterisk(lastapp="VoiceMail", disposition="NO ANSWER"))["outcome"] == "missed"
    assert reason("asterisk", asterisk(dcontext="internal", dst="102")) == "internal"
    assert reason("asterisk", asterisk(disposition="CONGESTION")) == "failed"
    assert reason("asterisk", asterisk(src="anonymous")) == "no_client"
