"""Exports of other tools, as a new user has them: one command each to alerts, and one to a page."""

import csv
import hashlib
import io
import json
import shlex
import zipfile
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

MONDAY = datetime(2025, 1, 6, 9, tzinfo=UTC)
CONTACTS = [
    (MONDAY + timedelta(weeks=week, hours=client), client)
    for week in range(12)
    for client in range(3)
    if client or week < 8
]
"""When which client was heard: three clients every Monday; the first stops after eight weeks."""
UNTIL = ("--until", "2025-04-20T00:00:00Z", "--partitions", "1")
ORDER = {"kind": "order", "direction": "inbound", "outcome": "placed", "amount": 12.5, "currency": "EUR"}
PAYMENT = {"kind": "payment", "direction": "inbound", "outcome": "paid", "amount": 12.5, "currency": "EUR"}
CALL = {"kind": "call", "direction": "inbound", "outcome": "answered"}
EMAIL = {"kind": "email", "direction": "inbound"}


@pytest.fixture(autouse=True)
def _small_firm(monkeypatch, tmp_path):
    """Let alerts out although only three clients are known, and run where the files are."""
    monkeypatch.setenv("GHOSTING_LEARNING_GAPS_MIN", "1")
    monkeypatch.chdir(tmp_path)


def table(rows):
    """Return rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def shopify():
    """Return an export of orders, newest first, each with a second line for a second article."""
    blank = dict.fromkeys(("Email", "Financial Status", "Created at", "Total", "Currency", "Id"), "")
    rows = []
    for number, (at, client) in reversed(list(enumerate(CONTACTS, 1))):
        order = {"Name": f"#{number}", "Email": f"C{client}@shop.example", "Financial Status": "paid"}
        order |= {"Created at": f"{at:%Y-%m-%d %H:%M:%S} +0000", "Total": "12.50", "Currency": "EUR", "Id": number}
        rows += [{**order, "Lineitem name": "a"}, {"Name": f"#{number}", **blank, "Lineitem name": "b"}]
    return table(rows), "c{client}@shop.example", "shopify:order:{number}:placed", ORDER


def stripe():
    """Return an export of payments, and one payment that failed."""
    rows = [
        {"id": f"ch_{number}", "Created date (UTC)": f"{at:%Y-%m-%d %H:%M:%S}", "Amount": "12.50", "Currency": "eur",
         "Status": "Paid", "Customer ID": f"cus_{client}", "Description": ""}
        for number, (at, client) in enumerate(CONTACTS, 1)
    ]  # fmt: skip
    return (
        table([*rows, {**rows[-1], "id": "ch_x", "Status": "Failed"}]),
        "cus_{client}",
        "stripe:ch_{number}:paid",
        PAYMENT,
    )


def hubspot():
    """Return e-mails as the API gives them, and one that is associated with nobody."""
    mails = [
        {
            "id": str(number),
            "archived": False,
            "properties": {"hs_email_direction": "INCOMING_EMAIL", "hs_timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}"},
            "associations": {"contacts": {"results": [{"id": str(700 + client)}]}},
        }
        for number, (at, client) in enumerate(CONTACTS, 1)
    ]
    nobody = {**mails[0], "id": "999", "associations": {}}
    return json.dumps({"results": [*mails, nobody]}), "70{client}", "hubspot:email:{number}:70{client}", EMAIL


def salesforce():
    """Return tasks as Data Loader exports them, and one task that is no call."""
    rows = [
        {"Id": f"00T5g00000{number:05}EAA", "WhoId": f"0035g000000000{client}AAA", "AccountId": "",
         "Status": "Completed", "TaskSubtype": "Call", "CallType": "Inbound", "CallDisposition": "Connected",
         "IsDeleted": "false", "CompletedDateTime": f"{at:%Y-%m-%dT%H:%M:%S.000Z}"}
        for number, (at, client) in enumerate(CONTACTS, 1)
    ]  # fmt: skip
    client_id = "0035g000000000{client}AAA"
    event_id = "salesforce:00T5g00000{number:05}EAA:" + client_id
    return table([*rows, {**rows[-1], "TaskSubtype": "Task"}]), client_id, event_id, CALL


def mbox():
    """Return a mailbox, and one mail of a foreign list."""
    mails = [
        f"From c{client}@client.example {at:%a %b %d %H:%M:%S %Y}\n"
        f"From: c{client}@client.example\nTo: us@ours.example\n"
        f"Date: {format_datetime(at)}\nMessage-ID: <{number}@client.example>\nSubject: hello\n\ntext\n\n"
        for number, (at, client) in enumerate(CONTACTS, 1)
    ]
    foreign = mails[-1].replace("Subject", "List-Id: <a.b.example>\nSubject")
    return "".join([*mails, foreign]), "c{client}@client.example", "mail:{digest}", EMAIL


TOOLS = {
    "orders_export.csv": (shopify, "shopify", {"continuation": 32}),
    "unified_payments.csv": (stripe, "stripe", {"failed": 1}),
    "emails.json": (hubspot, "hubspot", {"no_client": 1}),
    "Task.csv": (salesforce, "salesforce", {"not_contact": 1}),
    "mails.mbox": (mbox, "mbox", {"list": 1}),
}
each_tool = pytest.mark.parametrize("name", TOOLS)


@pytest.fixture
def written(tmp_path):
    """Return a function that writes an export, and beside it the same interactions by hand, in NDJSON."""

    def write(name):
        text, client_id, event_id, fields = TOOLS[name][0]()
        (tmp_path / name).write_text(text)
        lines = []
        for number, (at, client) in enumerate(CONTACTS, 1):
            digest = hashlib.sha256(f"{number}@client.example\nc{client}@client.example".encode()).hexdigest()[:32]
            ids = {"number": number, "client": client, "digest": digest}
            named = {"client_id": client_id.format(**ids), "event_id": event_id.format(**ids)}
            lines.append({**named, "at": at.isoformat(), **fields})
        (tmp_path / "by_hand.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))

    return write


@each_tool
def test_one_command_from_an_export_to_alerts(ghosting, tmp_path, written, name):
    """The alerts are those of the interactions written by hand, and each record that was dropped is counted."""
    _, preset, dropped = TOOLS[name]
    written(name)
    ghosting("replay", "by_hand.ndjson", "--alerts", "expected.jsonl", *UNTIL)

    code, out, err = ghosting("replay", name, "--map", preset, "--alerts", "alerts.jsonl", "--json", *UNTIL)

    assert (code, err) == (0, "")
    summary = json.loads(out)
    assert summary["applied"] == summary["mapping"]["interactions"] == len(CONTACTS)
    assert summary["mapping"]["dropped"] == dropped
    assert summary["mapping"]["presets"] == {name: preset}
    assert (tmp_path / "alerts.jsonl").read_bytes() == (tmp_path / "expected.jsonl").read_bytes() > b""


@each_tool
def test_one_command_from_an_export_to_a_page(ghosting, tmp_path, written, name):
    """The preset is found and named, and the page is that of the interactions written by hand."""
    _, preset, dropped = TOOLS[name]
    written(name)
    ghosting("backtest", "by_hand.ndjson", "--report", "expected.html", "--false-alerts", "1")

    code, out, err = ghosting(
        "backtest", name, "--map", "auto", "--report", "page.html", "--json", "figures.json", "--false-alerts", "1"
    )

    assert code == 0
    assert f"{name}: mapped as {preset}" in err
    for reason, count in dropped.items():
        assert f"dropped, {reason} {count}" in " ".join(out.split())
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["log"]["records"], figures["mapping"]["dropped"]) == (len(CONTACTS), dropped)
    page = (tmp_path / "page.html").read_text()
    assert page.replace(name, "by_hand.ndjson") == (tmp_path / "expected.html").read_text()


@each_tool
def test_inspect_names_the_preset_and_the_command_which_then_gives_alerts(ghosting, written, name):
    """What is pasted works as it stands."""
    written(name)

    code, out, _ = ghosting("inspect", name, "--json")

    step = json.loads(out)["next"]
    assert code == 0
    assert step["command"] == f"ghosting replay {name} --alerts alerts.jsonl --map {TOOLS[name][1]}"
    assert f"{name} reads like one of {TOOLS[name][1]}" in step["why"]
    assert ghosting(*shlex.split(step["command"])[1:], *UNTIL)[0] == 0


def test_inspect_looks_at_what_a_mapping_makes_of_a_file(ghosting, written):
    """Clients, times and kinds are those of the interactions, and the next command has the same mapping."""
    written("orders_export.csv")

    code, out, _ = ghosting("inspect", "orders_export.csv", "--map", "shopify", "--json")

    seen = json.loads(out)
    assert code == 0
    assert (seen["files"][0]["clients"]["count"], seen["files"][0]["words"]) == (3, {"inbound order": 32})
    assert seen["mapping"]["dropped"] == {"continuation": 32}
    assert seen["next"]["command"].endswith("--alerts alerts.jsonl --map shopify")


def test_files_of_several_tools_are_one_log(ghosting, written):
    """Each file gets the preset that fits it, and all interactions are sorted together."""
    written("orders_export.csv")
    written("emails.json")

    code, out, _ = ghosting(
        "replay", "emails.json", "orders_export.csv", "--map", "auto", "--alerts", "alerts.jsonl", "--json", *UNTIL
    )

    summary = json.loads(out)
    assert (code, summary["applied"], summary["late"], summary["clients"]) == (0, 64, 0, 6)
    assert summary["mapping"]["presets"] == {"emails.json": "hubspot", "orders_export.csv": "shopify"}


def test_learn_and_timeline_read_an_export(ghosting, tmp_path, written):
    """They give the same as of the interactions written by hand."""
    written("orders_export.csv")

    for name, options in (("by_hand.ndjson", ()), ("orders_export.csv", ("--map", "shopify"))):
        assert ghosting("learn", name, *options, "-o", f"{name}.json")[0] == 0
        assert ghosting("timeline", "c0@shop.example", name, *options, "-o", f"{name}.svg")[0] == 0

    for by_hand in (tmp_path / "by_hand.ndjson.json", tmp_path / "by_hand.ndjson.svg"):
        assert by_hand.read_bytes() == (tmp_path / f"orders_export.csv{by_hand.suffix}").read_bytes()


def test_a_rejection_names_the_record_of_the_tool(ghosting, tmp_path, written):
    """The line is that of the export, not that of what was made of it."""
    written("orders_export.csv")
    lines = (tmp_path / "orders_export.csv").read_text().splitlines()
    lines[21] = lines[21].replace("2025-", "2026-")
    (tmp_path / "orders_export.csv").write_text("\n".join(lines))

    ghosting(
        "replay", "orders_export.csv", "--map", "shopify", "--alerts", "alerts.jsonl", "--rejected", "rejected.jsonl"
    )

    rejection = json.loads((tmp_path / "rejected.jsonl").read_text())
    place = rejection["topic"], rejection["offset"], rejection["reason"]
    assert place == ("orders_export.csv", 22, "time_out_of_range")


def test_a_preset_of_another_tool_says_which_one_fits(ghosting, written):
    """Nothing is applied, the exit code tells a script so, and the right option is named."""
    written("orders_export.csv")

    code, out, err = ghosting("replay", "orders_export.csv", "--map", "stripe", "--alerts", "alerts.jsonl", "--json")

    assert code == 1
    assert json.loads(out)["mapping"]["dropped"] == {"not_contact": 64}
    assert "stripe made nothing of its 64 records; they read like shopify: --map shopify" in err


def test_records_without_a_client_are_dropped_and_counted(ghosting, written, tmp_path):
    """No client is called null, and the reasons are named when nothing is left."""
    written("emails.json")
    mails = json.loads((tmp_path / "emails.json").read_text())
    mails["results"] = [
        {**mail, "associations": {"contacts": {"results": [{"id": None}]}}} for mail in mails["results"]
    ]
    (tmp_path / "emails.json").write_text(json.dumps(mails))

    code, out, err = ghosting("replay", "emails.json", "--map", "hubspot", "--alerts", "alerts.jsonl", "--json")

    assert (code, json.loads(out)["clients"]) == (1, 0)
    assert "hubspot made no interaction of its 33 records (dropped: 33 no_client)" in err
    assert "nothing was applied" in err


def test_merges_and_erasures_are_counted_and_said_to_be_unused(ghosting, tmp_path):
    """A command of the tool is no contact, and nobody is left to believe that it was obeyed."""
    merge = {"headers": {"X-Shopify-Topic": "customers/merge", "X-Shopify-Triggered-At": "2025-01-06T09:00:00Z"}}
    merge["body"] = {"admin_graphql_api_customer_kept_id": "gid://shopify/Customer/1"}
    merge["body"] |= {"admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/2", "status": "completed"}
    order = {"headers": {"X-Shopify-Topic": "orders/create"}}
    order["body"] = {"id": 7, "customer": {"id": 1}, "processed_at": "2025-01-06T09:00:00Z"}
    (tmp_path / "hooks.ndjson").write_text(f"{json.dumps(order)}\n{json.dumps(merge)}\n")

    code, out, _ = ghosting("replay", "hooks.ndjson", "--map", "shopify", "--alerts", "alerts.jsonl")

    assert code == 0
    assert "commands, not used yet 1" in " ".join(out.split())


def test_what_the_firm_says_may_stand_in_a_file_or_in_the_settings(ghosting, written, tmp_path):
    """`--config FILE` wins over the table `map` of the settings file; a mistake there is named with its line."""
    written("mails.mbox")
    (tmp_path / "firm.toml").write_text('own_domains = ["client.example"]\n')
    (tmp_path / "ghosting.toml").write_text('partitions = 1\n[map]\nown_domains = ["client.example"]\n')
    (tmp_path / "wrong.toml").write_text('partitions = 1\n[map]\nown_domain = "client.example"\n')
    replay = ("replay", "mails.mbox", "--map", "mbox", "--alerts", "alerts.jsonl", "--json")

    said = ghosting(*replay, "--config", "firm.toml")[1], ghosting("--config", "ghosting.toml", *replay)[1]

    # The firm's own mails go to its own address: outbound, to us@ours.example.
    assert [json.loads(out)["clients"] for out in said] == [1, 1]
    assert "wrong.toml, line 3: unknown key 'own_domain'" in ghosting("--config", "wrong.toml", *replay)[2]
    tried = ghosting("--config", "ghosting.toml", "map", "mbox", "--try", "mails.mbox", "--json")[1]
    assert {json.loads(line)["interactions"][0]["direction"] for line in tried.splitlines()[:32]} == {"outbound"}


def test_a_secret_hides_the_clients(ghosting, written, tmp_path, monkeypatch):
    """With it in the environment no address of a client is in an alert."""
    written("mails.mbox")
    monkeypatch.setenv("GHOSTING_MAPPING_SECRET", "invented")

    code, _, _ = ghosting("replay", "mails.mbox", "--map", "mbox", "--alerts", "alerts.jsonl", *UNTIL)

    assert code == 0
    assert b"client.example" not in (tmp_path / "alerts.jsonl").read_bytes() > b""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("unknown.csv", "--map", "auto"), 1, "no preset fits unknown.csv; `ghosting map list` names them"),
        (("unknown.csv", "--map", "nothing"), 1, "nothing is no preset"),
        (("absent.csv", "--map", "shopify"), 1, "absent.csv does not exist"),
        (("a.zip", "--map", "shopify"), 1, "unpack it first"),
        (("unknown.csv", "--config", "firm.toml"), 2, "--config goes with --map"),
        (("-", "--map", "shopify"), 2, "not the standard input"),
        (("unknown.csv", "--map", "shopify", "--times-in", "ms"), 2, "do not go with --map"),
        (("empty.csv", "--map", "shopify"), 1, "empty.csv has no records"),
    ],
)
def test_what_cannot_be_mapped_says_what_to_do(ghosting, tmp_path, arguments, code, said):
    """In one line, before any kernel runs."""
    (tmp_path / "unknown.csv").write_text("colour,size\nred,3\n")
    (tmp_path / "empty.csv").write_text("")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("orders.csv", "Id,Created at\n")

    ended, _, err = ghosting("replay", *arguments, "--alerts", "alerts.jsonl")

    assert ended == code
    assert said in " ".join(err.replace("│", " ").split())
