"""Files of any format, packing and encoding: read, or named for what they are."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pytest

from detector.files import opening, text
from detector.files.declared import Declared
from detector.files.files import LINE_BYTES_MAX, InputError, read_batches, read_records, reading_of
from schemas.envelope import InteractionReader

NOW_S = 1_800_000_000.0
HEADER = "client_id,kind,at,direction"
ROWS = ("Zoë,email,2025-03-04T10:15:30Z,inbound", "Bob,email,2025-03-05T10:15:30Z,inbound")
TABLE = "\n".join([HEADER, *ROWS, ""])
EVENTS = [
    {"event_id": f"e{k}", "client_id": name, "kind": "email", "at": 1_741_000_000 + k, "direction": "inbound"}
    for k, name in enumerate(["Zoë", "Bob"])
]


def write(path, content):
    """Write bytes and return the name of the file."""
    path.write_bytes(content)
    return str(path)


def clients(path, **declared):
    """Read a file, and return the clients of its records, all of which are accepted."""
    records = list(read_records([path], Declared(**declared)))
    return [InteractionReader().read(record.value, now_s=NOW_S)["client_id"] for record in records]


def zipped(**members):
    """Make a zip of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tar():
    """Make a tar archive of one file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        TABLE.encode(),
        TABLE.encode("utf-8-sig"),
        TABLE.encode("utf-16"),
        TABLE.encode("utf-16-le"),
        TABLE.encode("utf-16-be"),
        TABLE.encode("utf-32"),
        TABLE.encode("cp1252"),
        TABLE.replace("\n", "\r\n").encode(),
        TABLE.replace("\n", "\r").encode(),
        TABLE.replace("\n", "\r").encode("utf-16"),
        TABLE.replace(",", ";").encode(),
        TABLE.replace(",", "\t").encode(),
        TABLE.replace(",", " , ").encode(),
        ("sep=;\r\n" + TABLE.replace(",", ";")).encode(),
        TABLE.replace("Bob", '"Bob"').encode(),
        gzip.compress(TABLE.encode("cp1252"), mtime=0),
        zipped(**{"export/a.csv": TABLE, "__MACOSX/a.csv": b"\0", "export/.DS_Store": b"\0"}),
        "\n".join(json.dumps(event) for event in EVENTS).encode(),
        json.dumps(EVENTS).encode(),
        json.dumps(EVENTS, indent=2, ensure_ascii=False).encode(),
        json.dumps(EVENTS, indent=2).encode("utf-16"),
        "\n".join(json.dumps(event, indent=2) for event in EVENTS).encode(),
        gzip.compress(json.dumps(EVENTS).encode(), mtime=0),
        zipped(a=json.dumps(EVENTS)),
    ],
)
def test_a_file_is_read_however_it_is_written(tmp_path, content):
    """Separators, line breaks, encodings, packings, and the ways to write many events as JSON."""
    assert clients(write(tmp_path / "a", content)) == ["Zoë", "Bob"]


@pytest.mark.parametrize("encoding", ["cp1252", "Windows-1252", "latin1", "cp850"])
def test_an_encoding_can_be_declared(tmp_path, encoding):
    """What the user says is not doubted."""
    path = write(tmp_path / "a", TABLE.encode(encoding))

    assert clients(path, encoding=encoding) == ["Zoë", "Bob"]


def test_an_encoding_that_does_not_exist_is_named(tmp_path):
    """With some that do."""
    with pytest.raises(InputError, match=r"'cp99' is no encoding that is known; try cp1252"):
        clients(write(tmp_path / "a", TABLE.encode()), encoding="cp99")


def test_an_encoding_that_was_found_is_noted(tmp_path):
    """Nobody has to guess why a name looks wrong; a file in UTF-8 needs no word."""
    notes = []
    for name, encoding in (("a", "cp1252"), ("b", "utf-8")):
        path = write(tmp_path / name, TABLE.encode(encoding))
        with reading_of([path], Declared(), now_s=NOW_S, note=notes.append):
            pass

    assert notes == [f"{tmp_path / 'a'} is read as cp1252, by its look; --encoding NAME says otherwise"]


def test_rows_in_another_encoding_are_found_far_behind_the_beginning(tmp_path):
    """The first name with an umlaut may be the ten-thousandth."""
    rows = [f"c{k},email,{1_741_000_000 + k},inbound" for k in range(60_000)]
    content = "\n".join([HEADER, *rows, "Zoë,email,1741999999,inbound", ""]).encode("cp1252")

    assert clients(write(tmp_path / "a", content))[-1] == "Zoë"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (zipped(**{"[Content_Types].xml": "", "xl/workbook.xml": ""}), r"is an Excel workbook \(xlsx\); open it and"),
        (zipped(**{"[Content_Types].xml": "", "word/document.xml": ""}), "is an Office document; open it and save"),
        (zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "is an Office document; open it and save"),
        (zipped(a=TABLE, b=TABLE), r"is a zip of 2 files \(a, b\); unpack it first"),
        (zipped(), "is an empty zip"),
        (zipped(a=TABLE)[:-30], "is a damaged zip"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
            r"is an Excel workbook \(xls\) or another old Office document",
        ),
        (b"PAR1" + bytes(600), "is a Parquet file; export its table"),
        (b"SQLite format 3\0" + bytes(600), "is an SQLite database; export its table"),
        (b"%PDF-1.7\n", "is a PDF; ask for the data as CSV"),
        (bz2.compress(TABLE.encode()), "is compressed with bzip2; unpack it first"),
        (lzma.compress(TABLE.encode()), "is compressed with xz; unpack it first"),
        (tar(), "is a tar archive; unpack it first"),
        (b"<!DOCTYPE html><html><body>Please sign in", "is a web page or XML, no table: perhaps a login page"),
        (bytes(range(256)) * 10, "is binary data and no text"),
    ],
)
def test_what_is_no_log_is_named_for_what_it_is(tmp_path, content, said):
    """One line, with what to do."""
    path = write(tmp_path / "a", content)

    with pytest.raises(InputError, match=said) as raised:
        list(read_batches([path]))

    assert str(raised.value).startswith(path)
    assert "\n" not in str(raised.value)


def test_a_zip_with_a_password_is_named(tmp_path):
    """The password is not asked for."""
    content = bytearray(zipped(a=TABLE))
    for place in (content.index(b"PK\x03\x04") + 6, content.index(b"PK\x01\x02") + 8):
        content[place] |= 1

    with pytest.raises(InputError, match="is a zip with a password; unpack it first"):
        list(read_batches([write(tmp_path / "a", bytes(content))]))


def test_numbers_with_a_decimal_comma_are_read_when_that_is_declared(tmp_path):
    """Otherwise they stay text, as nobody knows whether 1,500 are one and a half."""
    rows = "client_id;kind;at;direction;amount\nBob;order;1741083330;inbound;1.013,50\n"
    path = write(tmp_path / "a", rows.encode())

    amounts = [
        json.loads(next(read_records([path], Declared(decimal_comma=comma))).value)["amount"] for comma in (0, 1)
    ]

    assert amounts == ["1.013,50", 1013.5]


@pytest.mark.parametrize(
    ("unit", "at"), [("ms", 1_741_082_400_000), ("us", 1_741_082_400_000_000), ("excel-days", 45_720 + 5 / 12)]
)
def test_times_in_another_unit_are_read_when_that_is_declared(tmp_path, unit, at):
    """In cells and in JSON, and rows are sorted by them."""
    table = write(tmp_path / "a", f"{HEADER}\nBob,email,{at + 1},inbound\nAnn,email,{at},inbound\n".encode())
    events = [{**event, "at": at + 1 - k} for k, event in enumerate(EVENTS)]
    lines = write(tmp_path / "b", "\n".join(map(json.dumps, events)).encode())

    for path in (table, lines):
        records = [json.loads(record.value) for record in read_records([path], Declared(times_in=unit))]
        assert records[0]["at"] == pytest.approx(1_741_082_400)
        assert records[0]["at"] < records[1]["at"]


def test_an_offset_without_its_colon_is_given_one(tmp_path):
    """Shops export 2025-03-04T10:00:00+0000; the contract wants RFC 3339."""
    path = write(tmp_path / "a", f"{HEADER}\nBob,email,2025-03-04T10:15:30+0100,inbound\n".encode())

    (record,) = read_records([path])

    assert InteractionReader().read(record.value, now_s=NOW_S)["at"] == 1_741_079_730


def test_a_table_of_ten_thousand_columns_is_read(tmp_path):
    """What the contract does not name would make the record too large: it is left out."""
    names = [f"column {k}" for k in range(10_000)]
    cells = ["x" * 20] * len(names)
    path = write(tmp_path / "a", "\n".join([",".join([HEADER, *names]), ",".join([ROWS[1], *cells]), ""]).encode())

    assert clients(path) == ["Bob"]


def test_cells_that_are_all_empty_are_no_records(tmp_path):
    """As blank lines are none."""
    assert list(read_records([write(tmp_path / "a", f"{HEADER}\n,,,\n , ,,\n\n".encode())])) == []


def test_a_header_that_comes_again_is_passed_over_and_counted(tmp_path):
    """Files were put behind each other with all their lines."""
    path = write(tmp_path / "a", (TABLE + TABLE).encode())

    with reading_of([path], Declared(), now_s=NOW_S) as reading:
        values = [value for batch in reading.batches() for value in batch if value]
        assert (len(values), reading.headers_repeated()) == (4, 1)


def test_a_line_of_any_length_takes_no_more_memory(tmp_path):
    """It is cut and refused; rows above and below are read."""
    path = tmp_path / "a"
    with path.open("wb") as out:
        out.write(json.dumps(EVENTS[0]).encode() + b"\n")
        for _ in range(40):
            out.write(b"x" * 1_000_000)
        out.write(b"\n" + json.dumps(EVENTS[1]).encode())

    records = list(read_records([str(path)]))

    assert [(record.line, len(record.value) == LINE_BYTES_MAX) for record in records] == [
        (1, False),
        (2, True),
        (3, False),
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_is_cut_off_loses_its_last_row_only(tmp_path, packed):
    """Of plain text; gzip that is cut off is told to be damaged."""
    content = json.dumps(EVENTS).encode()[:-20]
    if packed:
        with pytest.raises(InputError, match="is damaged gzip"):
            list(read_batches([write(tmp_path / "a", gzip.compress(content * 1000, mtime=0)[:-12])]))
        return

    values = [record.value for record in read_records([write(tmp_path / "a", content)])]

    assert json.loads(values[0]) == EVENTS[0]
    assert InteractionReader().read(values[1], now_s=NOW_S).reason == "malformed_json"


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    """A file that becomes hundreds of times larger is told, before it fills memory or disk."""
    monkeypatch.setattr(opening, "EXPANSION_FREE_BYTES", 1_000_000)
    bomb = b"x" * 30_000_000
    for content in (gzip.compress(bomb, mtime=0), zipped(a=bomb)):
        with pytest.raises(InputError, match="becomes more than 200 times as large"):
            list(read_batches([write(tmp_path / "a", content)]))


def test_a_disk_is_not_filled(tmp_path, monkeypatch):
    """What has to be unpacked to be sorted leaves room to others."""
    monkeypatch.setattr(text, "DISK_FREE_BYTES_MIN", 1 << 60)

    with pytest.raises(InputError, match="let TMPDIR name a larger disk"):
        list(read_batches([write(tmp_path / "a", gzip.compress(TABLE.encode(), mtime=0))]))
