"""The mapping language: every verb does what docs/mapping.md says, and every mistake names its line and a remedy."""

from pathlib import Path

import pytest

from detector.mapping import library, transforms, values
from detector.mapping.errors import MappingError
from detector.mapping.fields import FIELDS
from detector.mapping.firm import Firm
from detector.mapping.mapping_file import Library, compile_mapping
from detector.mapping.outcome import REASONS
from detector.mapping.run import map_value
from tests.mapping.invented import FIRM

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "mapping.md").read_text(encoding="utf-8")
PLAIN = """
tool = "shop"

[[interaction]]
client = { id = { path = "customer" } }
event_id = { join = ["shop:", { path = "id" }] }
kind = "order"
at = { path = "at" }
"""
RECORD = {"customer": "c", "id": 1, "at": "2025-05-01T08:00:00Z"}


def compiled(text, tables=None, presets=None):
    """Compile a mapping."""

    def read_table(file, key, value):
        assert (file, key, value) == ("t.csv", "a", "b")
        return tables or {}

    return compile_mapping(text, "my.toml", FIRM, Library((presets or {}).__getitem__, {}, read_table))


def fields(extra, **record):
    """Return the interaction that the plain mapping gives with further lines."""
    found = map_value(compiled(PLAIN + extra), {**RECORD, **record})
    assert isinstance(found, list), found
    return found[0]


def error(text, **more):
    """Return the message of a mapping that cannot be used."""
    with pytest.raises(MappingError) as raised:
        compiled(text, **more)
    return str(raised.value)


def test_a_mapping_without_shapes_is_one():
    """The least mapping: a client, an id, a kind and a time. Who acted is not known."""
    assert fields("") == {
        "event_id": "shop:1",
        "client_id": "c",
        "kind": "order",
        "at": "2025-05-01T08:00:00+00:00",
        "direction": "none",
    }


@pytest.mark.parametrize(
    ("value", "record", "expected"),
    [
        ('{ path = "a.b" }', {"a": {"b": "x"}}, "x"),
        ('{ path = ["a", "b"] }', {"a": "", "b": "x"}, "x"),
        ('{ path = "a[1].b" }', {"a": [0, {"b": "x"}]}, "x"),
        ("""{ path = "['a.b']" }""", {"a.b": "x"}, "x"),
        ('{ path = "a.*_id" }', {"a": {"kept_id": "x"}}, "x"),
        ('{ path = "headers.X-Kind" }', {"headers": {"x-kind": "x"}}, "x"),
        ('{ path = "a.b" }', {"a": [1]}, None),
        ('{ const = "x" }', {}, "x"),
        ('"x"', {}, "x"),
        ('{ join = [{ path = "a" }, " ", { path = "b" }] }', {"a": "1", "b": 2}, "1 2"),
        ('{ join = [{ path = "a" }, " ", { path = "b" }] }', {"a": "1"}, None),
        ('{ first = [{ path = "a" }, { path = "b" }, "z"] }', {"b": "x"}, "x"),
        ('{ path = "a", case = "upper" }', {"a": "x"}, "X"),
        ('{ path = "a", after = "/" }', {"a": "gid://s/x"}, "x"),
        ('{ path = "a", remove_prefix = "wc-" }', {"a": "wc-x"}, "x"),
        ("{ path = 'a', match = 'no\\. (\\d+)' }", {"a": "Order NO. 12"}, "12"),
        ('{ path = "a", map = { 1 = "one" } }', {"a": 1}, "one"),
        ('{ path = "a", map = { 1 = "one" }, default = "other" }', {"a": 2}, "other"),
        ('{ path = "a", only = true }', {"a": ["x", "x"]}, "x"),
        ('{ path = "a", only = true }', {"a": ["x", "y"]}, None),
        ('{ path = "a", form = "salesforce_id" }', {"a": "0035g00000LMNop"}, "0035g00000LMNopAAH"),
        ('{ path = "a", form = "message_id", when = { path = "b" } }', {"a": "<x>"}, None),
        ('{ path = "a", when = { path = "b", is = true } }', {"a": "x", "b": "Yes"}, "x"),
        ('{ path = "a", unless = { path = "b", in = ["1"] } }', {"a": "x", "b": 1}, None),
        ('{ path = "a", when = { path = "b", starts = ["y", "z"] } }', {"a": "x", "b": "zz"}, "x"),
        ('{ path = "a", when = { path = "b", matches = ["^y", "^Z"] } }', {"a": "x", "b": "zz"}, "x"),
        ('{ path = "a", when = { path = "b", exists = true } }', {"a": "x", "b": None}, "x"),
        ('{ path = "a", when = { path = "c.b", exists = false } }', {"a": "x"}, "x"),
        ('{ path = "a", when = { path = "b", own = "address" } }', {"a": "x", "b": "me@sued-werk.example"}, "x"),
        ('{ path = "a", when = { path = "b", own = "number" } }', {"a": "x", "b": "101"}, "x"),
        ('{ path = "a", when = { path = "b", in_config = "inbound_contexts" } }', {"a": "x", "b": "from-pstn"}, "x"),
        ('{ path = "a", when = { path = "b", same_as = { path = "a" } } }', {"a": "6", "b": 6}, "6"),
        ('{ path = "a", when = { path = "b", decimal = ".", below = 0 } }', {"a": "x", "b": "-1"}, "x"),
        ('{ path = "a", when = { path = "b", machine = "reply" } }', {"a": "x", "b": "Autoreply"}, "x"),
        ('{ path = "a", when = { any = [{ path = "b" }, { path = "c" }] } }', {"a": "x", "c": 1}, "x"),
        ('{ path = "a", when = { all = [{ path = "b" }, { path = "c" }] } }', {"a": "x", "c": 1}, None),
        ('{ path = "a", when = [{ path = "b" }, { not = { path = "c" } }] }', {"a": "x", "b": 1}, "x"),
        ('{ config = "debezium_table" }', {}, "auftrag"),
        ('{ path = "a", split = ";", only = true }', {"a": "x"}, None),
    ],
)
def test_values(value, record, expected):
    """Each source, transform and test of a value."""
    assert fields(f"channel = {value}", **record).get("channel") == expected


@pytest.mark.parametrize(
    ("line", "name", "record", "expected"),
    [
        ('amount = { path = "a", decimal = "," }', "amount", {"a": "1.000,50"}, 1000.5),
        ('amount = { path = "a", minus = { path = "b" }, sign = "turned" }', "amount", {"a": 5, "b": 2}, -3),
        ('amount = { path = "a", sign = "negative" }', "amount", {"a": 5}, -5),
        ('amount = { path = "a", scale = { currency = "JPY" } }', "amount", {"a": 500}, 500),
        ('amount = { path = "a", scale = { currency = "TND" } }', "amount", {"a": 500}, 0.5),
        ('amount = { path = "a", scale = { currency = "TND", except = { TND = 1 } } }', "amount", {"a": 500}, 50),
        ('duration_s = { path = "a", per = 1000 }', "duration_s", {"a": "1500"}, 1.5),
        ('duration_s = { path = "a", unit = "hh:mm" }', "duration_s", {"a": "00:02"}, 120),
        (
            'duration_s = { between = [{ path = "a", unit = "s" }, { path = "b", unit = "s" }] }',
            "duration_s",
            {"a": 9e8, "b": 900000060},
            60,
        ),
        (
            'due_at = { path = "a", unit = "%d.%m.%Y", zone = "Asia/Tokyo" }',
            "due_at",
            {"a": "1.2.2025"},
            "2025-02-01T12:00:00+09:00",
        ),
        ('length = { path = "a" }', "length", {"a": "12"}, 12),
        ('sentiment = { path = "a" }', "sentiment", {"a": 2}, None),
        ('segment = { path = "a" }', "segment", {"a": "gold"}, "gold"),
        ('automated = { path = "a" }', "automated", {"a": "true"}, True),
        ('automated = { path = "a" }', "automated", {"a": "no"}, None),
        ('substantive = { path = "a" }', "substantive", {"a": "0"}, False),
        ('outcome = { path = "a" }', "outcome", {"a": "lost"}, None),
    ],
)
def test_fields(line, name, record, expected):
    """A field takes what the contract takes; what it does not take is left out."""
    assert fields(line, **record).get(name) == expected


def test_named_values_tables_and_lists():
    """`let` names a value, `lookup` asks a table, `each` makes an interaction of every item, `hash` an id of parts."""
    text = """
    tool = "crm"
    [let]
    who = { path = "@", lookup = "people" }
    [tables.people]
    file = "t.csv"
    key = "a"
    value = "b"
    [[interaction]]
    each = { collect = [{ path = "to", split = "," }, { path = "cc" }] }
    client = { id = { let = "who" } }
    event_id = { join = ["crm:", { hash = [{ path = "id" }, { client = true }] }] }
    kind = "message"
    at = { path = "at" }
    """
    mapper = compiled(text, tables={"x": "1", "y": "2"})
    found = map_value(mapper, {**RECORD, "to": "x, y,x", "cc": "z"})
    assert [one["client_id"] for one in found] == ["1", "2"]
    assert map_value(mapper, {**RECORD, "to": "z"}).reason == "no_client"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('chanel = "x"', "line 9: interaction 1, chanel: unknown key 'chanel'"),
        ('channel = { pth = "x" }', "line 9: interaction 1, channel, pth: unknown key 'pth'"),
        ('channel = { path = "a..b" }', "line 9: interaction 1, channel, path: 'a..b' is no path"),
        ('channel = { path = "a[x]" }', "is no path"),
        ('channel = { path = "" }', "an empty path"),
        ("channel = { path = [] }", "should be a list with at least one entry"),
        ('channel = { path = "a", const = "b" }', "exactly one source, and here is both path and const"),
        ('channel = { case = "lower" }', "no source"),
        ('channel = { path = "a", case = "title" }', "'title' should be lower, upper, fold"),
        ('channel = { path = "a", match = "(" }', "is no regular expression"),
        ('channel = { path = "a", when = { path = "b", matches = "[" } }', "is no regular expression"),
        ('channel = { path = "a", when = { path = "b", is = 1, in = ["2"] } }', "has two tests"),
        ('channel = { path = "a", when = "b" }', "should be a condition"),
        ('channel = { path = "a", when = { any = [] } }', "should be a list of conditions"),
        ('channel = { path = "a", map = {} }', "should be a table"),
        ('channel = { let = "x" }', "'x' is not defined"),
        ('channel = { path = "a", lookup = "x" }', "'x' is no table"),
        ("channel = { client = false }", "should be true"),
        ("channel = { join = [] }", "should be a list with at least one entry"),
        ('due_at = { path = "a", unit = "minutes" }', "unknown unit 'minutes'"),
        ('due_at = { path = "a", unit = "%Q" }', "is no format of strptime"),
        ('due_at = { path = "a", unit = "s", zone = "Berlin" }', "is no time zone"),
        ('due_at = { path = "a", zone = "Europe/Berlin" }', "stands without a unit"),
        ('due_at = "2025-01-01"', "would be the same for all records"),
        ('amount = { path = "a", decimal = "x" }', "should be '.'"),
        ('amount = { path = "a", scale = "JPY" }', "should be a table with a currency"),
        ('amount = { path = "a", scale = { currency = "JPY", except = "x" } }', "name of a table of [exponents]"),
        ('amount = { path = "a", per = 0 }', "should be a number above 0"),
        ('amount = { path = "a", sign = "minus" }', "should be turned, negative, positive"),
        ('outcome = "lost"', "'lost' should be accepted"),
        ('outcome = { path = "a", map = { x = "lost" } }', "'lost' should be"),
        ('direction = { first = ["in"] }', "'in' should be inbound, none, outbound"),
        ('nobody = "nobody"', "'nobody' should be tombstone"),
        ('attributes = { path = "a" }', "unknown key 'attributes'"),
    ],
)
def test_mistakes_in_a_value(line, said):
    """A mistake is told with the place, its line and what would be right."""
    message = error(PLAIN + line)
    assert said in message
    assert "my.toml, line 9: " in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tool = ", "is not TOML"),
        ('[[interaction]]\nkind = "order"', "line 1: tool: write the name of the tool"),
        ('tool = "x"', "would drop everything"),
        (
            'tool = "x"\n[[interaction]]\nkind = "order"',
            "line 2: interaction 1: an interaction needs event_id, at, client",
        ),
        ('tool = "x"\nfoo = 1', "line 2: foo: unknown key 'foo'"),
        (PLAIN.replace('{ id = { path = "customer" } }', '{ name = { path = "customer" } }'), "unknown key 'name'"),
        (
            PLAIN.replace('{ id = { path = "customer" } }', '{ id = "customer" }'),
            "would make one client of all records",
        ),
        (PLAIN.replace('{ id = { path = "customer" } }', "[]"), "is empty"),
        (PLAIN + '[[drop]]\nreason = "boring"\nwhen = { path = "a" }', "line 10: drop 1, reason: 'boring' should be"),
        (PLAIN + '[[drop]]\nreason = "edit"', "has neither `when` nor `unless`"),
        (PLAIN + '[[shape]]\nname = "x"', "stands beside [[shape]]"),
        (
            PLAIN + '[[command]]\ntype = "owned"\nclient = { id = { path = "a" } }\nat = { path = "at" }',
            "'owned' should be",
        ),
        (
            PLAIN + '[[command]]\ntype = "merged"\nclient = { id = { path = "a" } }\nat = { path = "at" }',
            "a merge needs `from`",
        ),
        (PLAIN + '[[gap]]\nentity = "x"', "needs change, at"),
        (PLAIN + '[tables.x]\nfile = "t.csv"', "needs file, key and value"),
        (PLAIN + '[exponents.x]\nJPY = "0"', "should be a table of digits"),
        (PLAIN.replace("tool", 'reshape = "magic"\ntool'), "'magic' should be"),
    ],
)
def test_mistakes_in_a_mapping(text, said):
    """A mapping that cannot work is refused as a whole."""
    assert said in error(text)


def test_cycles():
    """A value that needs itself, and a preset inside of itself, are named with the way around."""
    lets = '[let]\na = { let = "b", lookup = "t" }\nb = { let = "a", lookup = "t" }\n'
    tables = '[tables.t]\nfile = "t.csv"\nkey = "a"\nvalue = "b"\n'
    text = PLAIN + 'channel = { let = "a" }\n' + lets + tables
    assert "line 12: let, b, let: a value cannot need itself: a -> b -> a" in error(text)
    around = 'tool = "x"\n[[shape]]\npreset = "me"'
    assert "a mapping cannot be inside of itself: my.toml -> me -> me" in error(around, presets={"me": around})
    assert "'you' is no preset" in error('tool = "x"\n[[shape]]\npreset = "you"')


def test_a_line_is_found_in_the_right_table():
    """Of several tables of one name the line is that of the wrong one."""
    text = 'tool = "x"\n' + PLAIN.replace('\ntool = "shop"\n', "[[shape]]").replace("[[inter", "\n[[shape.inter") * 2
    broken = text + 'channel = { path = "a", casing = "x" }\n'
    assert f"line {len(broken.splitlines())}: shape 2, interaction 1, channel, casing" in error(broken)


@pytest.mark.parametrize("name", library.names())
def test_presets_compile_for_a_firm_that_says_nothing(name):
    """A preset needs no settings, has a line about itself, and a section in the docs."""
    preset = library.load(name, Firm())
    assert preset.mapper.shapes
    assert library.about(name)
    assert f"### {name}" in (DOCS / "your-data.md").read_text(encoding="utf-8")


def test_every_word_of_the_language_is_documented():
    """The page about the language has every verb, every field and every reason."""
    words = {*values.SOURCES, *transforms.KEYS, *FIELDS, *REASONS}
    assert [word for word in sorted(words) if f"`{word}`" not in PAGE] == []
