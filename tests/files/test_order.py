"""The order in which rows are read, and rows that lie far from all others."""

import gzip
import io
import json
import random
import sys

import numpy as np
import pytest

from detector.files.declared import Declared
from detector.files.far import NONE_FAR, far_rows
from detector.files.files import read_records, reading_of
from detector.files.reading import BATCH_ROWS
from detector.files.times import times_of_lines

NOW_S, START_S, DAY_S = 1_800_000_000.0, 1_700_000_000, 86_400
WEEK_S = 7 * DAY_S


def event(number, at, client="c"):
    """Write an event as JSON."""
    fields = {"event_id": f"e{number}", "client_id": client, "kind": "email", "at": at, "direction": "inbound"}
    return json.dumps(fields)


def firm(clients=3, weeks=12):
    """Return times and clients of a firm that is heard of every week."""
    return [(START_S + week * WEEK_S + 3600 * k, f"c{k}") for week in range(weeks) for k in range(clients)]


def written(path, rows):
    """Write rows as lines of JSON and return the name of the file."""
    path.write_text("\n".join(event(number, at, client) for number, (at, client) in enumerate(rows)))
    return str(path)


def read(paths, **declared):
    """Read files, and return the times in order, and what the reading counted."""
    with reading_of(paths, Declared(**declared), now_s=NOW_S) as reading:
        at_s = [json.loads(value)["at"] for batch in reading.batches() for value in batch]
        return at_s, reading.out_of_order, [(far.path, far.line, far.detail) for far in reading.far()]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", ["json", "csv", "quoted csv"])
def test_rows_are_read_in_the_order_of_their_times(tmp_path, packed, shape):
    """Shuffled rows of several files, more than are read at once, some of one time: equal times keep their order."""
    chance = random.Random(1)
    paths, expected = [], []
    for file in range(3):
        rows = [(START_S + chance.randrange(4000), file, number) for number in range(BATCH_ROWS + 1234)]
        expected += [(at, file, number) for at, _, number in rows]
        quote = '"' if shape == "quoted csv" else ""
        lines = [event(f"{file}/{number}", at) for at, _, number in rows]
        if shape != "json":
            cells = [f"{file}/{number},{quote}a\nb{quote},email,{at},inbound" for at, _, number in rows]
            cells = cells if quote else [cell.replace("\n", "") for cell in cells]
            lines = ["event_id,client_id,kind,at,direction", *cells]
        paths.append(str(tmp_path / f"{file}"))
        content = "\n".join(lines).encode()
        (tmp_path / f"{file}").write_bytes(gzip.compress(content, mtime=0) if packed else content)

    ids = [json.loads(record.value)["event_id"] for record in read_records(paths)]

    assert [name.removeprefix("e") for name in ids] == [f"{file}/{number}" for _, file, number in sorted(expected)]


def test_rows_out_of_order_are_counted(tmp_path):
    """Those that are older than a row above them; none if the file is in order."""
    rows = firm()
    assert read([written(tmp_path / "a", rows)])[1] == 0
    assert read([written(tmp_path / "b", rows[::-1])])[1] == len(rows) - 1
    assert read([written(tmp_path / "c", [*rows[1:], rows[0]])])[1] == 1


def test_an_order_can_be_kept(tmp_path):
    """As a stream has it; of several files each keeps its own, and they are merged by the latest times so far."""
    first = written(tmp_path / "a", [(START_S + s, "c") for s in (10, 30, 5, 50)])
    second = written(tmp_path / "b", [(START_S + s, "c") for s in (20, 40)])

    assert [at - START_S for at in read([first], in_order=True)[0]] == [10, 30, 5, 50]
    assert [at - START_S for at in read([first, second], in_order=True)[0]] == [10, 20, 30, 5, 40, 50]


@pytest.mark.parametrize("shape", ["json", "csv"])
def test_a_stream_keeps_its_order_and_warns_once(monkeypatch, shape):
    """Standard input cannot be read twice: the first row that goes back is named, and rows after it pass in silence."""
    lines = [event(k, START_S + s) for k, s in enumerate((10, 30, 5, 50, 7))]
    if shape == "csv":
        lines = ["client_id,kind,at,direction", *(f"c,email,{START_S + s},inbound" for s in (10, 30, 5, 50, 7))]
    stdin = io.BufferedReader(io.BytesIO("\n".join(lines).encode()))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin))
    notes = []

    with reading_of(["-"], Declared(), now_s=NOW_S, note=notes.append) as reading:
        batches = [[json.loads(value)["at"] - START_S for value in batch] for batch in reading.batches()]
        places = [reading.place(number) for number in range(5)]

    assert [at for batch in batches for at in batch] == [10, 30, 5, 50, 7]
    assert places == [("-", line + (shape == "csv")) for line in range(1, 6)]
    assert (len(notes), reading.out_of_order, reading.is_sorted) == (1, 2, False)
    assert notes[0].startswith(f"-: line {3 + (shape == 'csv')} is older than a row before it")


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ('{"client_id": "c", "at": 1700000000.5}', 1_700_000_000.5),
        ('{"at":"2023-11-14T22:13:20Z"}', 1_700_000_000),
        ('{"at" : "2023-11-14T23:13:20+01:00", "x": 1}', 1_700_000_000),
        ('{"x": "\\"at\\": 5", "at": 1700000000}', 1_700_000_000),
        ('{"attributes": {"at": 5}, "at": 1700000000}', 1_700_000_000),
        ('{"x": "at", "at": 1700000000}', 1_700_000_000),
        ('{"at": 1700000000, "attributes": {"at": 5}}', 1_700_000_000),
        ('{"at": "2023-11-14 22:13:20.000Z"}', 1_700_000_000),
        ('{"at": 1.7e9}', 1_700_000_000),
        ('{"specversion": "1.0", "time": "2023-11-14T22:13:20Z", "data": {}}', 1_700_000_000),
        ('{"specversion": "1.0", "time": "1999-11-14T22:13:20Z", "data": {"at": 1700000000}}', 1_700_000_000),
        ('{"specversion": "1.0", "data": 7}', None),
        ('{"at": "2023-11-14T22:13:20"}', None),
        ('{"at": null}', None),
        ('{"at"', None),
        ("[1]", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("beside", [[], ["{}"], ['{"a": {"b": 1}}']])
def test_the_time_of_a_line_is_what_a_parser_finds(line, at, beside):
    """By the kernel or one by one, beside lines that let the kernel look closer or not."""
    lines = [line, *beside]
    data = "\n".join(lines).encode()
    stops = np.cumsum([len(one) + 1 for one in lines]) - 1
    starts = stops - [len(one) for one in lines]

    read_s = times_of_lines(data, starts, stops, Declared())[0]

    assert np.isnan(read_s) if at is None else read_s == at


YEAR_S = 365 * DAY_S


@pytest.mark.parametrize(
    ("wrong", "side"),
    [
        ([YEAR_S], "after"),
        ([YEAR_S, 2 * YEAR_S, YEAR_S + WEEK_S], "after"),
        ([-YEAR_S], "before"),
        ([-10 * YEAR_S], "before"),
        ([150 * DAY_S], "after"),
    ],
)
def test_a_few_rows_far_from_all_others_are_set_aside(tmp_path, wrong, side):
    """A mistyped year, or month, carries neither the end nor the beginning of the log away."""
    rows = firm()
    mistyped = [(rows[20 + k][0] + s, "c2") for k, s in enumerate(wrong)]
    path = written(tmp_path / "a", [*rows[:20], *mistyped, *rows[20:]])

    at_s, _, far = read([path])

    assert at_s == [at for at, _ in rows]
    assert sorted(line for _, line, _ in far) == [21 + k for k in range(len(wrong))]
    assert all(f"days {side} all other rows" in detail for _, _, detail in far)
    assert len(read([path], keep_far=True)[0]) == len(rows) + len(wrong)


def test_a_row_is_not_far_if_the_user_says_that_the_log_reaches_so_far(tmp_path):
    """With --until at or behind it, the clock goes there anyway."""
    rows = firm()
    path = written(tmp_path / "a", [*rows, (rows[-1][0] + YEAR_S, "c1")])

    for until_s, expected in ((rows[-1][0] + YEAR_S, len(rows) + 1), (rows[-1][0] + DAY_S, len(rows))):
        with reading_of([path], Declared(), now_s=NOW_S, until_s=until_s) as reading:
            assert sum(map(len, reading.batches())) == expected


@pytest.mark.parametrize(
    "rows",
    [
        [*firm(clients=2), (START_S + 60 * WEEK_S, "c0")],  # of two clients, a long silence of both is a finding
        [*firm(weeks=3), (START_S + 60 * WEEK_S, "c0")],  # too short to know what is usual
        [*firm(), (START_S + 14 * WEEK_S, "c0")],  # three weeks: holidays
        firm() + [(START_S + 60 * WEEK_S + k, "c0") for k in range(4)],  # not so few
        firm()[::2] + [(START_S + (30 + k) * WEEK_S, f"c{k % 3}") for k in range(12)],  # a pause of half a year
    ],
)
def test_what_may_well_be_is_not_far(tmp_path, rows):
    """A silence that ends is what the detector is for."""
    assert read([written(tmp_path / "a", rows)])[0] == [at for at, _ in rows]


def test_nothing_is_far_in_an_empty_log():
    """Nor in one of equal times."""
    assert far_rows(np.empty(0), len) == NONE_FAR
    assert far_rows(np.full(100, 1.7e9), len) == NONE_FAR
