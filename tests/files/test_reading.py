"""Files of interactions, read as they would be produced."""

import gzip
import io
import json
import sys
import uuid

import pytest

from detector.files.files import LINE_BYTES_MAX, InputError, read_batches, read_records, writing
from detector.files.reading import Reading
from detector.files.rows import produced, produced_values
from schemas.envelope import InteractionReader

HEADER = "client_id,kind,at,direction"
NOW_S = 1_800_000_000.0
START_S = 1_600_000_000


def write(path, *lines):
    """Write a file of these lines and give its name."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def values(*paths):
    """Read files and give the records as objects."""
    return [json.loads(record.value) for record in read_records(paths)]


def event(client, at, **more):
    """Write an event as NDJSON."""
    return json.dumps({"client_id": client, "kind": "email", "at": at, "direction": "inbound", **more})


def test_a_csv_row_becomes_an_interaction_that_the_reader_accepts(tmp_path):
    """Each cell gets the type of its field, and an empty one is absent."""
    path = write(
        tmp_path / "a.csv",
        f"{HEADER},length,amount,automated,substantive,due_at,attributes,channel,mood",
        'ann,order,2025-03-04T10:15:30Z,inbound,12,9.5,no,True,1741083330,"{""shop"": ""x""}",,fine',
    )

    (record,) = read_records([path])
    read = InteractionReader().read(record.value, now_s=NOW_S)

    assert record.line == 2
    assert read["length"] == 12
    assert read["amount"] == 9.5
    assert read["automated"] is False
    assert read["substantive"] is True
    assert read["due_at"] == 1_741_083_330
    assert read["attributes"] == {"shop": "x"}
    assert "channel" not in read
    assert json.loads(record.value)["mood"] == "fine"


def test_a_cell_of_the_wrong_type_is_left_to_the_reader(tmp_path):
    """Nothing is dropped: the row arrives, and the reader names the field."""
    path = write(tmp_path / "a.csv", HEADER, "ann,email,2025-03-04T10:15:30Z,sideways")

    (record,) = read_records([path])
    refusal = InteractionReader().read(record.value, now_s=NOW_S)

    assert refusal.reason == "invalid_field"
    assert "direction" in refusal.detail


def test_quoted_commas_and_line_breaks_belong_to_their_cell(tmp_path):
    """CSV as spreadsheets write it, with a byte order mark."""
    path = write(tmp_path / "a.csv", f"\ufeff{HEADER}", '"Ann, Bob\nand Co",email,2025-03-04T10:15:30Z,inbound')

    (record,) = read_records([path])

    assert json.loads(record.value)["client_id"] == "Ann, Bob\nand Co"
    assert record.line == 3


def test_the_same_content_has_the_same_id(tmp_path):
    """The id of an event without one depends on its content alone: not on the order, the format or the file."""
    first = write(tmp_path / "a.csv", HEADER, "ann,email,2025-03-04T10:15:30Z,inbound")
    second = write(tmp_path / "b.csv", "direction,at,kind,client_id", "inbound,2025-03-04T10:15:30Z,email,ann")
    third = write(tmp_path / "c.ndjson", event("ann", "2025-03-04T10:15:30Z"), event("bob", "2025-03-04T10:15:30Z"))

    ids = [value["event_id"] for value in values(first, second, third)]

    assert ids[0] == ids[1] == ids[2] != ids[3]


def test_an_id_that_is_given_is_kept(tmp_path):
    """A line with an id is passed on byte by byte."""
    line = event("ann", 1741083330, event_id="e-1", note="ö")
    path = write(tmp_path / "a.ndjson", line)

    assert [record.value for record in read_records([path])] == [line.encode()]


@pytest.mark.parametrize("line", ['{"client_id":', "[1]", '{"at": NaN}x', "{" * 100_000])
def test_a_malformed_line_is_passed_on_as_it_is(tmp_path, line):
    """The reader refuses it and says why, here as from a topic."""
    path = write(tmp_path / "a.ndjson", event("ann", 1, event_id="e"), line, "")

    assert [record.value for record in read_records([path])][1:] == [line.encode()]


def test_gzip_is_recognised_by_its_content(tmp_path):
    """Whatever the file is called."""
    path = tmp_path / "a.bin"
    path.write_bytes(gzip.compress(event("ann", 1741083330).encode(), mtime=0))

    assert values(str(path))[0]["client_id"] == "ann"


def test_a_dash_is_the_standard_input(monkeypatch):
    """So that other programs can feed the detector."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(event("ann", 1).encode()))))

    assert values("-")[0]["client_id"] == "ann"


def test_files_are_sorted_together_by_the_times_of_their_rows(tmp_path):
    """What has no time stays behind the row above it."""
    at = (START_S + s for s in (100, 300, 150, 500, 200))
    a1, a2, a3, a4, b1 = (event(name, s) for name, s in zip(("a1", "a2", "a3", "a4", "b1"), at, strict=True))
    first = write(tmp_path / "a", a1, a2, a3, "{broken", a4)
    second = write(tmp_path / "b", b1, event("b2", "2020-09-13T12:33:20Z"))

    order = [
        record.value[-80:] if b"{broken" in record.value else json.loads(record.value)["client_id"]
        for record in read_records([first, second])
    ]

    assert order == ["a1", "a3", b"{broken", "b1", "a2", "b2", "a4"]


def test_progress_goes_from_the_beginning_to_the_end(tmp_path):
    """First over the bytes on disk, of a gzip file the compressed ones, then over the rows."""
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"\n".join(event("ann", START_S + k).encode() for k in range(12_000)), mtime=0))
    seen = []

    with Reading([str(path)], now_s=NOW_S, show=lambda what, share: seen.append((what, share))) as reading:
        reading.sort()
        assert len([line for batch in reading.batches() for line in batch]) == 12_000

    steps = list(dict.fromkeys(what for what, _ in seen))
    assert steps == ["looking at the order of the rows", "reading"]
    for step in steps:
        shares = [share for what, share in seen if what == step]
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1.0)


def test_an_empty_file_has_no_records(tmp_path):
    """A quiet night is no error."""
    assert values(write(tmp_path / "a.csv")) == values(write(tmp_path / "b.csv", HEADER)) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"client_id,kind,direction\n", "has no column at; "),
        (b"hello\n", "has no column client_id, kind, at, direction; "),
        (b"client_id,kind,at,direction,kind\n", "has the column 'kind' more than once"),
        (b"a,b\n1,2\n", "It names a, b"),
        (b"ann,email,2025-03-04T10:15:30Z,inbound\n", "its first line looks like data"),
        (b"client_id,kind,at,direction\nann,\0\0\0\0", "is binary data"),
        (gzip.compress(b"{}" * 1000, mtime=0)[:-9], "is damaged gzip"),
        (gzip.compress(b"{}" * 1000, mtime=0)[:12] + bytes(20), "is damaged gzip"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line_with_its_name(tmp_path, content, said):
    """The message names the file and what to do."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)

    for read in (read_records, read_batches):
        with pytest.raises(InputError, match=said) as raised:
            list(read([str(path)]))

        assert str(raised.value).startswith(str(path))
        assert "\n" not in str(raised.value)


def test_a_header_with_a_stray_quote_is_one_line_with_its_name(tmp_path):
    """Without a header there is nothing to read."""
    path = tmp_path / "a.csv"
    path.write_bytes(b'"client_id"x,kind\n')

    with pytest.raises(InputError, match=rf"^the first line of {path} is not CSV"):
        list(read_records([str(path)]))


@pytest.mark.parametrize(
    "row", [b"a,b,c,d,e", b'"bo"b,email,1,inbound', b'"open,email,1,inbound', b"J\xe9,Zo\xc3\xab,1,inbound"]
)
def test_a_row_that_cannot_be_read_is_passed_on_and_the_others_are_read(tmp_path, row):
    """A cell too many, a stray quote, one that is never closed, another encoding: the reader refuses just that row."""
    good = ["Zoë,email,1741083330,inbound".encode(), '"Bö, Jr",email,1741083331,inbound'.encode()]
    path = tmp_path / "a.csv"
    path.write_bytes(b"\r\n".join([HEADER.encode(), good[0], row, b"", b",,,", *good[1:], row, *good, b""]))

    records = sorted(read_records([str(path)]), key=lambda record: record.line)
    read = [InteractionReader().read(record.value, now_s=NOW_S) for record in records]

    assert [record.value for record in records if record.line in (3, 7)] == [row, row]
    assert [found.reason for found in (read[1], read[3])] == ["malformed_json"] * 2
    assert [read[number]["client_id"] for number in (0, 2, 4, 5)] == ["Zoë", "Bö, Jr", "Zoë", "Bö, Jr"]


@pytest.mark.parametrize("cell", ["1_000", "1.000,50", "ten", "12 EUR"])
def test_what_is_a_number_to_nobody_else_stays_text(tmp_path, cell):
    """Python reads 1_000 as a number; JSON and spreadsheets do not."""
    path = write(tmp_path / "a.csv", f"{HEADER},amount,length", f'ann,order,1741083330,inbound,"{cell}","{cell}"')

    assert values(path)[0]["amount"] == values(path)[0]["length"] == cell


def test_a_huge_line_is_cut_and_refused(tmp_path):
    """Neither memory nor a Kafka message has room for it; the line below it is read."""
    path = tmp_path / "a.ndjson"
    huge = event("ann", 1741083330, event_id="huge", note="x" * 3 * LINE_BYTES_MAX)
    write(path, huge, event("ann", 1741083331, event_id="small"))

    records = list(read_records([str(path)]))

    assert [(record.line, len(record.value)) for record in records] == [(1, LINE_BYTES_MAX), (2, len(records[1].value))]
    assert InteractionReader().read(records[0].value, now_s=NOW_S).reason == "too_large"
    assert json.loads(records[1].value)["event_id"] == "small"


def test_a_huge_cell_is_cut_and_refused(tmp_path):
    """A row that was cut in the middle is never taken for a shorter one."""
    row = f"ann,email,1741083330,inbound,{'x' * 3 * LINE_BYTES_MAX}"
    path = write(tmp_path / "a.csv", f"{HEADER},note", row, f'"{row}\n{row}"', "ann,email,1741083331,inbound,fine")

    records = list(read_records([path]))
    read = [InteractionReader().read(record.value, now_s=NOW_S) for record in records]

    assert all(len(record.value) <= LINE_BYTES_MAX for record in records)
    assert [found.reason for found in read[:-1]] == ["too_large"] * (len(read) - 1)
    assert read[-1]["client_id"] == "ann"


@pytest.mark.parametrize(
    "line",
    [
        event("ann", 1, attributes={"event_id": "of another"}),
        event("ann", 1, note='"event_id":"in a text"'),
        event("ann", 1, event_id=None),
    ],
)
def test_what_only_looks_like_an_id_is_none(tmp_path, line):
    """An id counts where the contract has it; otherwise it is made."""
    (value,) = values(write(tmp_path / "a.ndjson", line))

    assert uuid.UUID(value["event_id"]).version == 5


@pytest.mark.parametrize("at", ["9999-01-01T00:00:00Z", 10**400, "2025-03-04T00:00:00", "soon", None])
def test_a_time_that_will_be_refused_delays_nothing(tmp_path, at):
    """It comes where it stands, and what follows it keeps its place among the other files."""
    first = write(tmp_path / "a", event("a1", START_S), event("refused", at), event("a2", START_S + 2))
    second = write(tmp_path / "b", event("b1", START_S + 1), event("b2", START_S + 3))

    order = [value["client_id"] for value in values(first, second)]

    assert order == ["a1", "refused", "b1", "a2", "b2"]


def test_a_cloud_event_is_passed_on_and_merged_by_its_own_time(tmp_path):
    """The envelope has the id and may have the time; the data win."""
    lines = [
        json.dumps({"specversion": "1.0", "time": "2020-09-13T12:29:10Z", "data": {"client_id": "c1"}}),
        json.dumps(
            {"specversion": "1.0", "time": "2020-09-13T12:29:10Z", "data": {"client_id": "c2", "at": START_S + 250}}
        ),
    ]
    first = write(tmp_path / "a", event("a1", START_S + 100, event_id="1"), event("a2", START_S + 200, event_id="2"))

    found = [record.value.decode() for record in read_records([first, write(tmp_path / "b", *lines)])]

    assert found[1::2] == lines


def test_an_output_appears_when_it_is_complete(tmp_path):
    """A failure leaves what was there, and nothing else."""
    path = tmp_path / "out"
    path.write_text("of the last run")

    with pytest.raises(TypeError), writing(str(path)) as out:
        out.writelines([b"half", "a bug"])

    assert path.read_text() == "of the last run"
    assert list(tmp_path.iterdir()) == [path]


def test_an_output_that_cannot_be_written_is_one_line(tmp_path):
    """A folder that is not there, or a disk that is full, at whatever moment that shows."""
    with pytest.raises(InputError, match="nowhere/out cannot be written: No such file"), writing("nowhere/out"):
        pass
    for size in (1, 10_000_000):
        with pytest.raises(InputError, match="/dev/full cannot be written: No space"), writing("/dev/full") as out:
            out.write(b"x" * size)


def test_a_missing_file_is_told_before_any_record(tmp_path):
    """Also when it is the last of many."""
    path = write(tmp_path / "a", event("a", 1))

    with pytest.raises(InputError, match="does not exist"):
        next(read_records([path, str(tmp_path / "b")]))
    with pytest.raises(InputError, match="cannot be opened: Is a directory"):
        next(read_records([str(tmp_path)]))
    with pytest.raises(InputError, match="is named twice"):
        next(read_records([path, path]))


def of_batches(*paths):
    """Read files many records at a time and give what would be produced."""
    return list(produced_values(read_batches(paths)))


ONE, TWO = event("ann", 1.6e9, event_id="e1"), event("bob", 1.7e9)
LONG = event("cyd", 1.6e9, event_id="e2", note="x" * LINE_BYTES_MAX)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n \n",
        f"{ONE}\n{TWO}\n",
        f"{ONE}\r\n\r\n  {TWO}",
        f"\ufeff{ONE}\n{TWO}",
        " " * 300 + f"\n{ONE}\n{TWO}\n",
        f"{LONG}\n{ONE}\n{LONG}",
        f"{ONE}\n{{broken\n[]\nnothing\n{TWO}\n",
        "\n".join(event(f"client-{k}", 1.6e9 + k, event_id=f"e{k}") for k in range(5000)),
    ],
    ids=lambda content: repr(content[:20]),
)
@pytest.mark.parametrize("zipped", [False, True])
def test_many_at_a_time_are_what_they_are_one_by_one(tmp_path, content, zipped):
    """Blank lines, marks, lines that are too long, what is no JSON: blocks cut nothing and add nothing."""
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(content.encode(), mtime=0) if zipped else content.encode())

    lines = [line.strip().encode() for line in content.removeprefix("\ufeff").split("\n")]
    expected = [produced(line)[:LINE_BYTES_MAX] for line in lines if line]
    assert of_batches(str(path)) == [record.value for record in read_records([str(path)])] == expected


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (f"{ONE}\n\n{TWO}\nnope", [1, 3, 4]),
        (f"\n{TWO}\n\n{ONE}\n", [4, 2]),
        (f'{HEADER}\nann,email,{2 * 10**9},inbound\n\n"a\nb",email,2025-03-04T10:15:30Z,inbound\n', [2, 5]),
        (f'{HEADER}\r\nann,email,1700000000,inbound\r\n\r\n"a\nb",email,1600000000,inbound\r\n', [5, 2]),
        (f"{LONG}\n{ONE}\n{LONG}", [1, 2, 3]),
    ],
)
def test_every_record_is_found_again(tmp_path, content, lines):
    """Alone or among other files, a record has the file and line that it had."""
    path, other = write(tmp_path / "a", content), write(tmp_path / "b", event("cyd", 1.5e9))

    assert [(record.path, record.line) for record in read_records([path])] == [(path, line) for line in lines]
    assert [record.line for record in read_records([path, other]) if record.path == path] == lines
    assert [record.line for record in read_records([path, other]) if record.path == other] == [1]
