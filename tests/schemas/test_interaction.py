"""Plain JSON: what is accepted, what is refused, and with which reason."""

import json
import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import InteractionReader
from schemas.interaction import FIELDS, VALUE_BYTES_MAX, AutoSubmitted, Kind, Outcome, Refusal
from schemas.rejection import RejectionReason
from tests.schemas.wire import NOW_S, encoded, interactions, json_values, meaning

CALL = {"event_id": "e1", "client_id": "c1", "kind": "call", "at": 1_741_083_330, "direction": "inbound"}


def read(value, **record):
    """Read one record with a reader of its own."""
    return InteractionReader().read(value, now_s=NOW_S, **record)


def read_call(**fields):
    """Read a call with some fields changed, as plain JSON."""
    return read(encoded(CALL | fields))


@given(interactions)
def test_meaning(sent):
    """Every interaction within the limits is accepted; times become seconds, words a boolean, null nothing."""
    assert read(encoded(sent), key=sent["client_id"].encode()) == meaning(sent)


@given(interactions)
def test_types(sent):
    """Times are floats, `automated` is a boolean and `length` an integer, however they were written."""
    interaction = read(encoded(sent))
    types = {"at": float, "due_at": float, "automated": bool, "length": int, "amount": float, "sentiment": float}
    assert {name: type(interaction[name]) for name in interaction.keys() & types} == {
        name: types[name] for name in interaction.keys() & types
    }


@given(interactions)
def test_round_trip(sent):
    """What was read can be written and read again, and is the same."""
    interaction = read(encoded(sent))
    assert read(encoded(interaction)) == interaction


@given(
    interactions, st.dictionaries(st.text(max_size=8).filter(lambda name: name not in FIELDS), json_values, max_size=3)
)
def test_unknown_fields(sent, unknown):
    """Fields that the contract does not name are counted and ignored, wherever they stand."""
    unknown.pop("specversion", None)
    reader = InteractionReader()
    assert reader.read(encoded(unknown | sent), now_s=NOW_S) == meaning(sent)
    assert reader.read(encoded(sent | unknown), now_s=NOW_S) == meaning(sent)
    assert reader.unknown_fields == 2 * len(unknown)


def test_unknown_fields_of_refused():
    """Only the unknown fields of accepted interactions count: garbage has no fields."""
    reader = InteractionReader()
    reader.read(encoded(CALL | {"kind": "smoke signal", "colour": "grey"}), now_s=NOW_S)
    assert reader.unknown_fields == 0


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        (1_741_083_330, 1_741_083_330.0),
        (1_741_083_330.25, 1_741_083_330.25),
        ("2025-03-04T10:15:30Z", 1_741_083_330.0),
        ("2025-03-04 10:15:30Z", 1_741_083_330.0),
        ("2025-03-04T11:15:30+01:00", 1_741_083_330.0),
        ("2025-03-04T10:15:30.123456789-00:00", 1_741_083_330.123456),
        ("1990-01-01T00:00:00Z", 631_152_000.0),
        ("2026-01-02T00:00:00Z", NOW_S + 86_400),
    ],
)
def test_at(at, seconds):
    """A time is RFC 3339 with an offset, or seconds since 1970; both ends of the range belong to it."""
    assert read_call(at=at)["at"] == seconds


@pytest.mark.parametrize(
    "at",
    [
        "2025-03-04T10:15:30", "2025-03-04", "2025-03-04T10:15Z", "2025-02-30T10:15:30Z", "2025-03-04T24:00:00Z",
        "2016-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "1741083330", "1741083330.5", "", "now",
        "2025-03-04T10:15:30Z\n", "2025-03-04T10:15:30+0100", "20250304T101530Z", "2025-W10-2T10:15:30Z",
        " 2025-03-04T10:15:30Z", "\u0662\u0660\u0662\u0665-03-04T10:15:30Z",
        "2025-03-04T10:15:30+24:00", None, True, [], {}, math.nan, math.inf, -math.inf, 10**400,
    ],
)  # fmt: skip
def test_no_time(at):
    """A time without an offset, a number in a string, a day that does not exist: each is refused, none is guessed."""
    for field in ("at", "due_at") if at is not None else ("at",):
        refusal = read_call(**{field: at})
        assert refusal.reason == "invalid_field"
        assert refusal.detail.startswith(f"{field}: Input should be RFC 3339 with an offset")


@pytest.mark.parametrize(
    "at",
    [
        -0.0,
        -1,
        631_151_999.999,
        "1989-12-31T23:59:59.999999Z",
        NOW_S + 86_400.001,
        1e300,
        1_741_083_330_000,
        "9999-12-31T23:59:59Z",
    ],
)
def test_time_out_of_range(at):
    """Times before 1990 or more than a day ahead are refused, and so are milliseconds."""
    assert read_call(at=at).reason == "time_out_of_range"


@pytest.mark.parametrize("due_at", [-1, "1900-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 253_402_300_799])
def test_due_at(due_at):
    """A due date may be any date: it says nothing of the clock of the producer."""
    assert read_call(due_at=due_at)["due_at"] == meaning({"due_at": due_at})["due_at"]


@pytest.mark.parametrize("due_at", [1_741_083_330_000, "9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01", -1e11])
def test_no_due_at(due_at):
    """A due date outside of the years 1 to 9999 is refused: nothing could show it."""
    assert read_call(due_at=due_at).reason == "invalid_field"


@pytest.mark.parametrize(
    ("fields", "reason", "detail"),
    [
        ({"kind": "fax"}, "unknown_kind", "kind: Input should be 'email', 'call',"),
        ({"kind": None}, "unknown_kind", "kind: "),
        ({"client_id": ""}, "client_id_invalid", "client_id: String should have at least 1 character"),
        ({"client_id": "c" * 201}, "client_id_invalid", "client_id: String should have at most 200 characters"),
        ({"client_id": 7}, "client_id_invalid", "client_id: Input should be a valid string"),
        ({"client_id": "a\nb"}, "client_id_invalid", "client_id: String should match pattern"),
        ({"client_id": "a\x9b"}, "client_id_invalid", "client_id: String should match pattern"),
        ({"event_id": ""}, "invalid_field", "event_id: String should have at least 1 character"),
        ({"event_id": "e" * 201}, "invalid_field", "event_id: "),
        ({"direction": "sideways"}, "invalid_field", "direction: Input should be 'inbound', 'outbound' or 'none'"),
        ({"account_id": ""}, "invalid_field", "account_id: "),
        ({"account_id": "a" * 201}, "invalid_field", "account_id: "),
        ({"channel": "c" * 33}, "invalid_field", "channel: "),
        ({"thread_id": "t" * 201}, "invalid_field", "thread_id: "),
        ({"in_reply_to": 1}, "invalid_field", "in_reply_to: "),
        ({"automated": "auto-destroyed"}, "invalid_field", "automated: Input should be a boolean, or no, auto-gen"),
        ({"automated": 1}, "invalid_field", "automated: "),
        ({"length": -1}, "invalid_field", "length: Input should be greater than or equal to 0"),
        ({"length": 1.5}, "invalid_field", "length: "),
        ({"length": "12"}, "invalid_field", "length: "),
        ({"length": True}, "invalid_field", "length: "),
        ({"length": 2**31}, "invalid_field", "length: "),
        ({"length": 10**400}, "invalid_field", "length: "),
        ({"length": 1e300}, "invalid_field", "length: "),
        ({"length": math.nan}, "invalid_field", "length: "),
        ({"duration_s": -0.5}, "invalid_field", "duration_s: "),
        ({"duration_s": 1e10}, "invalid_field", "duration_s: "),
        ({"outcome": "exploded"}, "invalid_field", "outcome: "),
        ({"amount": math.nan}, "invalid_field", "amount: Input should be a finite number"),
        ({"amount": -math.inf}, "invalid_field", "amount: Input should be a finite number"),
        ({"amount": 10**400}, "invalid_field", "amount: "),
        ({"amount": 1e16}, "invalid_field", "amount: "),
        ({"amount": -1e16}, "invalid_field", "amount: "),
        ({"amount": "12.50"}, "invalid_field", "amount: Input should be a valid number"),
        ({"amount": True}, "invalid_field", "amount: "),
        ({"currency": "eur"}, "invalid_field", "currency: String should match pattern"),
        ({"currency": "EURO"}, "invalid_field", "currency: "),
        ({"substantive": "yes"}, "invalid_field", "substantive: "),
        ({"sentiment": 1.01}, "invalid_field", "sentiment: "),
        ({"segment": "s" * 65}, "invalid_field", "segment: "),
        ({"attributes": []}, "invalid_field", "attributes: Input should be an object of at most 16 entries"),
        ({"attributes": {str(n): n for n in range(17)}}, "invalid_field", "attributes: "),
        ({"attributes": {"k" * 65: 1}}, "invalid_field", "attributes: "),
        ({"attributes": {"": 1}}, "invalid_field", "attributes: "),
        ({"attributes": {"k": "v" * 201}}, "invalid_field", "attributes: "),
        ({"attributes": {"k": math.inf}}, "invalid_field", "attributes: "),
        ({"attributes": {"k": None}}, "invalid_field", "attributes: "),
        ({"attributes": {"k": {"deeper": 1}}}, "invalid_field", "attributes: "),
    ],
)
def test_refused(fields, reason, detail):
    """A field that breaks its rule is refused with a reason that counts and a detail that explains."""
    refusal = read_call(**fields)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
    assert refusal.detail.startswith(detail)


@pytest.mark.parametrize("field", CALL)
def test_missing(field):
    """Each of the five fields without which nothing can be learned has to be there, and not be null."""
    reason = {"client_id": "client_id_invalid", "kind": "unknown_kind"}.get(field, "invalid_field")
    without = {name: value for name, value in CALL.items() if name != field}
    assert read(encoded(without)) == Refusal(reason, f"{field}: is missing")
    assert read_call(**{field: None}).reason == reason


@pytest.mark.parametrize("field", sorted(FIELDS - CALL.keys()))
def test_null(field):
    """A null is the absence of the field."""
    assert read_call(**{field: None}) == CALL


@pytest.mark.parametrize(
    "fields",
    [
        {"client_id": "c" * 200}, {"client_id": "Zoë 🦊 O'Neil <zoe@example.com>"}, {"event_id": "e" * 200},
        {"channel": "c" * 32}, {"segment": "s" * 64}, {"length": 2**31 - 1}, {"length": 0}, {"duration_s": 0},
        {"amount": -1e15}, {"sentiment": -1}, {"currency": "XAU"}, {"attributes": {}},
        {"attributes": {str(n) * 32: "v" * 200 for n in range(10, 26)}},
        *({"kind": kind} for kind in get_args(Kind)),
        *({"outcome": outcome} for outcome in get_args(Outcome)),
    ],
)  # fmt: skip
def test_limits(fields):
    """What stands on a limit is within it."""
    assert read_call(**fields) == CALL | fields


def test_automated():
    """The words of the Auto-Submitted header mean true, but for `no`."""
    assert {word: read_call(automated=word)["automated"] for word in get_args(AutoSubmitted)} == {
        "no": False,
        "auto-generated": True,
        "auto-replied": True,
        "auto-notified": True,
    }


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "tombstone"),
        (b"", "malformed_json"),
        (b"\x00" * 100, "malformed_json"),
        (b"\xef\xbb\xbf{}", "malformed_json"),
        (b'{"event_id": "\xff"}', "malformed_json"),
        (b'{"event_id": "\\ud800"}', "malformed_json"),
        (b'{"event_id": "\\udc00\\ud800"}', "malformed_json"),
        (encoded(CALL)[:-1], "malformed_json"),
        (encoded(CALL) + b"}", "malformed_json"),
        (encoded(CALL) * 2, "malformed_json"),
        (encoded(CALL, ensure_ascii=False).decode().encode("utf-16"), "malformed_json"),
        (b'{"x": ' * 300 + b"1" + b"}" * 300, "malformed_json"),
        (b"[" * 60_000, "malformed_json"),
        (b'{"x": ' + b"9" * 5000 + b"}", "malformed_json"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
        (b"12", "not_an_object"),
        (b"NaN", "not_an_object"),
        (b'"specversion"', "not_an_object"),
        (b"{}", "invalid_field"),
        (b" " * (VALUE_BYTES_MAX + 1), "too_large"),
        (b"\xff" * 10_000_000, "too_large"),
    ],
)
def test_no_interaction(value, reason):
    """Bytes that are no interaction at all are refused, with the reason that tells the sender where to look."""
    assert read(value).reason == reason


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding(encoding):
    """Text in another encoding than UTF-8 is refused for that, whatever a JSON parser stumbles over first."""
    text = encoded(CALL | {"client_id": "Müller"}, ensure_ascii=False).decode()
    assert read(text.encode(encoding)).detail == "the bytes are no UTF-8 text"
    assert read(f"Müller,{text}".encode()).detail.startswith("Invalid JSON")


def test_value_bytes_max():
    """A value of exactly the greatest length is read."""
    assert read(encoded(CALL).ljust(VALUE_BYTES_MAX)) == CALL


def test_last_of_two():
    """Of two fields with one name the last holds, as in most JSON parsers."""
    assert read(b'{"client_id": "first", ' + encoded(CALL)[1:])["client_id"] == "c1"


@pytest.mark.parametrize("key", [b"", b"C1", b"c1 ", b"\xff", b'"c1"'])
def test_key_mismatch(key):
    """A Kafka key that is there must be the client id, byte for byte: else the client would be split in two."""
    assert read(encoded(CALL), key=key).reason == "key_mismatch"
    assert read(encoded(CALL), key=b"c1") == read(encoded(CALL), key=None) == CALL


@given(st.sampled_from(sorted(FIELDS)), json_values)
def test_privacy(field, value):
    """A detail names fields and rules; it never repeats what was sent."""
    secret = "Zq9-very-private"
    for sent in ({secret: value}, [secret, value], f"{secret}", {"k": secret * 30}, {secret * 30: 1}):
        outcome = read_call(**{field: sent})
        assert not isinstance(outcome, Refusal) or secret not in outcome.detail


@given(interactions, st.sampled_from([*sorted(FIELDS), "colour"]), json_values)
def test_any_value_anywhere(sent, field, value):
    """Whatever JSON stands in a field, the answer is an interaction or a refusal with a reason of the closed set."""
    outcome = read(json.dumps(sent | {field: value}).encode())
    assert isinstance(outcome, dict) or outcome.reason in get_args(RejectionReason)
