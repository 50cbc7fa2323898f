"""Cells and habits of people's own files, from a CSV to alerts: each with the right value."""

import csv
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract import held_in

START = datetime(2025, 1, 6, 9, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.fixture
def replayed(ghosting, tmp_path, monkeypatch):
    """Return a function that replays rows of a CSV file: its summary, alerts, rejections and what it says on stderr."""
    monkeypatch.setenv("GHOSTING_LEARNING_GAPS_MIN", "1")

    def run(rows, *options):
        path, alerts, rejected = tmp_path / "rows.csv", tmp_path / "alerts.jsonl", tmp_path / "rejected.jsonl"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
            writer.writeheader()
            writer.writerows(rows)
        outputs = ("--partitions", 1, "--alerts", alerts, "--rejected", rejected, "--json")
        _, out, err = ghosting("replay", path, *outputs, *options)
        reports = [json.loads(line) for line in rejected.read_text().splitlines()]
        return json.loads(out), [json.loads(line)["data"] for line in held_in(alerts)], reports, err

    return run


def row(at, client_id="C-1", kind="order", direction="inbound", **cells):
    """Build a row."""
    return {
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(at, datetime) else at,
        "client_id": client_id,
        "kind": kind,
        "direction": direction,
        **cells,
    }


def weekly(count, first=0, **cells):
    """Build one row a week."""
    return [row(START + week * WEEK, **cells) for week in range(first, first + count)]


def opened(alerts):
    """Return what was opened: client, signal and time."""
    return [(one["client_id"], one["signal"], one["at"]) for one in alerts if one["transition"] == "opened"]


def test_returns_do_not_keep_the_rhythm_of_orders_alive(replayed):
    """Credit notes, which are orders of a negative amount, are returns: the orders fell silent."""
    orders = [*weekly(12, amount=80), *weekly(12, first=12, amount=-80)]
    mails = [row(START + week * WEEK + timedelta(days=3), kind="email") for week in range(24)]
    _, alerts, _, _ = replayed(sorted([*orders, *mails], key=lambda one: one["at"]))
    assert opened(alerts) == [("C-1", "orders", "2025-04-26T10:35:22Z")]


def test_a_change_of_currency_is_no_decline(replayed):
    """A country joins the euro: the same orders in smaller numbers."""
    levs = [180 + 31 * (week * 7 % 4) for week in range(60)]
    before = [row(START + week * WEEK, amount=levs[week], currency="BGN") for week in range(40)]
    after = [row(START + week * WEEK, amount=round(levs[week] / 1.95583, 2), currency="EUR") for week in range(40, 60)]
    assert opened(replayed([*before, *after])[1]) == []
    without = [{name: cell for name, cell in one.items() if name != "currency"} for one in (*before, *after)]
    assert ("order_value" in {signal for _, signal, _ in opened(replayed(without)[1])}) is True


@pytest.mark.parametrize(
    "cells",
    [{"amount": "1,013.50"}, {"currency": "usd"}, {"outcome": "Completed"}, {"outcome": "NO ANSWER"}, {"length": "x"}],
)
def test_a_cell_that_cannot_be_read_does_not_cost_the_contact(replayed, cells):
    """The largest client does not look silent because its amounts have a thousands separator."""
    (field,) = cells
    summary, alerts, reports, _ = replayed(weekly(20, **cells))
    assert alerts == []
    assert (summary["applied"], summary["rejected"], summary["left_out"]) == (20, {}, {field: 20})
    assert [(report["kept"], report["fields"], report["offset"]) for report in reports] == [
        (True, [field], line) for line in range(2, 22)
    ]


@pytest.mark.parametrize(
    ("former", "latter"),
    [("Anna@Shop.example", "anna@shop.example"), ("C-7", "C-7 "), ("C-7", "C-7\u00a0"), ("Zo\u00eb", "Zoe\u0308")],
)
def test_two_spellings_of_a_client_are_one(replayed, former, latter):
    """There is no silence of the first spelling."""
    summary, alerts, _, err = replayed([*weekly(20, client_id=former), *weekly(20, first=20, client_id=latter)])
    assert (summary["clients"], summary["lookalikes"], alerts) == (1, 0, [])
    assert "warning" not in err


def test_ids_that_differ_only_in_case_are_warned_about(replayed):
    """How many there are is said, and no id is."""
    summary, _, _, err = replayed([*weekly(3, client_id="Client-7"), *weekly(3, client_id="client-7")])
    assert (summary["clients"], summary["lookalikes"]) == (2, 1)
    assert "1 client ids differ from another one only in case or blanks" in err
    assert "lient-7" not in err


@pytest.mark.parametrize("notation", ["4.91512E+11", "4,91512E+11"])
def test_ids_in_a_spreadsheets_notation_are_refused_with_what_to_do(replayed, notation):
    """Ten customers must not become one."""
    summary, _, reports, _ = replayed(weekly(3, client_id=notation))
    assert summary["rejected"] == {"client_id_invalid": 3}
    assert all("format the column as text" in report["detail"] for report in reports)


@pytest.mark.parametrize(
    ("at", "reason", "hint"),
    [
        ("1.74E+09", "invalid_field", "format the column as a date or as text"),
        ("1,74E+09", "invalid_field", "format the column as a date or as text"),
        ("1741082400000", "time_out_of_range", "looks like milliseconds since 1970"),
        ("45720", "time_out_of_range", "looks like a spreadsheet's number of a day"),
        ("45720.4375", "time_out_of_range", "looks like a spreadsheet's number of a day"),
    ],
)
def test_times_in_other_units_are_refused_with_what_they_look_like(replayed, at, reason, hint):
    """They neither become duplicates nor a time in 1970."""
    summary, _, (report,), _ = replayed([row(at)])
    assert summary["rejected"] == {reason: 1}
    assert hint in report["detail"]
    assert (report["kept"], report["fields"]) == (False, ["at"])


def test_an_offset_without_a_colon_is_one(replayed):
    """Shopify and strftime write +0000."""
    summary, *_ = replayed([row("2025-03-04T10:00:00+0000"), row("2025-03-04T12:00:00+0100")])
    assert summary["applied"] == 2


def test_all_faults_of_a_row_are_named(replayed):
    """One run is enough to get through."""
    _, _, (report,), _ = replayed([row("45720", kind="fax", direction="in", amount="1,013.50", currency="usd")])
    assert report["fields"] == ["kind", "at", "direction", "amount", "currency"]


@pytest.mark.parametrize(
    "cells",
    [
        {"kind": "meeting", "outcome": "no_show"},
        {"kind": "email", "outcome": "bounced"},
        {"kind": "payment", "outcome": "failed"},
        {"kind": "payment", "outcome": "declined"},
    ],
)
def test_what_is_no_sign_of_life_is_no_contact(replayed, cells):
    """The client is as silent as if nothing had come."""
    contacts = weekly(10, outcome="")
    until = "2025-12-31T00:00:00Z"
    alone = replayed(contacts, "--until", until)[1]
    with_signs = replayed([*contacts, *weekly(30, first=10, **cells)], "--until", until)[1]
    assert [one for one in opened(with_signs) if one[1] == "contact"] == opened(alone) != []


def test_who_talks_to_us_is_not_silent(replayed):
    """Calls that we made and that were answered, and meetings that we called and were held, are contact, not orders."""
    calls = weekly(10, first=10, kind="call", direction="outbound", outcome="answered")
    meetings = weekly(10, first=20, kind="meeting", direction="outbound", outcome="held")
    signals = {signal for _, signal, _ in opened(replayed([*weekly(10, outcome=""), *calls, *meetings])[1])}
    assert signals == {"orders"}


def test_a_meeting_to_come_ends_no_silence(replayed):
    """It is a promise until then."""
    now = datetime.now(UTC)
    contacts = [row(now - timedelta(days=300) + week * WEEK) for week in range(20)]
    planned = row(now + timedelta(hours=20), kind="meeting", outcome="accepted")
    summary, alerts, _, _ = replayed([*({**one, "outcome": ""} for one in contacts), planned], "--until", "now")
    assert [one["transition"] for one in alerts] == ["opened", "escalated"]
    assert (summary["promises"], summary["rejected"]) == (1, {})
