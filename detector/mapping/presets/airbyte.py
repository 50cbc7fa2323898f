"""Airbyte's envelope: the data of a stream in the shape in which the API of its source gives it."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from detector.mapping.firm import Firm
from detector.mapping.mapper import Reshape

ENGAGEMENTS: Final = "engagements_"
PREFIX: Final = "properties_"
# One property of each kind, by which the preset of HubSpot knows it even if the stream leaves it out.
MARKS: Final[Mapping[str, str]] = {
    "engagements_emails": "hs_email_direction",
    "engagements_calls": "hs_call_status",
    "engagements_meetings": "hs_meeting_outcome",
}


def reshape(_: Firm) -> Reshape:
    """Return the reader."""
    return _reshaped


def _reshaped(record: Any) -> Any:  # noqa: ANN401 (JSON)
    if not isinstance(record, dict):
        return record
    data, stream = record.get("_airbyte_data"), record.get("_airbyte_stream")
    if isinstance(data, str):  # destinations that are files write it as text
        try:
            data = orjson.loads(data)
        except orjson.JSONDecodeError:
            data = None
    if isinstance(data, dict) and isinstance(stream, str) and stream in MARKS:
        data = _engagement(data, MARKS[stream])
    return {"_airbyte_stream": stream, "_airbyte_data": data}


def _engagement(data: dict[str, Any], mark: str) -> dict[str, Any]:
    """Return an engagement as HubSpot's API writes it: properties nested, and associations instead of lists of ids."""
    nested = data.get("properties")
    flat = {name.removeprefix(PREFIX): value for name, value in data.items() if name.startswith(PREFIX)}
    properties = {mark: None, **flat, **(nested if isinstance(nested, dict) else {})}
    associations = {
        kind: {"results": [{"id": one} for one in data[kind]]}
        for kind in ("contacts", "companies")
        if isinstance(data.get(kind), list)
    }
    return {
        "id": data.get("id"),
        "archived": data.get("archived"),
        "properties": properties,
        "associations": associations or data.get("associations"),
    }
