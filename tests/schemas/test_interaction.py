"""Plain JSON: what is accepted, what is refused, and with which reason."""

import json
import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.envelope import InteractionReader
from schemas.ids import normal_client_id
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


def examine(value, **record):
    """Read one record, and what was left out of it."""
    return InteractionReader().examine(value, now_s=NOW_S, **record)


def examine_call(**fields):
    """Read a call with some fields changed, and what was left out of it."""
    return examine(encoded(CALL | fields))


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
        ("2025-03-04T11:15:30+0100", 1_741_083_330.0),
        ("2025-03-04T10:15:30+0000", 1_741_083_330.0),
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
        "2025-03-04T10:15:30Z\n", "2025-03-04T10:15:30+01", "20250304T101530Z", "2025-W10-2T10:15:30Z",
        " 2025-03-04T10:15:30Z", "\u0662\u0660\u0662\u0665-03-04T10:15:30Z",
        "2025-03-04T10:15:30+24:00", None, True, [], {}, math.nan, math.inf, -math.inf, 10**400,
    ],
)  # fmt: skip
def test_no_time(at):
    """A time without an offset, a number in a string, a day that does not exist: each is refused, none is guessed."""
    refusal = read_call(at=at)
    assert refusal.reason == "invalid_field"
    assert refusal.detail.startswith("at: Input should be RFC 3339 with an offset")
    if at is not None:
        assert examine_call(due_at=at).left_out["due_at"].startswith("Input should be RFC 3339 with an offset")


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
    ],
)
def test_refused(fields, reason, detail):
    """A record whose obligatory field breaks its rule is refused, with a reason that counts and a detail."""
    refusal = read_call(**fields)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason
    assert refusal.detail.startswith(detail)
    assert refusal.fields == tuple(fields)


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("account_id", "", ""),
        ("account_id", "a" * 201, ""),
        ("channel", "c" * 33, ""),
        ("thread_id", "t" * 201, ""),
        ("in_reply_to", 1, ""),
        ("automated", "auto-destroyed", "Input should be a boolean, or no, auto-gen"),
        ("automated", 1, ""),
        ("length", -1, "Input should be greater than or equal to 0"),
        ("length", 1.5, ""),
        ("length", "12", ""),
        ("length", True, ""),
        ("length", 2**31, ""),
        ("length", 10**400, ""),
        ("length", 1e300, ""),
        ("length", math.nan, ""),
        ("duration_s", -0.5, ""),
        ("duration_s", 1e10, ""),
        ("outcome", "exploded", ""),
        ("amount", math.nan, "Input should be a finite number"),
        ("amount", -math.inf, "Input should be a finite number"),
        ("amount", 10**400, ""),
        ("amount", 1e16, ""),
        ("amount", -1e16, ""),
        ("amount", "12.50", "Input should be a valid number"),
        ("amount", True, ""),
        ("currency", "eur", "String should match pattern"),
        ("currency", "EURO", ""),
        ("substantive", "yes", ""),
        ("sentiment", 1.01, ""),
        ("segment", "s" * 65, ""),
        ("attributes", [], "Input should be an object of at most 16 entries"),
        ("attributes", {str(n): n for n in range(17)}, ""),
        ("attributes", {"k" * 65: 1}, ""),
        ("attributes", {"": 1}, ""),
        ("attributes", {"k": "v" * 201}, ""),
        ("attributes", {"k": math.inf}, ""),
        ("attributes", {"k": None}, ""),
        ("attributes", {"k": {"deeper": 1}}, ""),
        ("due_at", 1_741_083_330_000, "Input should be RFC 3339 with an offset, or seconds since 1970 as a number"),
        ("due_at", "9999-12-31T23:59:59-00:01", "Input should be RFC 3339 with an offset"),
        ("due_at", "0001-01-01T00:00:00+00:01", "Input should be RFC 3339 with an offset"),
        ("due_at", -1e11, "Input should be RFC 3339 with an offset"),
        ("due_at", 45_720, "Input should be RFC 3339 with an offset"),
        ("amount", "1,013.50", "Input should be a valid number"),
        ("currency", "usd", "String should match pattern"),
        ("outcome", "Completed", "Input should be 'answered', 'missed'"),
        ("outcome", "NO ANSWER", "Input should be 'answered', 'missed'"),
        ("account_id", "4.91512E+11", "looks like a number that a spreadsheet rounded"),
    ],
)
def test_left_out(field, value, rule):
    """An optional field that breaks its rule does not cost the contact: it is left out, and named with the rule."""
    reading = examine_call(**{field: value})
    assert reading.interaction == CALL
    assert list(reading.left_out) == [field]
    assert reading.left_out[field].startswith(rule)


@given(interactions, st.sampled_from(sorted(FIELDS - CALL.keys())), json_values)
def test_the_rest_is_kept(sent, field, value):
    """Whatever stands in an optional field, the other fields are read as they are without it."""
    without = {name: given_value for name, given_value in sent.items() if name != field}
    reading = examine(encoded(without | {field: value}))
    if reading.left_out:
        assert list(reading.left_out) == [field]
        assert reading.interaction == meaning(without)
    else:
        assert {name: read for name, read in reading.interaction.items() if name != field} == meaning(without)


def test_all_faulty_fields_are_named():
    """A record that is refused names every faulty field, the optional ones too, in the order of the contract."""
    refusal = read_call(kind="fax", at=1_741_082_400_000, direction="in", amount="1,013.50", event_id=None)
    assert refusal.reason == "invalid_field"
    assert refusal.fields == ("event_id", "kind", "at", "direction", "amount")
    assert all(f"{name}: " in refusal.detail for name in refusal.fields)
    assert "it looks like milliseconds since 1970" in refusal.detail
    assert read_call(at=45_720, direction="in").reason == "time_out_of_range"
    assert read_call(at="45720", direction="in").reason == "invalid_field"


@pytest.mark.parametrize(
    ("at", "hint"),
    [
        (1_741_082_400_000, "it looks like milliseconds since 1970; write seconds (divide it by 1,000)"),
        (1_741_082_400_000_000, "it looks like microseconds since 1970"),
        (1.7410824e18, "it looks like nanoseconds since 1970"),
        ("1741082400000", "it looks like milliseconds since 1970"),
        (45_720, "it looks like a spreadsheet's number of a day (45720 is 2025-03-04); write it as RFC 3339"),
        (45_720.4375, "it looks like a spreadsheet's number of a day"),
        ("45720,4375", "it looks like a spreadsheet's number of a day"),
        ("1.74E+09", "it looks like a number that a spreadsheet rounded (such as 1.74E+09)"),
        ("1,74E+09", "format the column as a date or as text and export it again"),
        ("2025-03-04T10:15:30", "it has no offset: add Z for UTC, or such as +01:00"),
        ("2025-03-04", "it has no offset"),
        ("1741082400", "it is a number in quotes: write it without them"),
    ],
)
def test_hint(at, hint):
    """A time in another unit, or that a spreadsheet wrote, is refused with what it looks like and what to do."""
    refusal = read_call(at=at)
    assert refusal.fields == ("at",)
    assert hint in refusal.detail


@pytest.mark.parametrize("at", [12, "yesterday", -1, True, 1e25, math.nan])
def test_no_hint(at):
    """Where nobody can say what a time was meant to be, nothing is guessed."""
    assert "; it " not in read_call(at=at).detail


@pytest.mark.parametrize("text", ["4.91512E+11", "4,91512E+11", "4E+11", "-4.9e+16", "1.2E+100", " 4.9E+11"])
def test_rounded_id(text):
    """An id that a spreadsheet rounded stands for many ids: it is refused with what to do."""
    for field, reason in (("client_id", "client_id_invalid"), ("event_id", "invalid_field")):
        refusal = read_call(**{field: text if field == "client_id" else text.strip()})
        assert (refusal.reason, refusal.fields) == (reason, (field,))
        assert "format the column as text and export it again" in refusal.detail


@pytest.mark.parametrize("text", ["4.91512E11", "E+11", "44E+11", "4E+1", "4.9E+1111", "x4.9E+11", "4.9E+1x"])
def test_not_rounded_id(text):
    """An id that no spreadsheet writes is an id."""
    assert read_call(client_id=text)["client_id"] == text


@pytest.mark.parametrize(
    ("spellings", "normal"),
    [
        (["C-7", "C-7 ", " C-7", "C-7\u00a0", "\ufeffC-7", "C-7\u200b", "C-7\r\n", "\u2003C-7\t"], "C-7"),
        (["Zoe\u0308", "Zo\u00eb"], "Zo\u00eb"),
        (["Anna@Shop.example", "anna@shop.example", " ANNA@SHOP.EXAMPLE"], "anna@shop.example"),
        (["c-7"], "c-7"),
        (["A b"], "A b"),
    ],
)
def test_one_client(spellings, normal):
    """Blanks at the ends, ways to compose a letter, and capital letters of an address make no other client."""
    assert {read_call(client_id=spelling)["client_id"] for spelling in spellings} == {normal}
    keys = [spelling.encode() for spelling in spellings]
    assert all(read(encoded(CALL | {"client_id": normal}), key=key)["client_id"] == normal for key in keys)
    assert all(read(encoded(CALL | {"client_id": spelling}), key=keys[0]) for spelling in spellings)


@given(st.text())
def test_normal_form(text):
    """The normal form of a client id is its own normal form: what goes on to another shard is read there alike."""
    assert normal_client_id(normal_client_id(text)) == normal_client_id(text)


@pytest.mark.parametrize("field", CALL)
def test_missing(field):
    """Each of the five fields without which nothing can be learned has to be there, and not be null."""
    reason = {"client_id": "client_id_invalid", "kind": "unknown_kind"}.get(field, "invalid_field")
    without = {name: value for name, value in CALL.items() if name != field}
    assert read(encoded(without)) == Refusal(reason, f"{field}: is missing", (field,))
    assert read_call(**{field: None}).reason == reason


@pytest.mark.parametrize("field", sorted(FIELDS - CALL.keys()))
def test_null(field):
    """A null is the absence of the field."""
    assert read_call(**{field: None}) == CALL


@pytest.mark.parametrize(
    "fields",
    [
        {"client_id": "c" * 200}, {"client_id": "Zoë 🦊 O'Neil"}, {"client_id": "zoë <zoe@example.com>"},
        {"event_id": "e" * 200},
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


@pytest.mark.parametrize("key", [b"", b"C1", b"c1 x", b"\xff", b'"c1"'])
def test_key_mismatch(key):
    """A Kafka key that is there must name the same client: else the client would be split in two."""
    assert read(encoded(CALL), key=key).reason == "key_mismatch"
    assert read(encoded(CALL), key=b"c1") == read(encoded(CALL), key=None) == CALL


@given(st.sampled_from(sorted(FIELDS)), json_values)
def test_privacy(field, value):
    """A detail names fields and rules; it never repeats what was sent."""
    secret = "Zq9-very-private"
    for sent in ({secret: value}, [secret, value], f"{secret}", {"k": secret * 30}, {secret * 30: 1}):
        reading = examine_call(**{field: sent})
        outcome = reading.interaction
        assert not isinstance(outcome, Refusal) or secret not in outcome.detail
        assert secret not in "".join(reading.left_out.values())


@given(interactions, st.sampled_from([*sorted(FIELDS), "colour"]), json_values)
def test_any_value_anywhere(sent, field, value):
    """Whatever JSON stands in a field, the answer is an interaction or a refusal with a reason of the closed set."""
    outcome = read(json.dumps(sent | {field: value}).encode())
    assert isinstance(outcome, dict) or outcome.reason in get_args(RejectionReason)
