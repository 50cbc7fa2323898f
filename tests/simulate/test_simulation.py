"""The simulation as a whole: its bytes, its contract, its parameters."""

import hashlib
import io
import itertools
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.shell.config.installation import KIND_SOURCES
from detector.simulate import GAP_DISTRIBUTIONS, SOURCES, Firm, Mix, Outage, simulate, write_events, write_truth
from schemas.interaction import FIELDS, INTERACTION

SMALL = Firm(clients=20, days=120)


def written(simulation):
    """Write both files."""
    events, truth = io.StringIO(), io.StringIO()
    write_events(simulation.events, events)
    write_truth(simulation.truths, truth)
    return events.getvalue(), truth.getvalue()


def of_client(simulation, client_id):
    """Select the events of one client."""
    return [event for event in simulation.events if event["client_id"] == client_id]


def test_same_seed_same_bytes():
    """Two runs write the same bytes, and another seed writes others."""
    assert written(simulate(SMALL)) == written(simulate(SMALL))
    assert written(simulate(SMALL)) != written(simulate(replace(SMALL, seed=2)))


def test_the_bytes_are_the_same_on_every_machine():
    """The bytes are these; who changes them, by another simulation or another numpy, changes the digest and says so."""
    digest = hashlib.sha256("".join(written(simulate(SMALL))).encode()).hexdigest()
    assert digest == "13f390bcb869802fab4b9c1e40695f98f2a0c51c8f8e9e44bd2725e7e42fc454"


def test_more_clients_leave_the_others_as_they_are():
    """Client k does the same in a firm of ten as in a firm of a hundred."""
    few, many = simulate(replace(SMALL, clients=10)), simulate(replace(SMALL, clients=100))
    assert few.truths == many.truths[:10]
    for truth in few.truths:
        assert of_client(few, truth.client_id) == of_client(many, truth.client_id)


def test_a_year_of_three_hundred_clients_has_the_promised_size():
    """The firm of the demo gives 30,000 to 60,000 events, whatever its seed."""
    for seed in range(1, 4):
        assert 30_000 < len(simulate(Firm(seed=seed)).events) < 60_000


def test_events_keep_the_contract(simulation):
    """Every event is a valid interaction without a field that the contract does not know."""
    for event in simulation.events:
        INTERACTION.validate_json(json.dumps(event))
        assert event.keys() <= FIELDS


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**63),
    days=st.integers(1, 800),
    end=st.datetimes(datetime(2001, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    law=st.sampled_from(("mixed", *GAP_DISTRIBUTIONS)),
    shares=st.tuples(*[st.sampled_from((0.0, 0.1, 0.2))] * 5),
    changes=st.tuples(*[st.sampled_from((0.0, 0.5, 0.95))] * 3),
    mix=st.tuples(*[st.sampled_from((0.0, 0.5))] * 5),
    time_zone=st.sampled_from(("Europe/Berlin", "America/New_York", "Asia/Ho_Chi_Minh", "UTC")),
)
def test_any_valid_firm_can_be_simulated(seed, days, end, law, shares, changes, mix, time_zone):
    """Whatever the parameters, events are valid, in order, within the span and unique, and every client has a truth."""
    ghosting, fading, pausing, seasonal, moving = shares
    loyalty, season_depth, fade_depth = changes
    firm = Firm(
        clients=3,
        days=days,
        seed=seed,
        end=end,
        law=law,
        ghosting_share=ghosting,
        fading_share=fading,
        pausing_share=pausing,
        seasonal_share=seasonal,
        moving_share=moving,
        loyalty=2 * loyalty,
        season_depth=season_depth,
        season_spread_days=60,
        fade_depth=fade_depth,
        fading_signals=3,
        mix=Mix(1.0, *mix),
        time_zone=time_zone,
    )
    events, truths = simulate(firm)
    times = [datetime.fromisoformat(event["at"]) for event in events]
    # Events have whole seconds, so the start may be up to a second before what they show.
    assert all(firm.start - timedelta(seconds=1) < time < end for time in times)
    assert times == sorted(times)
    assert len({event["event_id"] for event in events}) == len(events)
    assert [truth.client_id for truth in truths] == ["client-0001", "client-0002", "client-0003"]
    for event in events:
        INTERACTION.validate_json(json.dumps(event))


def test_replies_come_after_what_they_answer(simulation):
    """An answer follows its question in the same thread, and comes from the other side."""
    events = {event["event_id"]: event for event in simulation.events}
    answers = [event for event in simulation.events if event.get("in_reply_to") in events]
    assert len(answers) > 10_000
    for answer in answers:
        question = events[answer["in_reply_to"]]
        assert question["at"] < answer["at"]
        assert question.get("thread_id") == answer.get("thread_id")
        assert question["client_id"] == answer["client_id"]
        assert {question["direction"], answer["direction"]} == {"inbound", "outbound"}


def test_every_kind_says_what_it_should(simulation):
    """Orders and payments have amounts, payments a due date, calls an outcome, mails of people a length."""
    required = {
        "email": {"length"},
        "message": {"length", "thread_id"},
        "call": {"outcome"},
        "meeting": {"outcome"},
        "order": {"amount", "currency"},
        "payment": {"amount", "currency", "due_at"},
        "ticket": {"length", "thread_id"},
    }
    assert {event["kind"] for event in simulation.events} == set(required)
    for event in simulation.events:
        assert required[event["kind"]] <= event.keys()
        assert event.get("amount", 1) > 0
    outcomes = {event["outcome"] for event in simulation.events if event["kind"] == "meeting"}
    assert outcomes == {"held", "postponed", "declined", "no_show"}


def test_people_keep_hours(simulation):
    """Nobody acts on a weekend or at night in the firm's time zone, summer or winter; a few write in the evening."""
    zone = ZoneInfo("Europe/Berlin")
    hours = Counter()
    for event in simulation.events:
        if "automated" not in event:
            local = datetime.fromisoformat(event["at"]).astimezone(zone)
            assert local.weekday() < 5
            assert 8 <= local.hour < (22 if event["direction"] == "inbound" else 18)
            hours[event["direction"], local.hour >= 18] += 1
    assert 0.01 < hours["inbound", True] / hours["inbound", False] < 0.1


def test_values_follow_from_orders(simulation, acts, truths):
    """A client that stays orders about its yearly value in a year."""
    steady = [truth for truth in truths["stays"] if sum(act["kind"] == "order" for act in acts[truth.client_id]) > 5]
    ratios = [
        sum(act["amount"] for act in acts[truth.client_id] if act["kind"] == "order") / truth.value_per_year
        for truth in steady
    ]
    assert 0.9 < sum(ratios) / len(ratios) < 1.4


def test_an_outage_hides_its_source_and_nothing_else():
    """Without the events of the source in its stretch, the two firms are the same, truth included."""
    start, end = SMALL.end - timedelta(days=60), SMALL.end - timedelta(days=50)
    whole, holed = simulate(SMALL), simulate(replace(SMALL, outages=(Outage("calls", start, end),)))
    hidden = [
        event
        for event in whole.events
        if event["kind"] in ("call", "meeting") and start <= datetime.fromisoformat(event["at"]) < end
    ]
    assert hidden
    assert holed.events == [event for event in whole.events if event not in hidden]
    assert holed.truths == whole.truths


def test_sources_are_the_detectors(simulation):
    """An outage of a source hides the kinds that the detector reads from it by default."""
    assert {kind: source for source, kinds in SOURCES.items() for kind in kinds}.items() <= KIND_SOURCES.items()
    assert set(itertools.chain(*SOURCES.values())) == {event["kind"] for event in simulation.events}


def test_ndjson_is_one_object_a_line():
    """Both files can be read back line by line."""
    simulation = simulate(SMALL)
    events, truth = written(simulation)
    assert [json.loads(line) for line in events.splitlines()] == simulation.events
    assert [json.loads(line)["fate"] for line in truth.splitlines()] == [each.outcome for each in simulation.truths]


@pytest.mark.parametrize("share", ["newsletter_share", "out_of_office_share", "evening_share"])
def test_what_has_no_share_does_not_happen(share):
    """A share of nil means never."""
    events = simulate(replace(SMALL, **{share: 0.0})).events
    zone = ZoneInfo(SMALL.time_zone)
    seen = {
        "newsletter_share": [event for event in events if event.get("length") == 4000 and "automated" in event],
        "out_of_office_share": [event for event in events if event.get("automated") == "auto-replied"],
        "evening_share": [
            event
            for event in events
            if "automated" not in event and datetime.fromisoformat(event["at"]).astimezone(zone).hour >= 18
        ],
    }
    assert seen[share] == []
