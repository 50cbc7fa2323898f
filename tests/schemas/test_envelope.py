"""CloudEvents 1.0: the official SDK writes what we read, and three ways of travelling give one interaction."""

import base64
from datetime import UTC, datetime
from typing import get_args

import pytest
from cloudevents.core.bindings import http, kafka
from cloudevents.core.v1.event import CloudEvent
from hypothesis import example, given
from hypothesis import strategies as st

from schemas import examples
from schemas.envelope import InteractionReader
from schemas.interaction import FIELDS
from schemas.rejection import RejectionReason
from tests.schemas.wire import NOW_S, encoded, interactions, json_values, meaning

CALL = {"event_id": "e1", "client_id": "c1", "kind": "call", "at": "2025-03-04T10:15:30Z", "direction": "inbound"}
EVENT = {"specversion": "1.0", "id": "e1", "source": "/crm", "type": "call.ended", "data": CALL}
STRUCTURED = [("content-type", b"application/cloudevents+json")]
BINARY = [("ce_specversion", b"1.0"), ("ce_id", b"e1"), ("ce_source", b"/crm"), ("ce_type", b"call.ended")]


def read(value, *, headers=(), key=None):
    """Read one record with a reader of its own."""
    return InteractionReader().read(value, headers=headers, key=key, now_s=NOW_S)


def sdk_event(data, **attributes):
    """Build an event with the official SDK."""
    return CloudEvent({"source": "/crm", "type": "call.ended", "id": "id-of-envelope"} | attributes, data)


def record(message):
    """Turn a message of the SDK into what Kafka hands over."""
    return {"value": message.value, "headers": list(message.headers.items()), "key": message.key}


@given(interactions)
def test_one_interaction(sent):
    """Plain, structured (with and without its header) and binary: one and the same interaction."""
    event = sdk_event(sent)
    structured = kafka.to_structured_event(event, key_mapper=lambda _: sent["client_id"].encode())
    binary = kafka.to_binary_event(event, key_mapper=lambda _: sent["client_id"].encode())
    over_http = http.to_structured_event(event)
    plain = read(encoded(sent))
    assert plain == meaning(sent)
    assert read(**record(structured)) == plain
    assert read(structured.value) == plain
    assert read(**record(binary)) == plain
    assert read(over_http.body, headers=[(name, text.encode()) for name, text in over_http.headers.items()]) == plain
    assert read(**record(kafka.to_structured_event(sdk_event(encoded(sent))))) == plain  # as data_base64


@given(interactions, st.datetimes(datetime(1990, 1, 2), datetime(2025, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_attributes_stand_in(sent, at):
    """Id, time and subject of the envelope stand for the fields that the data lacks."""
    bare = {name: value for name, value in sent.items() if name not in {"event_id", "at", "client_id"}}
    event = sdk_event(bare, id="e-77", time=at, subject=sent["client_id"])
    expected = meaning(sent) | {"event_id": "e-77", "at": at.timestamp()}
    assert read(**record(kafka.to_structured_event(event))) == expected
    assert read(**record(kafka.to_binary_event(event))) == expected
    nulls = sdk_event(bare | {"event_id": None, "at": None, "client_id": None}, **event.get_attributes())
    assert read(**record(kafka.to_structured_event(nulls))) == expected


def test_data_comes_first():
    """What the data says holds, whatever the envelope says."""
    event = EVENT | {"id": "other", "subject": "other", "time": "2020-01-01T00:00:00Z"}
    assert read(encoded(event)) == meaning(CALL)


def test_unknown_fields():
    """Unknown fields of the data are counted, extension attributes of the envelope are not."""
    reader = InteractionReader()
    event = EVENT | {"traceparent": "00-1-2-3", "data": CALL | {"colour": "grey"}}
    assert reader.read(encoded(event), now_s=NOW_S) == meaning(CALL)
    assert reader.unknown_fields == 1


def test_other_headers():
    """Headers of other conventions do not disturb plain JSON."""
    headers = [("traceparent", b"00-\xff"), ("content-type", b"text/plain"), ("retry", None)]
    assert read(encoded(CALL), headers=headers) == meaning(CALL)


@pytest.mark.parametrize("value", [None, b"application/json; charset=utf-8", b"application/vnd.crm+json", b"text/json"])
def test_content_type_of_data(value):
    """Binary mode reads every kind of JSON, and JSON is what it assumes."""
    assert read(encoded(CALL), headers=[*BINARY, ("Content-Type", value)]) == meaning(CALL)


@pytest.mark.parametrize("name", ["content-type", "Content-Type"])
@pytest.mark.parametrize("text", [b"application/cloudevents+json; charset=UTF-8", b"Application/CloudEvents+JSON"])
def test_content_type_of_structured(name, text):
    """The content type is recognised in any case, and wins over ce_ headers, as the binding demands."""
    assert read(encoded(EVENT), headers=[(name, text), ("ce_id", b"ignored")]) == meaning(CALL)


def test_null_attribute():
    """An attribute that is null is absent."""
    assert read(encoded(EVENT | {"subject": None, "time": None, "data_base64": None})) == meaning(CALL)


def test_examples():
    """The examples of the documentation are read, all three to one interaction."""
    headers = [(name, text.encode()) for name, text in examples.BINARY_HEADERS.items()]
    binary = read(encoded(examples.STRUCTURED["data"]), headers=headers)
    assert read(encoded(examples.STRUCTURED)) == binary
    plain = read(encoded(examples.INTERACTION))
    assert binary == {name: plain[name] for name in binary}


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"specversion": "0.3"}, "invalid_envelope", "specversion should be 1.0"),
        ({"specversion": 1.0}, "invalid_envelope", "specversion should be 1.0"),
        ({"id": None}, "invalid_envelope", "id is missing"),
        ({"source": None}, "invalid_envelope", "source is missing"),
        ({"type": None}, "invalid_envelope", "type is missing"),
        ({"id": ""}, "invalid_envelope", "id should be a string that is not empty"),
        ({"source": 7}, "invalid_envelope", "source should be a string that is not empty"),
        ({"subject": ["c1"]}, "invalid_envelope", "subject should be a string that is not empty"),
        ({"time": 1_741_083_330}, "invalid_envelope", "time should be a string that is not empty"),
        ({"datacontenttype": {}}, "invalid_envelope", "datacontenttype should be a string that is not empty"),
        ({"datacontenttype": "application/xml"}, "invalid_envelope", "datacontenttype should be application/json"),
        ({"data_base64": "e30="}, "invalid_envelope", "data and data_base64 exclude each other"),
        ({"data": None, "data_base64": "???"}, "invalid_envelope", "data_base64 is not base64"),
        ({"data": None, "data_base64": "ü"}, "invalid_envelope", "data_base64 is not base64"),
        ({"data": None, "data_base64": 7}, "invalid_envelope", "data_base64 is not base64"),
        ({"data": None, "data_base64": "/w=="}, "malformed_json", ""),
        ({"data": None, "data_base64": base64.b64encode(b"[]").decode()}, "not_an_object", ""),
        ({"data": None}, "not_an_object", "data is not a JSON object"),
        ({"data": "{}"}, "not_an_object", "data is not a JSON object"),
        ({"data": [CALL]}, "not_an_object", "data is not a JSON object"),
        ({"data": CALL | {"kind": "fax"}}, "unknown_kind", "kind: "),
        ({"data": CALL | {"at": None}, "time": "yesterday"}, "invalid_field", "at: "),
        ({"data": CALL | {"at": None}}, "invalid_field", "at: is missing"),
        ({"data": CALL | {"client_id": None}, "subject": "c" * 201}, "client_id_invalid", "client_id: "),
    ],
)
def test_refused(change, reason, detail):
    """An envelope that breaks the rules of CloudEvents is refused, and so is wrong data in a right envelope."""
    refusal = read(encoded(EVENT | change))
    assert refusal.reason == reason
    assert refusal.detail.startswith(detail)
    assert read(encoded(EVENT | change), headers=STRUCTURED) == refusal


@pytest.mark.parametrize(
    ("headers", "value", "reason"),
    [
        (STRUCTURED, b"{", "malformed_json"),
        (STRUCTURED, b"[]", "not_an_object"),
        (STRUCTURED, encoded(CALL), "invalid_envelope"),
        ([("content-type", b"application/cloudevents-batch+json")], b"[]", "invalid_envelope"),
        ([("content-type", b"application/cloudevents+avro")], b"", "invalid_envelope"),
        ([("content-type", b"\xff")], encoded(CALL), "invalid_envelope"),
        (BINARY, b"", "malformed_json"),
        (BINARY, b"[]", "not_an_object"),
        (BINARY[1:], encoded(CALL), "invalid_envelope"),
        ([*BINARY, ("ce_subject", b"\xff")], encoded(CALL), "invalid_envelope"),
        ([*BINARY, ("ce_id", None)], encoded(CALL), "invalid_envelope"),
        ([*BINARY, ("content-type", b"application/avro")], encoded(CALL), "invalid_envelope"),
    ],
)
def test_refused_by_headers(headers, value, reason):
    """What headers promise has to hold."""
    assert read(value, headers=headers).reason == reason


def test_key_and_time_of_event():
    """Key and time are held to the same rules in an envelope as outside of one."""
    assert read(encoded(EVENT), key=b"c2").reason == "key_mismatch"
    assert read(encoded(EVENT | {"data": CALL | {"at": 0}})).reason == "time_out_of_range"


header_names = (
    st.sampled_from(["content-type", "ce_specversion", "ce_id", "ce_time", "ce_", "CE_TYPE", "x"]) | st.text()
)
header_texts = st.sampled_from([b"1.0", b"application/cloudevents+json", b"application/json"]) | st.binary() | st.none()
headers_of_any_kind = st.lists(st.tuples(header_names, header_texts), max_size=8)
events = st.fixed_dictionaries({}, optional={name: st.just(text) | json_values for name, text in EVENT.items()})


@st.composite
def damaged(draw):
    """Take JSON that is nearly right, and put some bytes in the place of others."""
    value = encoded(draw(interactions | events | json_values))
    start, end = sorted(draw(st.tuples(st.integers(0, len(value)), st.integers(0, len(value)))))
    return value[:start] + draw(st.binary(max_size=5)) + value[end:]


@given(st.binary() | damaged() | st.none(), headers_of_any_kind, st.binary() | st.none(), st.floats(0, 4e9))
@example(b'{"specversion":"1.0","data_base64":"\\u00fc"}', [], None, NOW_S)
@example(encoded(EVENT | {"data": CALL | {"amount": 10**400, "x": 10**400}}), [], None, NOW_S)
@example(encoded(EVENT | {"data": CALL | {"at": float("nan"), "length": float("inf")}}), [], b"", NOW_S)
def test_never_raises(value, headers, key, now_s):
    """Whatever comes in, the answer is an interaction or a refusal with a reason of the closed set."""
    outcome = InteractionReader().read(value, headers=headers, key=key, now_s=now_s)
    assert isinstance(outcome, dict) or outcome.reason in get_args(RejectionReason)


@given(interactions, st.sampled_from([*sorted(FIELDS), "colour"]), json_values.filter(lambda value: value is not None))
def test_same_judgement(sent, field, value):
    """An envelope changes no judgement: accepted is what would be without it, and refused for the same reason."""
    changed = sent | {field: value}
    plain, enveloped = read(encoded(changed)), read(encoded(EVENT | {"data": changed}))
    assert enveloped == plain
