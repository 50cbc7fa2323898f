"""Rejections: where a record was, why it was not accepted, and its bytes."""

import base64
import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import examples
from schemas.rejection import KEY_BYTES_MAX, MEANINGS, RAW_BYTES_MAX, Rejection, RejectionReason, of_file, rejection

WHERE = {"topic": "ghosting.calls", "partition": 3, "offset": 12}


@given(st.binary() | st.none(), st.binary() | st.none(), st.sampled_from(get_args(RejectionReason)), st.text())
def test_round_trip(key, raw, reason, detail):
    """A rejection gives back the record; the same record gives the same bytes."""
    detail = detail.encode(errors="replace").decode()
    encoded = rejection(**WHERE, reason=reason, detail=detail, key=key, raw=raw)
    assert rejection(**WHERE, reason=reason, detail=detail, key=key, raw=raw) == encoded
    read = Rejection.model_validate_json(encoded)
    assert (read.topic, read.partition, read.offset, read.reason, read.detail) == (*WHERE.values(), reason, detail)
    assert read.raw_bytes == len(raw or b"")
    for text, given_bytes in ((read.key_base64, key), (read.raw_base64, raw)):
        assert (None if text is None else base64.b64decode(text)) == given_bytes


def test_truncated():
    """Long keys and values are cut at the stated limits; the length tells how much is missing."""
    encoded = rejection(**WHERE, reason="too_large", detail="", key=b"k" * 1000, raw=b"r" * 10_000_000)
    read = Rejection.model_validate_json(encoded)
    assert base64.b64decode(read.key_base64) == b"k" * KEY_BYTES_MAX == b"k" * 256
    assert base64.b64decode(read.raw_base64) == b"r" * RAW_BYTES_MAX == b"r" * 16_384
    assert read.raw_bytes == 10_000_000


def test_tombstone():
    """A tombstone has no bytes, which is not the same as an empty value."""
    tombstone = json.loads(rejection(**WHERE, reason="tombstone", detail="", key=b"c", raw=None))
    empty = json.loads(rejection(**WHERE, reason="malformed_json", detail="", key=b"", raw=b""))
    assert (tombstone["raw_base64"], tombstone["raw_bytes"]) == (None, 0)
    assert (empty["raw_base64"], empty["raw_bytes"], empty["key_base64"]) == ("", 0, "")


def test_of_a_file():
    """What was read from a file names its line; all else is as it was, and a path of other bytes than UTF-8 is told."""
    before = rejection(**WHERE, reason="too_large", detail="", key=b"c", raw=b"r")
    after = json.loads(of_file(before, "r\udcfccke.csv", 7))
    assert (after["topic"], after["partition"], after["offset"]) == ("r?cke.csv", 0, 7)
    assert after == {**json.loads(before), "topic": "r?cke.csv", "partition": 0, "offset": 7}


def test_meanings():
    """Every reason has a meaning, which the exported schema tells."""
    assert list(MEANINGS) == list(get_args(RejectionReason))
    description = Rejection.model_json_schema()["properties"]["reason"]["description"]
    assert all(f"`{reason}`: {meaning}" in description for reason, meaning in MEANINGS.items())


@pytest.mark.parametrize(("field", "limit"), [("key_base64", KEY_BYTES_MAX), ("raw_base64", RAW_BYTES_MAX)])
def test_limits_are_stated(field, limit):
    """The exported schema states the limits that hold."""
    assert str(limit) in Rejection.model_json_schema()["properties"][field]["description"]


def test_example():
    """The example of the documentation is a rejection, with the bytes that it speaks of."""
    read = Rejection.model_validate(examples.REJECTION)
    assert len(base64.b64decode(read.raw_base64)) == read.raw_bytes
