"""What is published about a record that was not accepted, or not in full: where it was, why, and its bytes."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

RAW_BYTES_MAX: Final = 16 * 1024  # Enough to see what went wrong, and a rejection stays smaller than its record.
KEY_BYTES_MAX: Final = 256

RejectionReason = Literal[
    "malformed_json",
    "not_an_object",
    "invalid_envelope",
    "invalid_field",
    "unknown_kind",
    "client_id_invalid",
    "time_out_of_range",
    "too_large",
    "tombstone",
    "key_mismatch",
    "misrouted",
    "segment_limit",
    "not_mapped",
]
MEANINGS: Final[Mapping[RejectionReason, str]] = {
    "malformed_json": "the bytes are no JSON text in UTF-8",
    "not_an_object": "JSON, but not an object",
    "invalid_envelope": "a CloudEvent that breaks the rules of CloudEvents 1.0",
    "invalid_field": "fields are missing, have the wrong type or break a limit; the detail names all of them",
    "unknown_kind": "the kind is missing, or none that we know",
    "client_id_invalid": "the client id is missing, no string, empty, too long, or has control characters",
    "time_out_of_range": (
        "before 1990, or more than a day after the record was written (of a file: ahead of the reader's clock)"
    ),
    "too_large": "more bytes than an interaction may have",
    "tombstone": "a record without a value",
    "key_mismatch": "the Kafka key is there, and names another client than the client id",
    "misrouted": "the Kafka key belongs to another partition, though the record was rerouted already",
    "segment_limit": "one segment more than a shard may keep; the record is kept, the segment is not",
    "not_mapped": "a record of another tool that cannot be mapped; the detail begins with the mapping's reason",
}


class Rejection(BaseModel):
    """A record that was not accepted, or was accepted without some fields (`kept`).

    The same record gives the same bytes: there is no wall time in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    topic: str
    """Topic that the record was produced to, the file it was read from, or the webhook that it was posted to."""
    partition: Annotated[int, Field(ge=0)]
    """Partition of the record; 0 for a file or a webhook."""
    offset: Annotated[int, Field(ge=0)]
    """Offset of the record, its line in the file, or its place in what was posted."""
    reason: Annotated[RejectionReason, Field(description="; ".join(f"`{r}`: {why}" for r, why in MEANINGS.items()))]
    detail: str
    """Names every field that breaks a rule, and the rule; holds no value of the payload."""
    kept: bool = False
    """true = the interaction counts, without the `fields`, which are optional; false = nothing of the record counts."""
    fields: list[str] = []
    """The fields that `detail` names, in the order of the contract; empty if the record as a whole is wrong."""
    key_base64: str | None
    """The first 256 bytes of the Kafka key, in base64; null = no key."""
    raw_base64: str | None
    """The first 16384 bytes of the value, in base64; null = no value (a tombstone)."""
    raw_bytes: Annotated[int, Field(ge=0)]
    """Length of the whole value in bytes; 0 for a tombstone."""


def rejection(
    *,
    topic: str,
    partition: int,
    offset: int,
    reason: RejectionReason,
    detail: str,
    fields: Sequence[str] = (),
    kept: bool = False,
    key: bytes | None,
    raw: bytes | None,
) -> bytes:
    """Build and encode the `Rejection` of a record.

    Examples
    --------
    >>> rejection(topic="ghosting.calls", partition=1, offset=7, reason="tombstone", detail="", key=b"c", raw=None)
    b'{"topic":"ghosting.calls","partition":1,"offset":7,"reason":"tombstone","detail":"","kept":false,"fields":[],"key_base64":"Yw==","raw_base64":null,"raw_bytes":0}'
    """
    return _encoded(
        {
            "topic": topic,
            "partition": partition,
            "offset": offset,
            "reason": reason,
            "detail": detail,
            "kept": kept,
            "fields": list(fields),
            "key_base64": _base64(key, KEY_BYTES_MAX),
            "raw_base64": _base64(raw, RAW_BYTES_MAX),
            "raw_bytes": len(raw or b""),
        }
    )


def of_file(rejection: bytes, path: str, line: int) -> bytes:
    """Return a rejection that names the file and line that its record was read from.

    Examples
    --------
    >>> of_file(b'{"topic":"ghosting.calls","partition":1,"offset":7,"reason":"too_large"}', "calls.csv", 12)
    b'{"topic":"calls.csv","partition":0,"offset":12,"reason":"too_large"}'
    """
    return _encoded({**json.loads(rejection), "topic": path, "partition": 0, "offset": line})


def _encoded(fields: dict[str, object]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _base64(raw: bytes | None, bytes_max: int) -> str | None:
    return None if raw is None else base64.b64encode(raw[:bytes_max]).decode()
