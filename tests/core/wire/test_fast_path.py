"""The fast way of reading: what it accepts, the contract accepts, and with the same facts."""

import json
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from detector.core.primitives.hashing import text_of
from detector.core.wire.fast_path import PLAIN, scan
from detector.core.wire.fields import DIRECTIONS, FIELDS, KINDS, OUTCOMES, parsed_fields
from schemas.envelope import InteractionReader
from schemas.interaction import INTERACTION

WHOLE = {"event_id": "e1", "client_id": "ann", "kind": "email", "at": 1.6e9, "direction": "inbound"}
TEXTS = ("event_id", "client_id", "account_id", "channel", "thread_id", "in_reply_to", "segment")

names = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=4) | st.sampled_from(
    [
        "4.9E+11",
        "4,9e+100",
        "xE+11",
        "a@b",
        "A@b",
        " x",
        "x ",
        "x" * 32,
        "x" * 33,
        "x" * 64,
        "x" * 65,
        "x" * 200,
        "x" * 201,
        "Zoë",
        "tab\t",
        'quote"',
        "\x7f",
        "\u0085",
    ]
)
numbers = st.one_of(
    st.floats(),
    st.integers(-(10**18), 10**18),
    st.decimals(-1000, 1000, places=3).map(float),
    st.sampled_from(
        [
            0,
            -0.0,
            -1,
            1,
            32873,
            32874,
            45720,
            45720.5,
            73050,
            73051,
            1.0000001,
            12.0,
            1e15,
            1.1e15,
            1e9,
            2**31 - 1,
            2**31,
            253402300799,
            253402300800,
        ]
    ),
)
times = st.one_of(
    numbers,
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.builds(
        "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}{}{}".format,
        st.integers(1968, 2110), st.integers(0, 13), st.integers(0, 32), st.sampled_from("T t"), st.integers(0, 24),
        st.integers(0, 60), st.integers(0, 60),
        st.sampled_from(["", ".", ".5", ".123456", ".999999999", ".1234567890"]),
        st.sampled_from(["Z", "+00:00", "-23:59", "+24:00", "+05:30", "", "z", "+0530"]),
    ),
)  # fmt: skip
words = st.sampled_from([*KINDS, *DIRECTIONS, *OUTCOMES, "no", "auto-replied", "fax", ""])
anything = st.one_of(names, numbers, times, words, st.booleans(), st.none(), st.just({}), st.just([1]), st.just("EUR"))
OF_FIELD = {
    **dict.fromkeys(TEXTS, names),
    **dict.fromkeys(("at", "due_at"), times),
    **dict.fromkeys(("length", "duration_s", "amount", "sentiment"), numbers),
    "kind": st.sampled_from(KINDS),
    "direction": st.sampled_from(DIRECTIONS),
    "outcome": st.sampled_from(OUTCOMES),
    "currency": st.sampled_from(["EUR", "AAA", "ZZZ", "usd", "EURO", "E1R", ""]),
    "substantive": st.booleans(),
    "automated": st.booleans() | words,
}
# A few fields at a time: with one that is wrong nothing is learned of the others.
fields = st.lists(
    st.sampled_from([*FIELDS, "unknown", "at "]).flatmap(
        lambda name: st.tuples(st.just(name), OF_FIELD.get(name, anything) | anything)
    ),
    max_size=3,
).map(dict)
layouts = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n")])


def read(value):
    """Read bytes the fast way; -> the facts and the texts, or None."""
    plain = np.zeros(1, PLAIN).view(np.recarray)[0]
    before, after = b'{"', b'"}'  # it lies among others, whose bytes are none of its own
    if not scan(text_of(before + value + after), len(before), len(before) + len(value), plain):
        return None
    given = (before + value)[:]
    spans = dict(zip(FIELDS, zip(plain.starts.tolist(), plain.sizes.tolist(), strict=True), strict=True))
    return (
        plain.parsed.copy(),
        {name: given[start : start + size].decode() for name, (start, size) in spans.items()},
        int(plain.unknown),
    )


def hold(value):
    """If the fast way accepts it, the contract does, and both read the same; tell whether it does."""
    found = read(value)
    if found is None:
        return False
    fields, texts, unknown = found
    interaction = INTERACTION.validator.validate_json(value)
    reading = InteractionReader().examine(value, now_s=interaction["at"])
    assert not reading.left_out
    assert list(map(str, fields.tolist())) == list(
        map(str, parsed_fields(interaction).tolist())
    )  # with the sign of a zero
    assert {name: texts[name] for name in TEXTS} == {name: interaction.get(name, "") for name in TEXTS}
    assert unknown == len(interaction.keys() - set(FIELDS))
    return True


def encoded(content, layout=(",", ":")):
    """Write JSON as some producer does."""
    return json.dumps(content, ensure_ascii=False, separators=layout).encode()


@given(fields, layouts)
@example({"length": 12.0}, (",", ":"))
@example({"amount": -0.0, "sentiment": -0.0}, (",", ":"))
def test_what_is_accepted_is_what_the_contract_accepts(content, layout):
    """Any fields with any values, in any order and layout."""
    hold(encoded(WHOLE | content, layout))


@given(
    st.data(),
    st.sampled_from([WHOLE, WHOLE | {"at": "2025-03-04T10:15:30.25+01:00", "amount": 12.5, "automated": "no"}]),
)
def test_a_byte_too_much_or_too_little_is_not_overlooked(data, content):
    """JSON that was damaged in a few places is not read as something else."""
    value = bytearray(encoded(content))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(value)))
        value[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([*b'{}[]",:\\ \n-+.0123eENn', 0, 0xC3])
        ).to_bytes()
    try:
        INTERACTION.validator.validate_json(bytes(value))
    except ValidationError:
        assert read(bytes(value)) is None
    else:
        hold(bytes(value))


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"at": "2025-03-04T10:15:30Z"},
        {"at": "2024-02-29 23:59:59.123456789+05:30"},
        {"at": "2024-02-29T23:59:59-0530"},
        {"client_id": "Ann Smith"},
        {"client_id": "ann@shop.example", "event_id": "E-11", "account_id": "1E+1"},
        {"at": 1741083330, "due_at": "2025-03-31T00:00:00Z", "kind": "payment", "amount": 1e3, "currency": "EUR"},
        {"automated": "auto-replied", "substantive": False, "sentiment": -0.25, "length": 0, "duration_s": 1.5e2},
        {"automated": False, "outcome": "no_show", "kind": "meeting", "direction": "none"},
        {"account_id": "a", "channel": "shop", "thread_id": "t", "in_reply_to": "e0", "segment": "vip"},
        {"account_id": None, "amount": None, "outcome": None, "attributes": None},
        {"of their own": 7, "notes": "none", "flag": True, "nothing": None},
    ],
)
@pytest.mark.parametrize("layout", [(",", ":"), (", ", ": ")])
def test_what_producers_write_is_read_the_fast_way(content, layout):
    """Whatever is flat and plain: numbers, times in words, nulls, and fields that nobody knows."""
    assert hold(encoded(WHOLE | content, layout))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}",
        b"[]",
        b"nul",
        encoded(WHOLE)[:-1],
        encoded(WHOLE) + b"x",
        encoded(WHOLE | {"attributes": {"a": 1}}),
        encoded(WHOLE | {"client_id": "Zoë"}),
        encoded(WHOLE | {"client_id": 'a"b'}),
        encoded(WHOLE)[:-1] + b',"at":1.5e9}',
        encoded(WHOLE | {"client_id": None}),
        encoded(WHOLE | {"amount": 0.1 + 0.2}),  # 17 digits: more than a float holds exactly
        encoded(WHOLE)[:-1] + b',"amount":1e400}',
        encoded(WHOLE)[:-1] + b',"amount":01}',
        encoded(WHOLE)[:-1] + b',"amount":-}',
        encoded(WHOLE)[:-1] + b',"amount":1.}',
        encoded(WHOLE)[:-1] + b',"amount":1e}',
        encoded(WHOLE)[:-1] + b',"amount":tru}',
        encoded(WHOLE)[:-1] + b',"amount"}',
        encoded(WHOLE)[:-1] + b',"amount":',
        encoded(WHOLE)[:-1] + b",amount:1}",
        encoded({name: field for name, field in WHOLE.items() if name != "at"}),
        encoded(WHOLE | {"currency": "eur"}),
        encoded(WHOLE | {"currency": "EURO"}),
        encoded(WHOLE | {"at": "2025-00-04T10:15:30Z"}),
        encoded(WHOLE | {"at": "2025-02-29T10:15:30Z"}),
        encoded(WHOLE | {"at": "2025-03-04T10:15:30+01"}),
        encoded(WHOLE | {"at": "2025-03-04T10:15:30+01000"}),
        encoded(WHOLE | {"at": "2025-03-04T10:15:30x0100"}),
        encoded(WHOLE | {"due_at": 45720}),
        encoded(WHOLE | {"currency": "EU1"}),
        encoded(WHOLE | {"client_id": " ann"}),
        encoded(WHOLE | {"client_id": "ann "}),
        encoded(WHOLE | {"client_id": "Ann@shop.example"}),
        encoded(WHOLE | {"client_id": "4.91512E+11"}),
        encoded(WHOLE | {"event_id": "4e+100"}),
        encoded(WHOLE | {"thread_id": "4.9E+11"}),
        encoded(WHOLE | {"at": "2025-03-04T10:15:30 01:00"}),
        encoded(WHOLE | {"at": "2025-03-04T10:15:3xZ"}),
        encoded(WHOLE | {"at": "2025-03-04T10:15:30.Z"}),
        encoded(WHOLE | {"at": "2025/03/04T10:15:30Z"}),
        encoded(WHOLE | {"at": "soon"}),
    ],
)
def test_the_rest_is_left_to_the_slow_way(value):
    """Nested, escaped, repeated, inexact or broken: it is not judged here."""
    assert read(value) is None


def test_the_facts_of_an_interaction_are_the_fields_that_are_looked_at():
    """Words by their place, truths as 0 and 1, and nothing where nothing was given."""
    fields = dict(zip(FIELDS, parsed_fields(WHOLE | {"kind": "order", "substantive": False}).tolist(), strict=True))
    assert (fields["kind"], fields["direction"], fields["substantive"]) == (4.0, 0.0, 0.0)
    assert all(math.isnan(fields[name]) for name in (*TEXTS, "amount", "outcome", "attributes"))
