"""Alerts: what the model admits, and that anybody's CloudEvents library can read our bytes."""

import copy
import json
import math
from typing import get_args

import pytest
from cloudevents.core.bindings import kafka
from cloudevents.core.bindings.kafka import KafkaMessage
from pydantic import ValidationError

from schemas import examples, incident
from schemas.alert import CONTENT_TYPE, AlertEvent, encode


def alert(*, envelope=None, **data):
    """Take the example, with some fields changed in the envelope or in the data."""
    event = copy.deepcopy(examples.ALERT) | (envelope or {})
    event["data"] |= data
    return event


def judged(event):
    """Validate what would be on the topic."""
    return AlertEvent.model_validate_json(encode(event))


def test_example():
    """The example of the documentation is an alert, and comes back from its bytes as it went."""
    assert judged(examples.ALERT).model_dump() == examples.ALERT


def test_encode():
    """An alert is compact JSON in UTF-8, its fields in the order in which they were built."""
    assert encode({"subject": "Zoë 🦊", "data": {"b": 1.5, "a": None}}) == (
        '{"subject":"Zoë 🦊","data":{"b":1.5,"a":null}}'.encode()
    )


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_encode_no_number(number):
    """What JSON cannot say is a mistake of ours, and raises."""
    with pytest.raises(ValueError, match="JSON compliant"):
        encode({"probability_gone": number})


def test_sdk_reads():
    """The official CloudEvents SDK reads our bytes, and finds what we wrote."""
    message = KafkaMessage({"content-type": CONTENT_TYPE.encode()}, b"C-1042", encode(examples.ALERT))
    event = kafka.from_kafka_event(message)
    data = examples.ALERT["data"]
    assert (event.get_id(), event.get_subject(), event.get_data()) == (data["alert_id"], data["client_id"], data)
    assert event.get_type() == "ghosting.alert.opened.v1"
    assert event.get_time().isoformat() == "2025-03-24T22:15:30+00:00"


@pytest.mark.parametrize("transition", get_args(incident.Transition))
@pytest.mark.parametrize("reason", get_args(incident.Reason))
def test_reason_by_transition(transition, reason):
    """A transition has the reasons that the table gives it, and no other."""
    event = alert(transition=transition, reason=reason, envelope={"type": f"ghosting.alert.{transition}.v1"})
    if reason in incident.REASONS[transition]:
        judged(event)
    else:
        with pytest.raises(ValidationError, match=f"{transition} has no reason {reason}"):
            judged(event)


@pytest.mark.parametrize("type_", get_args(incident.Type))
@pytest.mark.parametrize("signal", get_args(incident.Signal))
def test_signal_by_type(type_, signal):
    """A type has the signals that the table gives it, and no other."""
    event = alert(type=type_, signal=signal)
    if signal in incident.SIGNALS[type_]:
        judged(event)
    else:
        with pytest.raises(ValidationError, match=f"{type_} has no signal {signal}"):
            judged(event)


def test_tables():
    """Every word is in a table: each reason belongs to one transition, each signal to one type, each has a meaning."""
    assert list(incident.REASONS) == list(get_args(incident.Transition))
    assert sorted(word for words in incident.REASONS.values() for word in words) == sorted(get_args(incident.Reason))
    assert sorted(word for words in incident.SIGNALS.values() for word in words) == sorted(get_args(incident.Signal))
    assert list(incident.MEANINGS) == list(get_args(incident.Reason))


@pytest.mark.parametrize(
    "data",
    [
        {"probability_gone": 1.01}, {"probability_gone": -0.1}, {"probability_gone": "0.5"}, {"severity": "fatal"},
        {"alert_id": "7"}, {"incident_id": "C5A4B8DE-61F7-5A36-8F5A-2F0A3F1F7B55"}, {"client_id": ""},
        {"segment": "s" * 65}, {"explanation": ""}, {"actual_heard_within_days": -1.0}, {"colour": "grey"},
        {"at": "2025-03-24T22:15:30+00:00"}, {"opened_at": "2025-03-24T22:15:30.000000Z"},
        {"opened_at": "2025-03-24T22:15:30.5Z"}, {"opened_at": "2025-02-30T22:15:30Z"},
        {"opened_at": "2025-03-24T22:15:30Z\n"}, {"opened_at": "2025-03-24 22:15:30Z"},
        {"expected_next_at": {"median": "2025-03-10T22:15:30Z"}},
        {"evidence": examples.ALERT["data"]["evidence"] | {"last_interaction_ids": ["a", "b", "c", "d"]}},
        {"evidence": examples.ALERT["data"]["evidence"] | {"gaps_seen": 1.5}},
        {"evidence": examples.ALERT["data"]["evidence"] | {"prior_weight": 2}},
    ],
)  # fmt: skip
def test_data_refused(data):
    """Wrong types, unknown fields, numbers out of range and a second way to write a time are not admitted."""
    with pytest.raises(ValidationError):
        judged(alert(**data))


@pytest.mark.parametrize("number", [math.nan, math.inf])
@pytest.mark.parametrize("field", ["probability_gone", "expected_heard_within_days", "false_alerts_per_client_year"])
def test_no_number(field, number):
    """A number that is none is not admitted, even by those who write lax JSON."""
    with pytest.raises(ValidationError):
        AlertEvent.model_validate_json(json.dumps(alert(**{field: number})))


@pytest.mark.parametrize("at", ["2025-03-24T22:15:30Z", "2025-03-24T22:15:30.000001Z"])
def test_time(at):
    """A time has microseconds if, and only if, they are not zero."""
    assert judged(alert(at=at, envelope={"time": at})).time == at


@pytest.mark.parametrize(
    "envelope",
    [
        {"id": "c5a4b8de-61f7-5a36-8f5a-2f0a3f1f7b55"}, {"type": "ghosting.alert.resolved.v1"}, {"subject": "C-1"},
        {"time": "2025-03-24T22:15:31Z"},
    ],
)  # fmt: skip
def test_envelope_repeats_data(envelope):
    """Id, type, subject and time of the envelope are those of the data."""
    with pytest.raises(ValidationError, match="should repeat the data"):
        judged(alert(envelope=envelope))


@pytest.mark.parametrize(
    "envelope",
    [
        {"specversion": "0.3"}, {"source": "ghosting"}, {"source": "/a b"}, {"type": "ghosting.alert.opened.v2"},
        {"datacontenttype": "text/plain"}, {"extension": "x"},
    ],
)  # fmt: skip
def test_envelope_refused(envelope):
    """An envelope is the one that we promise, and nothing more."""
    with pytest.raises(ValidationError):
        judged(alert(envelope=envelope))
