"""The command line, as its users meet it: what it prints where, and the code it exits with."""

import json
import re
import subprocess
import sys

import pytest

from detector.core.clock import DAY_S
from schemas.contract import documents
from schemas.outlook import Outlook
from tests.contract import held, held_in

START_S = 1_735_689_600
HEADER = "client_id,kind,at,direction"


@pytest.fixture
def regular_csv(tmp_path):
    """Give a file of twenty clients that write every other day for two hundred days; the first stops halfway."""
    path = tmp_path / "events.csv"
    rows = [
        f"client-{client},email,{START_S + day * DAY_S + client * 60},inbound"
        for day in range(0, 200, 2)
        for client in range(20)
        if client or day < 100
    ]
    path.write_text("\n".join([HEADER, *rows, ""]))
    return path


def test_replay_writes_alerts_about_who_went_quiet(ghosting, regular_csv, tmp_path):
    """The client that stopped is found; every line keeps the contract; the summary is on standard output."""
    alerts = tmp_path / "alerts.jsonl"

    code, out, err = ghosting("replay", regular_csv, "--alerts", alerts, "--partitions", 1, "--json")

    assert (code, err) == (0, "")
    assert json.loads(out)["records"] == 1950
    assert "client-0" in {json.loads(line)["subject"] for line in held_in(alerts)}


def test_replay_gives_the_same_bytes_again(ghosting, regular_csv, tmp_path):
    """The same input gives the same alerts, byte by byte."""
    outputs = [tmp_path / "1", tmp_path / "2"]
    for output in outputs:
        ghosting("replay", regular_csv, "--alerts", output)

    assert held_in(outputs[0]) == held_in(outputs[1]) != []


def test_replay_keeps_results_and_summary_apart(ghosting, regular_csv):
    """With alerts on standard output the summary goes to standard error."""
    code, out, err = ghosting("replay", regular_csv, "--alerts", "-", "--partitions", 1)

    assert code == 0
    assert held(out.encode().splitlines())
    assert re.search(r"^ *records +1,950 *$", err, re.MULTILINE)
    assert re.search(r"^ *alerts, silence_exceeded contact opened +1 *$", err, re.MULTILINE)


def test_replay_writes_refused_records_with_their_reason(ghosting, tmp_path):
    """A broken line is not lost, and is found by its number; of a file with nothing else nothing is applied."""
    source = tmp_path / "events.ndjson"
    source.write_text("\n{broken\n")
    rejected = tmp_path / "rejected.jsonl"

    code, out, _ = ghosting("replay", source, "--alerts", tmp_path / "a", "--rejected", rejected, "--json")

    assert code == 1
    assert json.loads(out)["rejected"] == {"malformed_json": 1}
    refused = json.loads(rejected.read_text())
    assert (refused["topic"], refused["offset"], refused["reason"]) == (str(source), 2, "malformed_json")


@pytest.mark.parametrize("given", [b"\xff", b"-"])
def test_erase_refuses_what_no_client_can_be_called(given):
    """Before it asks a broker, as an argument and as a line."""
    done = subprocess.run(
        [sys.executable, "-m", "detector", "erase", given], input=b"C-1\n\xff\n", capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"a client id is UTF-8 text" in done.stderr


def test_replay_tells_how_each_client_stands(ghosting, regular_csv, tmp_path):
    """One line per client at the end of the clock, by the contract; the one that stopped has its incident's id."""
    clients, alerts = tmp_path / "clients.jsonl", tmp_path / "alerts.jsonl"

    code, _, _ = ghosting("replay", regular_csv, "--alerts", alerts, "--clients", clients, "--partitions", 1)

    told = {line.client_id: line for line in map(Outlook.model_validate_json, clients.read_bytes().splitlines())}
    assert (code, len(told)) == (0, 20)
    assert {name for name, line in told.items() if line.incidents} == {"client-0"}
    (incident,) = told["client-0"].incidents
    assert incident.incident_id in {json.loads(line)["data"]["incident_id"] for line in held_in(alerts)}
    assert {line.at for line in told.values()} == {"2025-07-18T00:19:00Z"}
    assert told["client-0"].probability_gone > 0.5 > told["client-1"].probability_gone


def test_replay_writes_clients_to_one_place_only(ghosting, regular_csv):
    """Two results on one stream could not be told apart."""
    code, _, err = ghosting("replay", regular_csv, "--alerts", "-", "--clients", "-")

    assert code == 1
    assert "different files" in err


def test_replay_says_how_to_see_what_was_refused(ghosting, tmp_path):
    """Nothing is dropped silently: the table counts it by reason."""
    source = tmp_path / "events.csv"
    source.write_text(f"{HEADER}\nann,email,yesterday,inbound\n")

    code, out, err = ghosting("replay", source, "--alerts", tmp_path / "a")

    assert code == 1
    assert re.search(r"rejected, invalid_field +1 *$", out, re.MULTILINE)
    assert "--rejected OUT" in err


@pytest.mark.parametrize(
    ("content", "said"), [(None, "does not exist"), ("client_id,kind,direction\n", "has no column at")]
)
def test_a_file_that_cannot_be_used_is_one_line(ghosting, tmp_path, content, said):
    """Exit code 1, one line on standard error, and the alerts of the last run are still there."""
    source = tmp_path / "events.csv"
    if content is not None:
        source.write_text(content)
    alerts = tmp_path / "alerts.jsonl"
    alerts.write_text("of the last run\n")

    code, out, err = ghosting("replay", source, "--alerts", alerts)

    assert (code, out) == (1, "")
    assert err.startswith(f"{source} {said}")
    assert err.count("\n") == 1
    assert alerts.read_text() == "of the last run\n"


def test_replay_does_not_overwrite_its_input(ghosting, regular_csv):
    """A slip of the hand does not cost the events."""
    before = regular_csv.read_bytes()

    code, _, err = ghosting("replay", regular_csv, "--alerts", regular_csv)

    assert (code, regular_csv.read_bytes()) == (1, before)
    assert "different files" in err


@pytest.mark.parametrize("until", ["yesterday", "2025-03-04T00:00:00"])
def test_a_time_without_an_offset_is_wrong_usage(ghosting, regular_csv, until):
    """Whose midnight it is must be said."""
    code, _, err = ghosting("replay", regular_csv, "--alerts", "-", "--until", until)

    assert code == 2
    assert "offset" in err


def test_wrong_usage_exits_with_2(ghosting):
    """As other programs do."""
    assert ghosting("replay")[0] == 2
    assert ghosting("dance")[0] == 2
    assert ghosting("produce", "events.csv", "--speed", "0")[0] == 2


def test_exit_codes_are_documented(ghosting):
    """Whoever writes a script around the program finds them where they look first."""
    _, out, _ = ghosting("--help")

    assert "Exit codes: 0 done, 1 a problem that is told in one line, 2 wrong usage, 130" in " ".join(out.split())


def test_a_reader_that_has_seen_enough_is_no_failure_to_explain(regular_csv):
    """`ghosting replay ... --alerts - | head` ends without a traceback."""
    command = [sys.executable, "-m", "detector", "replay", regular_csv, "--alerts", "-", "--until", "now"]
    replaying = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    replaying.stdout.close()

    _, err = replaying.communicate()

    assert b"Traceback" not in err


def test_a_wrong_setting_is_one_line(ghosting, monkeypatch):
    """The line names the variable."""
    monkeypatch.setenv("GHOSTING_PARTITIONS", "many")

    code, _, err = ghosting("settings")

    assert code == 1
    assert err.startswith("GHOSTING_PARTITIONS should be")


def test_settings_say_where_they_come_from(ghosting, monkeypatch):
    """A flag wins over the environment."""
    monkeypatch.setenv("GHOSTING_APP_ID", "from-env")
    monkeypatch.setenv("GHOSTING_PARTITIONS", "7")

    _, out, _ = ghosting("--app-id", "from-flag", "settings")

    assert "GHOSTING_APP_ID=from-flag  (flag)" in out
    assert "GHOSTING_PARTITIONS=7  (environment)" in out
    assert "GHOSTING_REPLICATION=1  (default)" in out


@pytest.mark.parametrize("command", ["topics check", "topics create", "produce x", "worker", "watch"])
@pytest.mark.parametrize("servers", ["127.0.0.1:1", "nobody.invalid:9092"])
def test_an_unreachable_broker_is_one_line(ghosting, servers, command):
    """Nobody listens on port 1, and there is no host of that name."""
    code, out, err = ghosting("--bootstrap-servers", servers, *command.split())

    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "GHOSTING_BOOTSTRAP_SERVERS" in err


def test_schemas_are_exported(ghosting, tmp_path):
    """All documents of the contract, below the folder."""
    code, out, _ = ghosting("schemas", "export", tmp_path / "contract")

    assert code == 0
    assert len(out.splitlines()) == len(documents())
    assert all((tmp_path / "contract" / name).read_text() == text for name, text in documents().items())


def test_a_simulated_firm_can_be_replayed(ghosting, tmp_path):
    """What `simulate` writes, `replay` takes without a refusal."""
    events, truth = tmp_path / "events.ndjson", tmp_path / "truth.ndjson"
    assert ghosting("simulate", "--clients", 5, "--days", 60, "--events", events, "--truth", truth)[0] == 0

    _, out, _ = ghosting("replay", events, "--alerts", tmp_path / "alerts", "--json")
    held_in(tmp_path / "alerts")

    assert len(truth.read_text().splitlines()) == 5
    assert json.loads(out)["records"] == len(events.read_text().splitlines())
    assert json.loads(out)["rejected"] == {}


def test_a_firm_has_the_parameters_and_outages_that_are_asked_for(ghosting, tmp_path):
    """All clients ghost; what the calls' feed did not record in its outage is missing."""
    events, truth = tmp_path / "events.ndjson", tmp_path / "truth.ndjson"
    fates = [f"--set={name}_share=0" for name in ("fading", "pausing", "seasonal", "moving")]
    outage = "calls,2025-11-01T00:00:00Z,2026-01-01T00:00:00Z"
    firm = ("--clients", 9, "--days", 120, "--set", "ghosting_share=1", *fates, "--outage", outage)

    assert ghosting("simulate", *firm, "--events", events, "--truth", truth) == (0, "", "")

    assert {json.loads(line)["fate"] for line in truth.read_text().splitlines()} == {"ghosts"}
    late = [event for event in map(json.loads, events.read_text().splitlines()) if event["at"] >= "2025-11"]
    assert {event["kind"] for event in late}.isdisjoint({"call", "meeting"})
    assert "email" in {event["kind"] for event in late}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--clients", -1), "clients must be 1 or more"),
        (("--set", "ghosting_share=2"), "ghosting_share must be 0 to 1"),
        (("--set", "law=none"), "law: "),
        (("--set", "speed=2"), "--set speed=2 is not NAME=VALUE with one of "),
        (("--set", "seed=2"), "--set seed=2 is not NAME=VALUE with one of "),
        (("--outage", "calls,2025-11-01T00:00:00Z"), "outages.0.end: "),
    ],
)
def test_an_impossible_firm_is_wrong_usage(ghosting, options, said):
    """What is wrong with it is said."""
    code, _, err = ghosting("simulate", *options, "--events", "a", "--truth", "b")

    assert code == 2
    assert said in " ".join(err.split())


def test_version_is_the_packages(ghosting):
    """One line that a bug report can quote."""
    code, out, _ = ghosting("version")

    assert (code, out.count("\n")) == (0, 1)


def test_an_interrupt_exits_with_130(ghosting, monkeypatch):
    """As a shell expects of a program that Ctrl-C has ended."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("importlib.metadata.version", interrupted)
    assert ghosting("version")[0] == 130

    monkeypatch.setattr("detector.cli.app", interrupted)  # before typer looks at it
    assert ghosting("version")[0] == 130


def test_the_command_line_alone_imports_no_stack():
    """So that --help answers at once: neither the Kafka client nor the compiler is loaded before a command needs it."""
    heavy = {"aiokafka", "faust", "numba", "numpy", "pydantic", "rich.progress"}
    program = f"import sys, detector.cli; sys.exit(' '.join({heavy} & sys.modules.keys()))"

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert ended.stderr.strip() == ""


def test_any_setting_can_be_given_as_a_flag(ghosting):
    """It wins over the default, and its place is told."""
    code, out, _ = ghosting("--set", "settle_s=2", "--set", "sources=emails,calls", "settings")

    assert code == 0
    assert re.search(r"^GHOSTING_SETTLE_S=2.0 +\(flag\)$", out, re.MULTILINE)
    assert re.search(r"^GHOSTING_SOURCES=emails,calls +\(flag\)$", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ("nope=1", 2, "'nope' is no setting"),
        ("settle_s", 2, "--set NAME=VALUE sets one"),
        ("settle_s=abc", 1, "--set settle_s should be a valid number"),
        ("sasl_password=hush", 2, "use GHOSTING_SASL_PASSWORD"),
        ("forward_webhooks=crm=https://hush", 2, "is a secret"),
    ],
)
def test_a_setting_that_cannot_be_given_as_a_flag_is_refused(ghosting, given, code, said):
    """What is unknown or wrong is told with the remedy; a secret is not taken from where everybody can read it."""
    ended, _, err = ghosting("--set", given, "settings")

    assert ended == code
    assert said in " ".join(err.split())
    assert "hush" not in err


def test_a_client_is_drawn(ghosting, regular_csv, tmp_path):
    """The picture goes to the file or to standard output, and one line says what it shows."""
    code, out, err = ghosting("timeline", "client-0", regular_csv, "--partitions", 1, "-o", tmp_path / "client.svg")
    assert (code, out, err) == (0, "client-0: 50 contacts, silent for 100 days, alerts: 1\n", "")

    _, drawn, said = ghosting("timeline", "client-0", regular_csv, "--partitions", 1, "-o", "-")
    assert drawn == (tmp_path / "client.svg").read_text()
    assert said == out


def test_a_client_that_was_never_heard_is_one_line(ghosting, regular_csv, tmp_path):
    """The line names the client; an input file is not overwritten."""
    code, _, err = ghosting("timeline", "client-99", regular_csv, "-o", tmp_path / "client.svg")
    assert (code, err) == (1, "no contact of client-99 in the log\n")

    code, _, err = ghosting("timeline", "client-0", regular_csv, "-o", regular_csv)
    assert (code, err) == (1, "--output and the input files should be different files\n")
    assert regular_csv.read_text().startswith("client_id,")
