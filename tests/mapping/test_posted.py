"""Records of a topic and bodies of webhooks are mapped as the same records of a file."""

import json

from detector.mapping.outcome import Command
from detector.mapping.run import ELEMENTS_MAX, map_body, map_record
from tests.mapping.invented import preset

FORM = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
CALL = (
    b"CallSid=CA1&CallStatus=completed&Direction=inbound&From=%2B4315550001"
    b"&Timestamp=Tue%2C+04+Mar+2025+10%3A15%3A30+%2B0000"
)
MERGE = {
    "subscriptionType": "contact.merge",
    "primaryObjectId": 5,
    "mergedObjectIds": [6],
    "occurredAt": 1_700_000_000_000,
}


def posted(name, body, headers=None):
    """Return what becomes of a body: the results alone."""
    return [result for result, _ in map_body(preset(name).mapper, body, headers or {})]


def test_a_record_of_a_topic_is_json_or_a_form():
    """And a record without a value is a tombstone."""
    (call,) = map_record(preset("twilio").mapper, CALL)
    assert (call["client_id"], call["kind"]) == ("+4315550001", "call")
    assert map_record(preset("twilio").mapper, None).reason == "tombstone"
    assert map_record(preset("twilio").mapper, b"CallSid").reason == "invalid"


def test_a_form_is_known_by_its_type():
    """Whatever stands in its fields; without the type the same bytes are no JSON."""
    ((call,),) = posted("twilio", CALL, FORM)
    assert call["event_id"] == "twilio:CA1"
    (alone,) = posted("twilio", b"CallSid=CA1", FORM)
    assert alone.reason == "not_contact"
    assert posted("twilio", CALL)[0].reason == "invalid"


def test_a_list_is_mapped_element_by_element():
    """Each with its own bytes, so that a rejection shows the element and not the whole list."""
    other = {"subscriptionType": "email.creation", "objectId": 9}
    found = map_body(preset("hubspot").mapper, json.dumps([MERGE, other, 7]).encode(), {})
    assert isinstance(found[0].result, Command)
    assert [result.reason for result, _ in found[1:]] == ["incomplete", "invalid"]
    assert [json.loads(raw) for _, raw in found] == [MERGE, other, 7]
    assert map_body(preset("hubspot").mapper, b"[]", {}) == []


def test_a_list_has_a_bound():
    """A body of a few megabytes could hold a million elements: it is refused as a whole, and kept once."""
    (refused,) = posted("hubspot", b"[" + b",".join([b"1"] * (ELEMENTS_MAX + 1)) + b"]")
    assert refused.reason == "invalid"
    assert len(posted("hubspot", b"[" + b",".join([b"1"] * ELEMENTS_MAX) + b"]")) == ELEMENTS_MAX


def test_ids_keep_their_digits():
    """Also where the quick parser gives a float: the body is read again, exactly."""
    body = b'{"id": 9007199254740993.0, "processed_at": "2026-03-04T10:15:30Z", "customer": {"id": 7}}'
    exact = body.replace(b"93.0", b"93")
    created = {"x-shopify-topic": "orders/create"}
    ((order,),) = posted("shopify", exact, created)
    assert order["event_id"] == "shopify:order:9007199254740993:placed"
    ((with_a_point,),) = posted("shopify", body, created)
    assert with_a_point["event_id"] == "shopify:order:9007199254740993.0:placed"


def test_headers_say_what_happened():
    """Shopify names the kind of event there and nowhere else; names of headers are compared without regard to case."""
    order = {"id": 1, "processed_at": "2026-03-04T10:15:30Z", "customer": {"id": 7}, "test": False}
    body = json.dumps(order).encode()
    ((event,),) = posted("shopify", body, {"x-shopify-topic": "orders/create"})
    assert event["kind"] == "order"
    (dropped,) = posted("shopify", body, {"x-shopify-topic": "products/update"})
    assert dropped.reason == "not_contact"
