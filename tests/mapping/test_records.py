"""Files as other tools write them: dialects of CSV, JSON in its forms, form lines, logs, mail and calendars."""

import gzip
import json

import pytest

from detector.mapping import config, detect, library, records
from detector.mapping.errors import MappingError
from detector.mapping.outcome import Dropped
from detector.mapping.run import Totals, as_json, interactions, map_file
from tests.mapping.invented import FIRM


def read(tmp_path, raw, **more):
    """Return the lines and values of a file."""
    path = tmp_path / "file"
    path.write_bytes(raw)
    return list(records.read(path, **more))


@pytest.mark.parametrize(
    "raw",
    [
        b"a,b\n1,x\n2,y\n",
        b"a;b\r\n1;x\r\n2;y",
        b"a\tb\n1\tx\n2\ty\n",
        b"\xef\xbb\xbfa|b\n1|x\n2|y\n",
        b"sep=;\r\na;b\r\n1;x\r\n2;y\r\n",
        b"\xef\xbb\xbfSEP=,\na,b\n1,x\n2,y\n",
        b'\n"a","b"\n\n1,"x"\n2,y\n',
        "a,b\n1,x\n2,y\n".encode("utf-16"),
        gzip.compress(b"a,b\n1,x\n2,y\n", mtime=0),
    ],
)
def test_dialects_of_csv(tmp_path, raw):
    """Delimiter, byte order mark, line ends and compression belong to the reader."""
    assert [record.value for record in read(tmp_path, raw)] == [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]


def test_a_row_can_span_lines(tmp_path):
    """A row is known by the line on which it begins; further cells that are empty do no harm."""
    rows = read(tmp_path, b'a,b\n1,"x\ny, z"\n2,w,,\n3\n4,x,y\n')
    assert [record.line for record in rows] == [2, 4, 5, 6]
    assert [record.value for record in rows[:3]] == [{"a": "1", "b": "x\ny, z"}, {"a": "2", "b": "w"}, {"a": "3"}]
    assert rows[3].value.reason == "invalid"


def test_only_the_wanted_columns(tmp_path):
    """Of a wide table only the columns that a mapping names are read."""
    rows = read(tmp_path, b"a,b,c\n1,2,3\n4\n", wanted=frozenset({"a", "c", "x"}))
    assert [record.value for record in rows] == [{"a": "1", "c": "3"}, {"a": "4"}]


def test_cp1252(tmp_path):
    """What is not UTF-8 is what Windows writes."""
    assert read(tmp_path, "a;b\nWährung;€\n".encode("cp1252"))[0].value == {"a": "Währung", "b": "€"}


def test_a_cell_of_ten_megabytes_costs_its_row(tmp_path):
    """A cell or a line without end is a record that cannot be read; the next one can."""
    found = read(tmp_path, b"a,b\n1," + b"x" * 10_000_000 + b"\n2,y\n")
    assert [isinstance(record.value, Dropped) for record in found] == [True, False]
    assert found[1].value == {"a": "2", "b": "y"}
    lines = read(tmp_path, b'{"a": "' + b"x" * 10_000_000 + b'"}\n{"a": 1}\n')
    assert [lines[0].value, lines[1]] == [records.TOO_LONG, (2, b'{"a": 1}')]


def test_a_stray_quote_costs_one_row(tmp_path):
    """A quote that is never closed does not take in what stands below it."""
    raw = b'a,b\n1,"x\n' + b"2,y\n" * 300_000
    found = read(tmp_path, raw)
    assert found[0].value == records.NOT_CSV
    assert len(found) == 300_001


def test_json(tmp_path):
    """Lines, an array, one printed object, or a page of an API."""
    assert [line for line, _ in read(tmp_path, b'{"a": 1}\n\n{"a": 2}\n')] == [1, 3]
    assert [record.value for record in read(tmp_path, b'[{"a": 1},\n {"a": 2}]')] == [{"a": "1"}, {"a": "2"}]
    assert read(tmp_path, b'{\n "a": "x"\n}')[0].value == {"a": "x"}
    assert read(tmp_path, b'{\n "orders": [{"a": "x"}]\n}')[0].value == {"a": "x"}
    assert read(tmp_path, b'{"results": [{"a": "x"}], "paging": {}}')[0].value == {"a": "x"}
    whole = {"id": "1", "line_items": ["x"]}
    assert read(tmp_path, json.dumps(whole, indent=1).encode())[0].value == whole
    assert read(tmp_path, b"[1,")[0].value == records.NOT_JSON


def test_form_lines(tmp_path):
    """One body of a form per line, decoded."""
    assert read(tmp_path, b"CallSid=C&To=%2B43+1&Empty=\n")[0].value == {"CallSid": "C", "To": "+43 1", "Empty": ""}


def test_logs(tmp_path):
    """The fields of a log are named by a comment, and can change in the middle."""
    raw = b'\xef\xbb\xbf#Software: X\n#Fields: a,b\n1,"x, y"\n#Fields: b,a\n2,3\n'
    assert [record.value for record in read(tmp_path, raw)] == [{"a": "1", "b": "x, y"}, {"b": "2", "a": "3"}]


def test_empty_files(tmp_path):
    """An empty file has no records, nor has a header alone."""
    assert read(tmp_path, b"") == read(tmp_path, b"a,b\n") == read(tmp_path, b"\n\n") == []
    with pytest.raises(MappingError, match="cannot be opened"):
        list(records.read(tmp_path / "absent"))


def test_a_maildir(tmp_path):
    """A maildir is read in the order of its names, from cur and new."""
    for name, sender in (("cur/2", "b"), ("new/1", "a"), ("tmp/3", "c")):
        path = tmp_path / "box" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"From: {sender}@west-laden.example\nDate: Thu, 1 May 2025 10:00:00 +0200\n\nx\n")
    found = list(map_file(tmp_path / "box", library.load("mbox", FIRM)))
    assert [one.result[0]["client_id"] for one in found] == ["b@west-laden.example", "a@west-laden.example"]


def orders(tmp_path):
    """Return a file with three orders, of which one has no client."""
    path = tmp_path / "orders.csv"
    rows = ["1,2025-05-01 10:00:00 +0200,a@b.example,x", "2,2025-05-01 10:00:00 +0200,,x", "3,,,x"]
    path.write_text("\n".join(["Id,Created at,Email,Lineitem name", *rows]), encoding="utf-8")
    return path


def test_what_became_of_a_file(tmp_path):
    """Records come with their numbers and lines, and all of them are counted."""
    totals = Totals()
    found = [as_json(mapped) for mapped in map_file(orders(tmp_path), library.load("shopify", FIRM), totals)]
    assert [one.get("dropped") for one in found] == [None, "no_client", "continuation"]
    assert [one["line"] for one in found] == [2, 3, 4]
    assert (totals.records, totals.interactions, totals.dropped["no_client"]) == (3, 1, 1)
    again = Totals()
    assert [line for line, _ in interactions(orders(tmp_path), library.load("shopify", FIRM), again)] == [2]
    assert again == totals


def test_the_preset_that_fits(tmp_path):
    """`auto` takes the preset whose shape the records have, and refuses to guess."""
    assert detect.preset_of(orders(tmp_path), FIRM) == "shopify"
    wide = tmp_path / "wide.csv"
    names = ["order_id", "order_date", *(f"c{place}" for place in range(17))]
    wide.write_text(",".join(names) + "\n" + ",".join(["7"] * 18) + ",\n")
    assert detect.preset_of(wide, FIRM) == "woocommerce"
    calls = tmp_path / "Master.csv"
    calls.write_text('"","1","2","in","","c","","Dial","","2025-05-01 10:00:00","","",9,8,"ANSWERED","D"\n')
    assert detect.preset_of(calls, FIRM) == "asterisk"
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(MappingError, match="no preset fits"):
        detect.preset_of(other, FIRM)


SETTINGS = {
    "time_zone": "Europe/Vienna",
    "own_domains": ["A.example"],
    "own_numbers": ["01 5550100"],
    "country_code": "43",
}
SETTINGS |= {"trunk_prefix": "0", "own_extension": "^[0-9]{3}$", "inbound_contexts": ["in"], "debezium_table": "t"}


def test_settings_of_a_firm(tmp_path):
    """TOML and JSON say the same; addresses and numbers of known clients are brought into their one form."""
    (tmp_path / "clients.csv").write_text(
        "address;client_id;account_id\nAnna@B.example;7;\n01 5550199;8;A\n;9;\nx@y.example;;\nz@y.example;4.9E+11;\n"
    )
    path = tmp_path / "firm"
    path.write_text(json.dumps({**SETTINGS, "clients": "clients.csv"}))
    firm = config.load(path)
    assert firm.clients == {"anna@b.example": ("7", None), "+4315550199": ("8", "A")}
    assert (firm.own_domains, firm.own_numbers) == ({"a.example"}, {"+4315550100"})
    lines = [f"{name} = {json.dumps(value)}" for name, value in SETTINGS.items()]
    path.write_text("\n".join([*lines, 'clients = "clients.csv"']))
    assert config.load(path).clients == firm.clients


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n "time_zone": "UTC",\n "zone": "x"}', "line 3: unknown key 'zone'"),
        ('time_zone = "UTC"\nown_domain = "x"', "line 2: unknown key 'own_domain'"),
        ('time_zone = "Berlin"', "line 1: time_zone should be a name such as Europe/Berlin"),
        ('own_domains = "x"', "own_domains should be a list of texts"),
        ("country_code = 49", "country_code should be a text"),
        ('country_code = "DE"', "country_code should be the digits"),
        ('own_extension = "("', "own_extension is no regular expression"),
        ('clients = "absent.csv"', "cannot be opened"),
        ("time_zone = ", "is not TOML"),
        ('{"time_zone": ', "is not JSON"),
    ],
)
def test_settings_that_cannot_be_used(tmp_path, text, said):
    """A mistake in the settings is told with its line."""
    path = tmp_path / "firm"
    path.write_text(text)
    with pytest.raises(MappingError, match=r"firm|absent") as raised:
        config.load(path)
    assert said in str(raised.value)
