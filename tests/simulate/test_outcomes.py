"""What became of a client by its truth can be seen in its events."""

import itertools
import statistics
from datetime import datetime, timedelta

from detector.simulate import Firm, simulate


def time(text):
    """Read a time."""
    return datetime.fromisoformat(text)


def between(acts, start, end):
    """Select what was done between two times."""
    return [act for act in acts if start <= act["at"] < end]


def days_apart(start, end):
    """Count the days between two times."""
    return (time(end) - time(start)) / timedelta(days=1)


def gaps_days(acts):
    """Measure the gaps between acts."""
    times = sorted(time(act["at"]) for act in acts)
    return [(later - earlier) / timedelta(days=1) for earlier, later in itertools.pairwise(times)]


def before_and_during(acts, truth):
    """A fading client's acts before its fade, and those in the second half of it."""
    middle = time(truth.at) + (time(truth.gone_at) - time(truth.at)) / 2
    return (
        [act for act in acts if act["at"] < truth.at],
        [act for act in acts if middle <= time(act["at"]) and act["at"] <= truth.gone_at],
    )


def faders(truths, acts):
    """Both halves of all complete fades, all clients together."""
    halves = [before_and_during(acts[truth.client_id], truth) for truth in truths["fades"] if truth.gone_at]
    return [act for before, _ in halves for act in before], [act for _, during in halves for act in during]


def test_shares_of_outcomes_are_as_asked(truths):
    """Outcomes come about as often as their parameters say: within four standard deviations."""
    shares = {"ghosts": 0.12, "fades": 0.08, "pauses": 0.06, "seasonal": 0.04, "moves": 0.04}
    shares["stays"] = 1 - sum(shares.values())
    for outcome, share in shares.items():
        assert abs(len(truths[outcome]) - 500 * share) < 4 * (500 * share * (1 - share)) ** 0.5


def test_a_firm_of_one_outcome():
    """A share of one makes all clients so, and shares of nil make all clients stay."""
    nobody = {f"{outcome}_share": 0.0 for outcome in ("ghosting", "fading", "pausing", "seasonal", "moving")}
    assert {truth.outcome for truth in simulate(Firm(clients=30, **nobody)).truths} == {"stays"}
    assert {truth.outcome for truth in simulate(Firm(clients=30, **nobody | {"pausing_share": 1.0})).truths} == {
        "pauses"
    }


def test_ghosts_are_never_heard_again(truths, acts):
    """A ghost's last act is at the time of its truth; only machines answer after that."""
    for truth in truths["ghosts"]:
        assert truth.gone_at == truth.at
        assert not [act for act in acts[truth.client_id] if act["at"] > truth.at]


def test_ghosts_leave_questions_open(truths, acts, simulation):
    """Most ghosts leave mails of ours unanswered that we wrote after they were last heard."""
    waiting = {
        event["client_id"]
        for truth in truths["ghosts"]
        for event in simulation.events
        if event["client_id"] == truth.client_id and event["direction"] == "outbound" and event["at"] > truth.at
        if "automated" not in event
    }
    assert len(waiting) > 0.8 * len(truths["ghosts"])


def test_some_ghosts_are_fresh(truths, firm):
    """Some have left within the last weeks and months, so that a reader sees open silences."""
    ages = [(firm.end - time(truth.at)).days for truth in truths["ghosts"]]
    assert sum(age < 45 for age in ages) >= 5
    assert sum(age > 90 for age in ages) >= 5


def test_pausers_come_back(truths, acts):
    """A pausing client is silent between the times of its truth, for long, and then acts as before."""
    returned = [truth for truth in truths["pauses"] if truth.returned_at]
    assert len(returned) > 0.8 * len(truths["pauses"])
    for truth in returned:
        assert days_apart(truth.at, truth.returned_at) >= 27
        assert not [act for act in acts[truth.client_id] if truth.at < act["at"] < truth.returned_at]
    befores = [gap for truth in returned for gap in gaps_days(between(acts[truth.client_id], "", truth.at))]
    afters = [gap for truth in returned for gap in gaps_days(between(acts[truth.client_id], truth.returned_at, "9"))]
    assert 0.6 < statistics.mean(afters) / statistics.mean(befores) < 1.6


def test_faders_become_rarer(truths, acts):
    """In the second half of a fade the clients are in contact on less than two thirds as many days as before."""
    days_before = days_during = expected = 0.0
    for truth in truths["fades"]:
        if truth.gone_at and len(acts[truth.client_id]) > 30:
            # Payments follow from earlier orders, so they are no sign of the rhythm.
            before, during = (
                {act["at"][:10] for act in half if act["kind"] != "payment"}
                for half in before_and_during(acts[truth.client_id], truth)
            )
            share = days_apart(truth.at, truth.gone_at) / 2 / days_apart("2025-01-01T00:00:00Z", truth.at)
            days_before, days_during = days_before + len(before), days_during + len(during)
            expected += len(before) * share
    assert days_before > 500
    assert days_during < 0.67 * expected


def test_faders_shrink(truths, acts):
    """Their orders become smaller, their mails shorter and their mood worse."""
    orders = []
    for truth in truths["fades"]:
        if truth.gone_at:
            before, during = (
                [act["amount"] for act in half if act["kind"] == "order"]
                for half in before_and_during(acts[truth.client_id], truth)
            )
            if before and during:
                orders.append(statistics.mean(during) / statistics.mean(before))
    assert len(orders) > 10
    assert statistics.mean(orders) < 0.8
    before, during = faders(truths, acts)
    for field in ("length", "sentiment", "duration_s"):
        values = [[act[field] for act in half if act["kind"] in ("email", "call") and field in act]
                  for half in (before, during)]  # fmt: skip
        assert statistics.mean(values[1]) < 0.8 * statistics.mean(values[0])


def test_faders_become_slow_and_unreliable(truths, acts, simulation):
    """They answer later, pay later and no longer keep their meetings."""
    before, during = faders(truths, acts)
    sent = {event["event_id"]: event["at"] for event in simulation.events if event["direction"] == "outbound"}

    def latency(half):
        return statistics.median(
            days_apart(sent[act["in_reply_to"]], act["at"])
            for act in half
            if act["kind"] == "email" and act.get("in_reply_to") in sent and act["substantive"]
        )

    def delay(half):
        return statistics.mean(days_apart(act["due_at"], act["at"]) for act in half if act["kind"] == "payment")

    def kept(half):
        return statistics.mean(act["outcome"] == "held" for act in half if act["kind"] == "meeting")

    assert latency(during) > 1.5 * latency(before)
    assert delay(during) > delay(before) + 5
    assert kept(during) < kept(before) - 0.2


def test_movers_change_the_channel_and_keep_the_rhythm(truths, acts):
    """All talk moves from e-mail to calls at the time of the truth, and there is as much contact after as before."""
    rates = []
    for truth in truths["moves"]:
        before, after = between(acts[truth.client_id], "", truth.at), between(acts[truth.client_id], truth.at, "9")
        assert not {act["kind"] for act in before} & {"call", "meeting", "message"}
        assert not {act["kind"] for act in after} & {"email", "meeting", "message"}
        # Distinct days: a mail and the thanks for the answer are one contact.
        days = [len({act["at"][:10] for act in half}) for half in (before, after)]
        shares = [days_apart("2025-01-01T00:00:00Z", truth.at), days_apart(truth.at, "2026-01-01T00:00:00Z")]
        rates.append((days[0], days[1], shares[0], shares[1]))
    before, after, span_before, span_after = (sum(column) for column in zip(*rates, strict=True))
    assert 0.75 < (after / span_after) / (before / span_before) < 1.33


def test_seasonal_clients_are_quiet_off_season(truths, acts):
    """Off season they act less than half as often as in the rest of the year, and nobody is lost."""
    quiet = loud = 0.0
    for truth in truths["seasonal"]:
        assert truth.gone_at is None
        if truth.returned_at:
            act_count = len(acts[truth.client_id])
            off = len(between(acts[truth.client_id], truth.at, truth.returned_at))
            quiet, loud = quiet + off / 90, loud + (act_count - off) / 275
    assert quiet < 0.5 * loud


def test_who_stays_has_nothing_to_tell(truths):
    """A client that stays has no times in its truth."""
    for truth in truths["stays"]:
        assert (truth.at, truth.gone_at, truth.returned_at) == (None, None, None)
