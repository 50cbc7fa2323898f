"""People's own files, through the commands: any order, one wrong cell, and exit codes that tell a script the truth."""

import gzip
import json
import shlex
import sys
from datetime import UTC, datetime, timedelta

import pytest

HEADER = "at,client_id,kind,direction"
MONDAY = datetime(2025, 1, 6, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _small_firm(monkeypatch):
    """Let alerts out although only three clients are known."""
    monkeypatch.setenv("GHOSTING_LEARNING_GAPS_MIN", "1")


def week(client, number):
    """Return a row of a client that orders every Monday."""
    at = MONDAY + timedelta(weeks=number, hours=client)
    return f"{at:%Y-%m-%dT%H:%M:%SZ},C-{client},order,inbound"


OLDEST_FIRST = [week(client, number) for number in range(12) for client in range(3) if client or number < 8]
"""Three clients; the first stops after eight weeks."""
REGULAR = [week(client, number) for number in range(12) for client in range(3)]


def written(path, rows):
    """Write a table and return its path."""
    path.write_text("\n".join([HEADER, *rows, ""]))
    return path


def opened(path):
    """Return client and time of the silences of contact in a file of alerts, and fail at anything else."""
    alerts = [json.loads(line)["data"] for line in path.read_text().splitlines()]
    assert {alert["transition"] for alert in alerts} <= {"opened"}
    return [(alert["client_id"], alert["at"]) for alert in alerts]


@pytest.fixture
def replayed(ghosting, tmp_path):
    """Return a function that replays rows: exit code, alerts, summary, standard error."""

    def run(rows, *options):
        source = rows if not isinstance(rows, list) else written(tmp_path / "rows.csv", rows)
        alerts = tmp_path / "alerts.jsonl"
        code, out, err = ghosting("replay", source, "--partitions", 1, "--alerts", alerts, "--json", *options)
        return code, opened(alerts), json.loads(out), err

    return run


@pytest.mark.parametrize(
    ("rows", "out_of_order"),
    [
        (OLDEST_FIRST, 0),
        (OLDEST_FIRST[::-1], 31),
        (sorted(OLDEST_FIRST, key=lambda row: (row.split(",")[1], row)), 18),
    ],
    ids=["oldest first", "newest first", "grouped by client"],
)
def test_the_order_of_a_file_changes_no_alert(replayed, rows, out_of_order):
    """The client that stopped is told of, nobody else is, and the summary says what was sorted."""
    code, alerts, summary, _ = replayed(rows, "--until", "2025-04-20T00:00:00Z")

    assert code == 0
    assert alerts == [("C-0", "2025-03-30T21:08:03Z")]
    assert (summary["applied"], summary["late"], summary["out_of_order"]) == (32, 0, out_of_order)


def test_the_order_of_a_file_changes_nothing_that_is_learned(ghosting, tmp_path):
    """`learn` reads files as `replay` does."""
    for name, rows in (("a", OLDEST_FIRST), ("b", OLDEST_FIRST[::-1])):
        code, _, _ = ghosting("learn", written(tmp_path / f"{name}.csv", rows), "-o", tmp_path / f"{name}.json")
        assert code == 0

    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text())["segments"]


def test_the_order_of_a_file_changes_nothing_in_a_backtest(ghosting, tmp_path):
    """`backtest` reads files as `replay` does."""
    figures = [
        ghosting("backtest", written(tmp_path / f"{name}.csv", rows), "--false-alerts", "1", "--json", "-")[1]
        for name, rows in (("a", OLDEST_FIRST), ("b", OLDEST_FIRST[::-1]))
    ]

    assert figures[0] == figures[1]


@pytest.mark.parametrize("year", [2024, 2015, 2026])
def test_one_mistyped_year_touches_nobody_else(replayed, year):
    """The row is refused and named; the alerts are those of the file without it: none."""
    rows = [row.replace("2025-", f"{year}-") if number == 21 else row for number, row in enumerate(REGULAR)]

    code, alerts, summary, err = replayed(rows)

    assert (code, alerts) == (0, [])
    assert (summary["records"], summary["applied"], summary["rejected"]) == (36, 35, {"time_out_of_range": 1})
    assert "rows.csv, line 23: at: lies " in err
    assert "mistyped?" in err


def test_a_mistyped_year_is_among_the_rejected_records(ghosting, tmp_path):
    """With file, line and reason, as all others."""
    rows = [row.replace("2025-", "2026-") if number == 21 else row for number, row in enumerate(REGULAR)]
    source, rejected = written(tmp_path / "rows.csv", rows), tmp_path / "rejected.jsonl"

    ghosting("replay", source, "--alerts", tmp_path / "alerts", "--rejected", rejected)

    refused = json.loads(rejected.read_text())
    assert (refused["topic"], refused["offset"], refused["reason"]) == (str(source), 23, "time_out_of_range")


def test_a_row_that_is_kept_by_wish_carries_the_clock(replayed):
    """The user may know better."""
    rows = [row.replace("2025-", "2026-") if number == 21 else row for number, row in enumerate(REGULAR)]

    with pytest.raises(AssertionError):  # silences of all are opened, and more
        replayed(rows, "--keep-far")


def test_a_file_in_order_may_be_declared_to_be(replayed):
    """Then it is read as a stream: the first row that goes back is named, and older rows count as late."""
    assert replayed(OLDEST_FIRST, "--in-order")[3] == ""

    _, _, summary, err = replayed(OLDEST_FIRST[::-1], "--in-order")

    assert summary["late"] > 0
    assert "line 3 is older than a row before it" in err


def test_a_stream_is_read_in_its_own_order(replayed, ghosting, tmp_path, monkeypatch):
    """Standard input is replayed as it comes; its alerts are those of the file."""
    path = written(tmp_path / "rows.csv", OLDEST_FIRST)
    until = ("--until", "2025-04-20T00:00:00Z")
    with path.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        code, alerts, _, err = replayed("-", *until)

    assert (code, alerts, err) == (0, [("C-0", "2025-03-30T21:08:03Z")], "")


@pytest.mark.parametrize("command", ["replay", "learn", "backtest"])
@pytest.mark.parametrize("rows", [[], [",,,"], ["yesterday,C-1,order,inbound"]], ids=["none", "empty", "refused"])
def test_a_command_that_applied_nothing_exits_with_1(ghosting, tmp_path, command, rows):
    """A script must not take an empty result for a good one."""
    source = written(tmp_path / "rows.csv", rows)
    options = {"replay": ("--alerts", tmp_path / "out"), "learn": ("-o", tmp_path / "out"), "backtest": ()}

    code, _, err = ghosting(command, source, *options[command])

    assert code == 1
    assert "nothing was applied" in err


@pytest.mark.parametrize(
    ("at", "unit", "name"),
    [
        ("1741082400000", "ms", "milliseconds"),
        ("45720", "excel-days", "days as spreadsheets count them"),
        ("1741082400000000", "us", "microseconds"),
    ],
)
def test_times_in_another_unit_are_named_and_can_be_declared(replayed, at, unit, name):
    """What they look like, and the option that reads them."""
    row = f"{at},C-1,order,inbound"

    code, _, _, err = replayed([row])
    assert code == 1
    assert f"1 times look like {name}" in err
    assert f"--times-in {unit} reads them" in err

    code, _, summary, _ = replayed([row], "--times-in", unit)
    assert (code, summary["applied"]) == (0, 1)


def test_a_unit_that_is_none_is_wrong_usage(ghosting, tmp_path):
    """The units are listed."""
    code, _, err = ghosting("replay", "a", "--alerts", "b", "--times-in", "weeks")

    assert code == 2
    assert "'weeks' should be s, ms, us or excel-days" in " ".join(err.replace("│", " ").split())


def test_rejections_of_a_long_file_name_their_lines(ghosting, tmp_path, monkeypatch):
    """Records are applied a part at a time; alerts and lines are those of all at once."""
    rows = [row for number, row in enumerate(OLDEST_FIRST[::-1])]
    rows[5:5] = ["yesterday,C-9,order,inbound"]
    source = written(tmp_path / "rows.csv", rows)
    outputs = []
    for step in (200_000, 3):
        monkeypatch.setattr("detector.offline.replay._STEP_RECORDS", step)
        monkeypatch.setattr("detector.files.reading.BATCH_ROWS", 2)
        paths = [tmp_path / f"{name}{step}" for name in ("alerts", "rejected", "clients")]
        options = zip(("--alerts", "--rejected", "--clients"), paths, strict=True)
        until = ("--until", "2025-04-20T00:00:00Z")
        assert ghosting("replay", source, *(word for option in options for word in option), *until)[0] == 0
        outputs.append([path.read_bytes() for path in paths])

    assert outputs[0][:2] == outputs[1][:2]
    assert json.loads(outputs[0][1])["offset"] == 7
    # Clients come in the order in which a shard met them.
    assert sorted(outputs[0][2].splitlines()) == sorted(outputs[1][2].splitlines())


# ghosting inspect


def test_inspect_describes_a_file_and_names_the_next_command(ghosting, tmp_path):
    """Format, rows, times and order, clients, words, and a command that works as it stands."""
    path = tmp_path / "shop export.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, *OLDEST_FIRST[::-1], ""]).encode(), mtime=0))

    code, out, err = ghosting("inspect", path)

    said = " ".join(out.split())
    assert (code, err) == (0, "")
    assert "csv, utf-8, gzip, separated by comma" in said
    assert "rows 32" in said
    assert "2025-01-06T09:00:00Z to 2025-03-24T11:00:00Z, newest first" in said
    assert "clients 3; 12 rows each (median), 12 at most" in said
    assert "32 inbound order" in said
    assert "client_id text 0% 3 X-9" in said
    assert "31 rows are older than a row above them" in said
    assert f"next: ghosting replay '{path}' --alerts alerts.jsonl" in said


def test_inspect_as_json_has_all_of_it(ghosting, tmp_path):
    """For programs, and for what does not fit into a terminal."""
    at = datetime.now(UTC).replace(microsecond=0)
    events = [
        {
            "client_id": name,
            "kind": "order",
            "direction": "inbound",
            "at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "currency": money,
        }
        for name, money in (("Anna@Shop.example", "EUR"), ("anna@shop.example ", "EUR"), ("C-1", "USD"))
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps([*events, {"client_id": "4.91512E+11", "at": 1741082400000}]))

    code, out, _ = ghosting("inspect", path, "--json")

    told = json.loads(out)
    (file,) = told["files"]
    assert code == 0
    assert (file["form"]["shape"], file["rows"], file["rows_looked_at"]) == ("json array", 4, 4)
    assert file["clients"]["alike_examples"] == [["Anna@Shop.example", "anna@shop.example "]]
    assert file["clients"]["excel_notation"] == 1
    assert file["currencies"] == {"EUR": 2, "USD": 1}
    assert file["units"] == {"ms": 1}
    assert file["span"]["impossible"] == 1
    assert {column["name"]: column["empty_share"] for column in file["columns"]}["currency"] == 0.25
    assert told["next"]["command"] == f"ghosting replay {path} --alerts alerts.jsonl --until now"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("customer;created_at;total\nZoë;2025-03-04 10:15:30;1,5\n".encode("cp1252"), "is not UTF-8"),
        (b"customer;created_at;total\nA;2025-03-04 10:15:30;1,5\n", "rename the column 'customer' to 'client_id'"),
        (b"customer;created_at;total\nA;2025-03-04 10:15:30;1,5\n", "rename the column 'created_at' to 'at'"),
        (b"customer;created_at;total\nA;2025-03-04 10:15:30;1,5\n", "add a column 'direction'"),
        (b"customer;created_at;total\nA;2025-03-04 10:15:30;1,5\n", "1 times have no offset"),
        (b'client_id,kind,at,direction,amount\nA,order,45720,inbound,"1,013.50"\n', "--times-in excel-days"),
        (b'client_id,kind,at,direction,amount\nA,order,45720,inbound,"1,013.50"\n', "numbers with commas between"),
        (b"client_id;kind;at;direction;amount\nA;order;45720;inbound;1,50\n", "--decimal-comma"),
        (b"client_id,kind,at,direction\nA,order,1741082400,inbound,more\n", "1 rows cannot be read"),
        (b"a,b\na,b\n1,2\n", "1 rows name the columns again"),
        (
            b"at,client_id,kind,direction\n2025-03-04T10:15:30Z,A,order,inbound\n2025-03-04T10:15:30+01:00,A,order,inbound",
            "several offsets: 1 Z, 1 +01:00",
        ),
        (b"", "rows 0"),
        (b"{broken\n{}\n", "1 rows cannot be read"),
    ],
)
def test_inspect_names_what_is_wrong_with_a_file(ghosting, tmp_path, content, said):
    """Whatever columns it has, and what to do about it."""
    path = tmp_path / "a"
    path.write_bytes(content)

    code, out, _ = ghosting("inspect", path)

    assert code == 0
    assert said in " ".join(out.split())


def test_the_command_that_inspect_names_reads_the_file(ghosting, tmp_path, monkeypatch):
    """From a file of unknown origin to the first alert, by what the program says alone."""
    monkeypatch.chdir(tmp_path)
    rows = [row.replace(",", ";").replace("C-", "Zoë ") + ";1.013,50" for row in OLDEST_FIRST[::-1]]
    text = "\r".join(["at;client_id;kind;direction;amount", *rows, ""])
    (tmp_path / "Müller export.csv").write_bytes(text.encode("cp1252"))

    command = json.loads(ghosting("inspect", "Müller export.csv", "--json")[1])["next"]["command"]
    assert command == ("ghosting replay 'Müller export.csv' --alerts alerts.jsonl --encoding cp1252 --decimal-comma")
    ended = ghosting(*shlex.split(command)[1:], "--until", "2025-04-20T00:00:00Z", "--partitions", 1)

    assert ended[0] == 0
    assert [client for client, _ in opened(tmp_path / "alerts.jsonl")] == ["Zoë 0"]


def test_inspect_of_a_large_file_counts_all_rows_and_looks_at_a_part(ghosting, tmp_path, monkeypatch):
    """Rows and times are exact; the rest is told to be of a part."""
    monkeypatch.setattr("detector.files.inspection.inspect.ALL_BYTES", 1000)
    start_s = 1_700_000_000
    rows = [f"{start_s + number},C-{number % 7},order,inbound" for number in range(200_000)]

    file = json.loads(ghosting("inspect", written(tmp_path / "a.csv", rows), "--json")[1])["files"][0]

    assert file["rows"] == 200_000 > file["rows_looked_at"]
    assert file["span"]["order"] == "oldest first"
    assert file["span"]["last"] == "2023-11-17T05:46:39Z"


def test_inspect_names_the_mapping_of_a_tool_whose_export_it_is(ghosting, tmp_path):
    """What is not of the contract may be of a preset; the preset and the command that replays the file are named."""
    path = tmp_path / "belege.csv"
    names = (
        "Belegtyp;Belegnummer;Belegdatum;Fälligkeitsdatum;Kundenkontonummer;Kundenname;Nettobetrag;Steuersatz;"
        "Steuerbetrag;Bruttobetrag;Währung;Zahlungsstatus;Zahlungsdatum"
    )
    row = "Rechnung;RE-2025-0001;03.03.2025;17.03.2025;1000001;Muster Möbel;1.013,50;19;;1.206,07;EUR;Offen;"
    path.write_bytes(f"{names}\r\n{row}\r\n".encode("cp1252"))

    code, out, _ = ghosting("inspect", path)

    assert code == 0
    assert f"{path} reads like one of erp_german" in out
    assert f"next: ghosting replay {path} --alerts alerts.jsonl --map erp_german" in out
