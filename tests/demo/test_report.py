"""The summary of the demo, for alerts and truths that are few enough to count by hand."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from detector.demo.report import Incident, incidents_of, report
from detector.shell.config.settings import Settings
from detector.simulate import Firm, Truth
from schemas.alert import AlertData

FIRM = Firm(clients=4, days=365, end=datetime(2026, 1, 1, tzinfo=UTC))


def day(number):
    """Return the text of a day of the firm's span."""
    return (FIRM.start + timedelta(days=number)).isoformat()


def truth(client, *, gone=None, outcome="stays", value=1000.0, currency="EUR", segment="standard"):
    """Make the truth about a client."""
    gone_at = None if gone is None else day(gone)
    return Truth(client, outcome, gone_at, gone_at, None, segment, value, currency)


def alert(client, transition, opened, *, signal="contact", type="silence_exceeded"):  # noqa: A002 - the field's name
    """Make an alert about a client, with the fields that the summary reads."""
    return AlertData.model_construct(
        incident_id=f"{client}-{signal}-{opened}",
        client_id=client,
        type=type,
        signal=signal,
        transition=transition,
        segment="standard",
        opened_at=day(opened),
        last_heard_at=day(opened - 20),
        expected_next_at=None,
        probability_gone=0.25,
    )


def said(alerts, truths, **settings):
    """Print the summary, and return its lines."""
    out = io.StringIO()
    report(Console(file=out, width=100), incidents_of(alerts), truths, firm=FIRM, settings=Settings(**settings))
    return [line.rstrip() for line in out.getvalue().splitlines()]


ALERTS = [
    alert("ann", "opened", 100),
    alert("ann", "resolved", 100),
    alert("bob", "opened", 210),
    alert("bob", "escalated", 210),
    alert("dan", "opened", 300, signal="order_rate", type="declining_trend"),
]
TRUTHS = [truth("ann"), truth("bob", gone=200, outcome="ghosts"), truth("cleo"), truth("dan", outcome="fades")]


def test_the_promise_and_what_came_of_it_come_first():
    """The rate counts the time in which clients were clients: three years, and two hundred days of the lost one."""
    lines = said(ALERTS, TRUTHS)
    assert lines[0] == f"{1 / (1295 / 365.25):.2f} false alerts per client-year, 1 was allowed"
    assert lines[1] == "  (after 1 of 2 alerts of silence the client came back, pauses and holidays included)"
    assert lines[2] == "1 of 1 lost clients found, half of them within 10 days of the last contact"
    assert lines[3] == "1 of 1 fading clients found by the decline of a signal"


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [
        ({"false_alerts_per_client_year": 0.5}, "0.5"),
        ({"segment_budgets": {"standard": 3.0}}, "2.5"),
        ({"segment_budgets": {"vip": 3.0}}, "1.5"),
    ],
)
def test_the_promise_is_that_of_the_settings(settings, allowed):
    """The budget of each client's segment counts, averaged over the clients."""
    truths = [*TRUTHS[:3], truth("dan", segment="vip")]
    assert said(ALERTS, truths, **settings)[0].endswith(f" false alerts per client-year, {allowed} was allowed")


def test_amounts_of_several_currencies_are_not_mixed():
    """Each currency has rows of its own, in the order of their amounts; the one with most clients comes first."""
    values = {"a": (10, "USD"), "b": (500, "EUR"), "c": (20, "USD"), "d": (7000, "EUR"), "e": (900, "EUR")}
    truths = [truth(name, value=value, currency=currency) for name, (value, currency) in values.items()]
    lines = said([alert(name, "opened", 300) for name in values], truths)
    rows = [line.split()[0] for line in lines if "25%" in line]
    assert rows == ["d", "e", "b", "c", "a"]
    assert "Silent now: 5 clients. Those of most value, up to 7 per currency:" in lines


def test_a_firm_without_alerts_has_a_summary():
    """Nothing was found, and nothing fails."""
    lines = said([], TRUTHS)
    assert lines[0].startswith("0.00 false alerts")
    assert lines[2] == "0 of 1 lost clients found"
    assert "Silent now: 0 clients" in "\n".join(lines)


def test_an_incident_has_its_last_transition():
    """Alerts are put together by incident, whatever their order."""
    shuffled = [ALERTS[1], ALERTS[3], ALERTS[0], ALERTS[2]]
    ann, bob = incidents_of(shuffled)
    assert (ann.last.transition, bob.last.transition) == ("resolved", "escalated")
    assert [ann.is_open, bob.is_open] == [False, True]
    assert isinstance(ann, Incident)
