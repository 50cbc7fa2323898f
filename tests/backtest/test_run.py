"""The backtest as a whole: the live shards' alerts, and sensible figures from logs that are hardly any."""

import json

import numpy as np
import pytest

from detector.backtest.notes import notes
from detector.backtest.report import page
from detector.backtest.result import as_json


def test_alerts_agree_with_the_contacts(firm, run):
    """An alert that the detector resolved was raised in a silence that ended, and the other way round."""
    found = run(firm, budgets=(0.5, 4.0))

    for judged in found.judged:
        assert judged.score.alerts > 10
        assert judged.alarms.false.tolist() == found.silences.returned[judged.alarms.silence].tolist()
        assert (judged.alarms.days < found.silences.days[judged.alarms.silence]).all()
        assert found.silences.watched[judged.alarms.silence].all()


def test_a_larger_budget_tells_earlier_and_more_often(firm, run):
    """The one knob does what it is for."""
    quiet, eager = run(firm, budgets=(0.5, 4.0)).judged

    assert quiet.score.false_alerts < eager.score.false_alerts
    assert quiet.score.delay.missed_contacts_mean > eager.score.delay.missed_contacts_mean


def test_baselines_stand_beside_it(firm, run):
    """All five, the tuned ones with at most as many false alerts; the best of them is what we are compared with."""
    (judged,) = run(firm).judged

    assert [rule.name for rule in judged.baselines] == [
        "t / sqrt(m)", "k x mean", "k x shrunk mean", "fixed days", "14 days for all",
    ]  # fmt: skip
    tuned = [rule.score for rule in judged.baselines if rule.tuned]
    assert all(score.false_alerts <= judged.score.false_alerts for score in tuned)
    best = min(score.delay.missed_contacts_mean for score in tuned)
    assert judged.missed_over_best_baseline == pytest.approx(judged.score.delay.missed_contacts_mean / best)


def test_a_segment_that_learns_may_hold_its_alerts(firm, run):
    """If the learning phase is respected, what it holds is counted and told, and not judged."""
    found = run(firm, learning_gaps_min=1_000_000)

    assert (found.judged[0].score.alerts, found.judged[0].held > 10) == (0, True)
    assert any("held while a segment learned" in note for note in notes(found))


def test_what_was_learned_is_a_survival_table(firm, run):
    """It falls from nearly one to nearly nothing; of three shards the one with the most gaps is shown."""
    (alone,) = run(firm).survival
    (of_three,) = run(firm, partitions=3).survival

    for shares in alone.survival.values():
        assert shares == sorted(shares, reverse=True)
        assert shares[0] > 0.8
        assert shares[-1] < 0.05
    assert alone.segment == "default"
    assert 0 < of_three.completed_gaps < alone.completed_gaps


def without_outbound(event):
    """Ten clients in a row, heard every other day; nothing goes out to them, and no order has an amount."""
    return [event(f"client-{k}", day) for day in range(0, 200, 2) for k in range(10) if k or day < 100]


def one_client(event):
    """A single client, every three days for a year."""
    return [event("ann", day) for day in range(0, 365, 3)]


def same_second(event):
    """Everything at once."""
    return [event(f"client-{k}", 0, event_id=f"e{k}-{j}") for k in range(5) for j in range(5)]


def one_event_each(event):
    """Clients that were heard once."""
    return [event(f"client-{k}", k) for k in range(50)]


def outbound_only(event):
    """We write, and nobody answers."""
    return [event("ann", day, direction="outbound") for day in range(10)]


def unsorted(event):
    """The clients of `without_outbound` in any order."""
    events = without_outbound(event)
    return [events[k] for k in np.random.default_rng(1).permutation(len(events))]


@pytest.mark.parametrize(
    ("events", "said"),
    [
        (without_outbound, "no outbound event"),
        (without_outbound, "no order with an amount"),
        (without_outbound, "spans 198 days"),
        (one_client, "one client only"),
        (same_second, "of the same second"),
        (same_second, "No client has 3 gaps"),
        (one_event_each, "No client has 3 gaps"),
        (outbound_only, "no contacts"),
        (unsorted, "sort the log by time"),
        (lambda _: [], "no event that could be read"),
        (lambda _: [{"client_id": "ann"}], "1 of 1 records could not be read (unknown_kind 1)"),
    ],
)
def test_what_cannot_be_computed_is_told_in_a_line(run, event, events, said):
    """Figures, page and JSON come out of any log, and a line says what is missing from it."""
    found = run(events(event), budgets=(0.25, 1.0, 3.0))

    assert any(said in note for note in notes(found)), notes(found)
    assert all("\n" not in note for note in notes(found))
    figures = json.loads(json.dumps(as_json(found), allow_nan=False))
    assert [one["false_alerts_per_client_year"] for one in figures["budgets"]] == [0.25, 1.0, 3.0]
    assert said in page(found, ["log.csv"], 1.0)


def test_nothing_is_missing_from_a_whole_log(firm, run, event):
    """Two years with orders, amounts and outbound events: nothing to complain of but that they are few, and fewer."""
    found = run([*firm, event("client-1", 730, direction="outbound")])

    assert [note for note in notes(found) if not note.startswith(("Only ", "Contacts went"))] == []


def test_a_late_event_takes_an_alert_back(run, event):
    """It was false, though the client never came back after it."""
    days = [("ann", 7 * week) for week in range(10)] + [("bob", 200), ("ann", 65)]

    (judged,) = run([event(client, day) for client, day in days]).judged

    assert (judged.score.alerts, judged.score.false_alerts) == (2, 1)
    assert judged.score.delay.alerted == 1
