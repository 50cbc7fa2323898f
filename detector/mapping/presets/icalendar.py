"""Invitations and their answers (RFC 5546): who says what to whom by the method of a calendar."""

from typing import Any, Final

from detector.mapping.calendars import Event
from detector.mapping.firm import Firm, address
from detector.mapping.mapper import Reshape

ATTENDEES_MAX: Final = 2000
OUTCOMES: Final = {"ACCEPTED": "accepted", "DECLINED": "declined"}
NO_METHOD: Final = "none"
INVITES: Final = frozenset({"REQUEST", "ADD"})
ANSWERS: Final = frozenset({"REPLY", "COUNTER"})


def reshape(firm: Firm) -> Reshape:
    """Return the reader."""

    def reshaped(record: Any) -> Any:  # noqa: ANN401 (JSON)
        if not isinstance(record, Event):
            return record if not isinstance(record, dict) else {}
        event, method = record["vevent"], record.get("method") or ""
        organizer = next((one["value"] for one in event.get("ORGANIZER", ())), None)
        attendees = event.get("ATTENDEE", [])[:ATTENDEES_MAX]
        flat = {
            "vevent": True,
            "method": method or NO_METHOD,
            "what": method,
            "uid": _first(event, "UID") or None,
            "recurrence": _first(event, "RECURRENCE-ID") or "",
            "stamp": _first(event, "DTSTAMP") or None,
        }
        if method in ANSWERS:
            return {**flat, **_answer(firm, method, organizer, attendees)}
        foreign = organizer is not None and not firm.is_own_address(organizer)
        # A cancellation without an organizer is not known to be the client's.
        inbound = foreign or (method in INVITES and organizer is None)
        return {
            **flat,
            "direction": "inbound" if inbound else "outbound",
            "parties": [organizer] if inbound else [one["value"] for one in attendees],
            "outcome": "cancelled" if method == "CANCEL" else None,
        }

    return reshaped


def _answer(firm: Firm, method: str, organizer: str | None, attendees: list[dict[str, str]]) -> dict[str, Any]:
    """Read a REPLY or COUNTER: by its one attendee to the organizer."""
    different = {address(one["value"]) for one in attendees} - {None}
    if len(different) > 1:
        return {"ambiguous": True, "parties": sorted(one for one in different if one)}
    attendee = attendees[0] if attendees else {"value": ""}
    own = firm.is_own_address(attendee["value"])
    state = attendee.get(";PARTSTAT", "NEEDS-ACTION").upper()
    outcome = "postponed" if method == "COUNTER" else OUTCOMES.get(state)
    if own and outcome != "accepted":
        outcome = None  # it would count against the meetings that the client keeps
    return {
        "what": f"REPLY:{state}" if method == "REPLY" else method,
        "direction": "outbound" if own else "inbound",
        "parties": [organizer if own else attendee["value"]],
        "outcome": outcome,
    }


def _first(event: dict[str, list[dict[str, str]]], name: str) -> str | None:
    return next((one["value"] for one in event.get(name, ())), None)
