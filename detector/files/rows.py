"""Events as they are produced: their ids, if they have none, and their bytes."""

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from pydantic_core import from_json

from detector.files.declared import Declared

LINE_BYTES_MAX: Final = 500_000
"""What is longer is cut. It is refused either way, and with its key it still fits into a message of Kafka (1 MB)."""
EVENT_IDS: Final = uuid.UUID("5a3f0e58-54c0-5d0f-9a3f-6a1d5b0f2f2e")
"""Namespace of the ids that are made from content. To change it makes every event a new one."""

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def identified(fields: dict[str, Any]) -> dict[str, Any]:
    """Add an event id made from the content, in any order of the fields: the same content is the same event."""
    content = {name: value for name, value in fields.items() if value is not None}
    return {"event_id": str(uuid.uuid5(EVENT_IDS, _canonical(content))), **content}


def produced(line: bytes) -> bytes:
    """Return a line of JSON as it would be produced: with an event id. What is none, or has one, stays as it is."""
    if _has_id(line):
        return line
    try:
        fields = from_json(line)
    except ValueError:
        return line
    if not isinstance(fields, dict) or "specversion" in fields or fields.get("event_id") is not None:
        return line
    return encode(identified(fields))


def produced_values(batches: Iterable[Sequence[bytes]]) -> Iterator[bytes]:
    """Return the records of batches one by one, as they would be produced; what is too long for Kafka is cut."""
    for batch in batches:
        for line in batch:
            if value := produced(line.strip()):
                yield value[:LINE_BYTES_MAX]


def in_seconds(line: bytes, declared: Declared) -> bytes:
    """Return a line of JSON with its times in seconds, where the user declared another unit."""
    try:
        fields = from_json(line)
    except ValueError:
        return line
    if not isinstance(fields, dict):
        return line
    event = fields["data"] if isinstance(fields.get("data"), dict) else fields
    for name in ("at", "due_at"):
        if isinstance(event.get(name), int | float):
            event[name] = declared.seconds(event[name])
    return encode(fields)


def _has_id(line: bytes) -> bool:
    """Check without parsing whether a flat object has an event id; in a string these quotes would be escaped."""
    return line.rfind(b"{") == 0 and (b'"event_id":"' in line or b'"event_id": "' in line)


def encode(fields: dict[str, Any]) -> bytes:
    """Write an event as it is produced."""
    return _compact(fields).encode()
