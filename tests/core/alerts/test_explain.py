"""Words from numbers: each kind of sentence, from the fields of an alert."""

import pytest

from detector.core.alerts.explain import explanation
from detector.core.signals import TRAITS

SILENCE = {
    "type": "silence_exceeded",
    "signal": "contact",
    "transition": "opened",
    "reason": "deadline_passed",
    "last_heard_at": "2025-03-04T10:15:30Z",
    "last_heard_channel": "whatsapp",
    "channels_active": [],
    "actual_heard_within_days": 20.04,
    "expected_next_at": {"median": "2025-03-11T00:00:00Z", "p90": "2025-03-16T00:00:00Z"},
    "expected_heard_within_days": 16.04,
    "probability_gone": 0.345,
    "gone_after_days": 90.0,
    "unanswered_since": None,
    "waiting_on_us_since": None,
    "trend": None,
    "evidence": {
        "gaps_seen": 9,
        "mean_gap_days": 7.25,
        "longest_gap_days": 11.0,
        "completed_gaps_in_segment": 5000,
        "outlook_labels": 500,
        "probability_gone_between": [0.2, 0.5],
    },
}
TREND = {
    "unit": "days",
    "currency": None,
    "before": 7.04,
    "now": 15.5,
    "since": "2025-01-02T00:00:00Z",
    "ratio_to_first_half_year": 2.2,
    "values_seen": 40,
}
RHYTHM = "It usually comes back after 7.2 days (9 gaps seen, the longest 11.0 days)"
CHANCES = (
    "nine in ten such silences end by 2025-03-16. Of 100 alerts like this, 34 clients were not heard again"
    " within 90 days."
)


def decline(signal="contact_rate", transition="opened", **trend):
    """Give the fields of a decline's alert."""
    return SILENCE | {
        "type": "declining_trend",
        "signal": signal,
        "transition": transition,
        "trend": TREND | trend,
    }


def test_a_silence_is_told_with_the_rhythm_and_the_chances():
    """Since when, how that compares, and what it may mean."""
    assert explanation(SILENCE) == (f"Silent for 20.0 days, last heard on 2025-03-04 by whatsapp. {RHYTHM}; {CHANCES}")


def test_a_channel_without_a_name_is_told_as_such():
    """The vocabulary of channels may be full."""
    assert "2025-03-04 by an unnamed channel." in explanation(SILENCE | {"last_heard_channel": None})


def test_an_escalation_says_what_got_worse():
    """How many times the deadline has passed."""
    told = explanation(SILENCE | {"transition": "escalated", "actual_heard_within_days": 40.1})
    assert told.startswith(
        "Silent for 40.1 days, last heard on 2025-03-04 by whatsapp: 2.5 times the 16.0 days after which the alert was"
        " raised. It usually comes back after 7.2 days"
    )


@pytest.mark.parametrize(
    ("labels", "gone", "between", "sentence"),
    [
        (0, 0.345, [0.2, 0.5], "34 clients (between 20 and 50: no outcome is known here so far) were"),
        (40, 0.345, [0.2, 0.5], "34 clients (between 20 and 50: 40 outcomes are known here so far) were"),
        (499, 0.002, [0.001, 0.999], "fewer than 1 clients (between fewer than 1 and more than 99: 499 outcomes are"),
        (500, 0.998, [0.9, 0.999], "more than 99 clients were not heard again within 90 days."),
    ],
)
def test_a_chance_is_told_with_how_exactly_it_is_known(labels, gone, between, sentence):
    """As long as few outcomes are known here, between which two frequencies it lies; nothing is ever certain."""
    evidence = SILENCE["evidence"] | {"outlook_labels": labels, "probability_gone_between": between}
    assert sentence in explanation(SILENCE | {"probability_gone": gone, "evidence": evidence})


def test_without_a_chance_the_sentence_ends_before():
    """A client that orders regularly may have too few gaps between its contacts."""
    told = explanation(SILENCE | {"probability_gone": None, "signal": "orders"})
    assert told.endswith("nine in ten such silences end by 2025-03-16.")


@pytest.mark.parametrize(
    ("active", "sentence"),
    [
        (
            ["gmail", "fax"],
            "No order for 20.0 days, though it was heard by gmail, fax; the last order was on 2025-03-04.",
        ),
        ([], "No order for 20.0 days; the last order was on 2025-03-04."),
    ],
)
def test_a_silence_of_orders_names_the_channels_that_are_alive(active, sentence):
    """A client that is heard otherwise can be asked there."""
    told = explanation(SILENCE | {"signal": "orders", "channels_active": active, "last_heard_channel": None})
    assert told.startswith(f"{sentence} It usually orders after 7.2 days")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"unanswered_since": "2025-03-05T00:00:00Z"}, "Our message of 2025-03-05 is unanswered."),
        (
            {"unanswered_since": "2025-03-05T00:00:00Z", "waiting_on_us_since": "2025-03-04T10:15:30Z"},
            "Its message of 2025-03-04 waits for our answer longer than usual: the silence may be ours.",
        ),
    ],
)
def test_what_is_open_between_the_client_and_us_is_told(fields, sentence):
    """Our own debt is the one to look at first."""
    assert explanation(SILENCE | fields).endswith(f"within 90 days. {sentence}")


def test_a_young_segment_says_that_its_rate_still_settles():
    """A promise is not made before it can be kept."""
    evidence = SILENCE["evidence"] | {"completed_gaps_in_segment": 999}
    assert explanation(SILENCE | {"evidence": evidence}).endswith(
        "The rate of false alerts is still settling: this group of clients has 999 gaps so far."
    )


@pytest.mark.parametrize(
    ("signal", "reason", "first", "last"),
    [
        ("contact", "returned", "The client is back", ""),
        ("contact", "late_event", "The client is back", " An event that arrived late shows that there was no silence."),
        ("orders", "returned", "The client orders again", ""),
    ],
)
def test_the_end_of_a_silence(signal, reason, first, last):
    """How long it was, and whether it was one."""
    told = explanation(SILENCE | {"signal": signal, "transition": "resolved", "reason": reason})
    rhythm = RHYTHM.replace("comes back", "orders") if signal == "orders" else RHYTHM
    assert told == f"{first} after 20.0 days of silence. {rhythm}.{last}"


def test_an_overdue_reply_and_its_end():
    """Which message, for how long, and how that compares."""
    rhythm = RHYTHM.replace("comes back", "replies")
    fields = SILENCE | {"signal": "reply_overdue", "unanswered_since": "2025-03-05T00:00:00Z"}
    assert explanation(fields) == (
        "Our message of 2025-03-05 has had no reply for 20.0 days; nine in ten replies of this client come by "
        f"2025-03-16. {rhythm}."
    )
    assert explanation(fields | {"transition": "resolved"}) == f"The reply came after 20.0 days. {rhythm}."


def test_a_decline_is_told_with_its_levels():
    """Before, now and as a share of the first half-year; single values are not told."""
    assert explanation(decline()) == (
        "The time between its contacts has changed for the worse since 2025-01-02: now 15.5 days, 220% of its first "
        "six months, before 7.0 days (40 values seen). Single values say little; taken together they are further from "
        "its own history than chance explains."
    )
    assert "now 15.5 days, before 7.0 days" in explanation(decline(ratio_to_first_half_year=None))


def test_the_end_of_a_decline():
    """The level that it came back to, or that lasts."""
    assert explanation(decline(transition="resolved")) == (
        "The time between its contacts is back in the range that its history explains, last at 15.5 days "
        "(before the decline: 7.0 days)."
    )


@pytest.mark.parametrize(
    ("unit", "now", "words"),
    [
        ("days", 15.54, "15.5 days"),
        ("amount", 1234.5, "1,234.50"),
        ("characters", 61.2, "61 characters"),
        ("share", 0.25, "25%"),
        ("score", -0.5, "-0.50"),
        ("score", 0.5, "+0.50"),
    ],
)
def test_a_level_is_told_in_its_unit(unit, now, words):
    """As people write it."""
    assert f"now {words}," in explanation(decline(unit=unit, now=now))


@pytest.mark.parametrize("trait", TRAITS, ids=lambda trait: trait.name)
def test_every_signal_has_its_words(trait):
    """Each in words of its own."""
    told = {explanation(decline(signal=other.name)) for other in TRAITS if other is not trait}
    assert explanation(decline(signal=trait.name)) not in told
