"""CloudEvents 1.0 on Kafka: takes the data of an interaction out of its envelope.

Follows the Kafka protocol binding and the JSON event format of CloudEvents 1.0.2. What is in the data is judged by
`schemas.envelope`.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic_core import from_json

from schemas.interaction import Refusal

Headers = Sequence[tuple[str, bytes | None]]
Data = dict[str, Any]

REQUIRED: Final = ("id", "source", "type")
FILLS: Final = {"id": "event_id", "time": "at", "subject": "client_id"}  # attribute -> field that it stands for
JSON_TYPE: Final = re.compile(r"(application|text)/([a-z0-9.-]+\+)?json *(;.*)?", re.IGNORECASE)
STRUCTURED_TYPE: Final = re.compile(r"application/cloudevents\+json *(;.*)?", re.IGNORECASE)


def parse(value: bytes) -> Data | Refusal:
    """Parse bytes that should be a JSON object."""
    try:
        parsed = from_json(value)
    except ValueError:
        return Refusal("malformed_json", "value is not JSON in UTF-8")
    return parsed if isinstance(parsed, dict) else Refusal("not_an_object", "value is not a JSON object")


def unwrap(value: bytes, headers: Headers) -> Data | Refusal | None:
    """Take the data out of a CloudEvent that its Kafka headers announce; None = they announce none."""
    names = {name.lower(): text for name, text in headers}
    content_type = _text(names.get("content-type"))
    if content_type is None:
        return _broken("header content-type is not UTF-8")
    if content_type.lower().startswith("application/cloudevents"):
        if not STRUCTURED_TYPE.fullmatch(content_type):
            return _broken("the one event format that is read is application/cloudevents+json")
        event = parse(value)
        return event if isinstance(event, Refusal) else unwrap_structured(event)
    attributes = {name.removeprefix("ce_"): text for name, text in names.items() if name.startswith("ce_")}
    return _unwrap_binary(value, attributes, content_type) if attributes else None


def unwrap_structured(event: Mapping[str, Any]) -> Data | Refusal:
    """Take the data out of a CloudEvent that is one JSON object."""
    attributes = {name: text for name, text in event.items() if text is not None}  # null = absent
    if "data" in attributes and "data_base64" in attributes:
        return _broken("data and data_base64 exclude each other")
    data = attributes.get("data")
    if "data_base64" in attributes:
        try:
            data = parse(base64.b64decode(attributes["data_base64"], validate=True))
        except (TypeError, ValueError):
            return _broken("data_base64 is not base64")
    return _filled(attributes, data)


def _unwrap_binary(value: bytes, headers: Mapping[str, bytes | None], content_type: str) -> Data | Refusal:
    attributes = {name: _text(text) for name, text in headers.items()}
    if None in attributes.values():
        return _broken("a ce_ header is not UTF-8")
    if content_type:
        attributes["datacontenttype"] = content_type
    return _filled(attributes, parse(value))


def _filled(attributes: Mapping[str, Any], data: object) -> Data | Refusal:
    """Check the attributes, and let them stand for the fields that the data lacks."""
    if broken := next(_broken_rules(attributes), None):
        return _broken(broken)
    if isinstance(data, Refusal):
        return data
    if not isinstance(data, dict):
        return Refusal("not_an_object", "data is not a JSON object")
    standing_in = {field: attributes[name] for name, field in FILLS.items() if name in attributes}
    return standing_in | {field: given for field, given in data.items() if given is not None}  # null = absent


def _broken_rules(attributes: Mapping[str, Any]) -> Iterator[str]:
    if attributes.get("specversion") != "1.0":
        yield "specversion should be 1.0"
    for name in REQUIRED:
        if name not in attributes:
            yield f"{name} is missing"
    for name in (*REQUIRED, "subject", "time", "datacontenttype"):
        text = attributes.get(name, "absent")
        if not isinstance(text, str) or not text:
            yield f"{name} should be a string that is not empty"
    if not JSON_TYPE.fullmatch(attributes.get("datacontenttype", "application/json")):
        yield "datacontenttype should be application/json"


def _broken(detail: str) -> Refusal:
    return Refusal("invalid_envelope", detail)


def _text(header: bytes | None) -> str | None:
    try:
        return (header or b"").decode()
    except UnicodeDecodeError:
        return None
