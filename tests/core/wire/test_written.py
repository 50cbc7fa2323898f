"""A record's own timestamp: what lies after it, and that a rebuild judges as the worker did."""

import json

import pytest

from detector.core.engine.intake import Intake
from detector.core.engine.shard import Policy, Shard
from detector.core.primitives.partitioner import partition_of
from detector.core.wire.classify import CLOCKS_APART_MAX_S
from detector.core.wire.records import RecordColumns
from detector.core.wire.reroute import ORIGIN, REROUTED, WRITTEN
from tests.builders import DAY_S, known

WRITTEN_S, NOW_S = 1.7e9, 1.8e9
HOUR_S = 3600.0
SOURCES = ("emails", "calls")
TOPICS = {source: f"ghosting.{source}" for source in (*SOURCES, REROUTED)}
WAYS = pytest.mark.parametrize("more", [{}, {"attributes": {"read": "the slow way"}}])


def wire(at, **fields):
    """Build an interaction as it travels."""
    meeting = {"event_id": f"e{at}", "client_id": "ann", "kind": "meeting", "at": at, "direction": "inbound"}
    return json.dumps(meeting | fields).encode()


def columns(*records, first=0):
    """Put pairs of (value, when it was written) into columns."""
    values, times = zip(*records, strict=True)
    at_ms = [None if written_s is None else int(written_s * 1000) for written_s in times]
    offsets = range(first, first + len(values))
    return RecordColumns(offsets, [None] * len(values), values, [()] * len(values), at_ms)


def read(*records, now_s=NOW_S, partition=0, partitions=1):
    """Read records of one source; return the shard, its intake and the outcome up to the reader's clock."""
    shard = Shard(Policy(sources=SOURCES, learning_gaps_min=0))
    intake = Intake(shard, TOPICS, partition, partitions)
    intake.read("emails", columns(*records), now_s)
    return shard, intake, shard.advance(now_s)


@WAYS
def test_an_event_cannot_happen_a_day_after_its_record_was_written(more):
    """A mistyped year is refused, though the reader's clock has long passed it."""
    shard, intake, outcome = read(
        (wire(WRITTEN_S + DAY_S, kind="email", **more), WRITTEN_S),
        (wire(WRITTEN_S + DAY_S + 1, kind="email", **more), WRITTEN_S),
    )
    assert shard.counts["applied"] == 1
    assert intake.refused == {"time_out_of_range": 1}
    (rejected,) = map(json.loads, outcome.rejected)
    assert (rejected["offset"], rejected["fields"], rejected["kept"]) == (1, ["at"], False)


@WAYS
@pytest.mark.parametrize("written_s", [None, -0.001, 0.0, NOW_S + 400 * DAY_S])
def test_the_readers_clock_stands_in_for_a_timestamp_that_cannot_be(more, written_s):
    """A record without a timestamp, or with one from 1970 or from the future, is held against the reader's clock."""
    shard, *_ = read((wire(NOW_S - DAY_S, **more), written_s), (wire(NOW_S + 2 * DAY_S, **more), written_s))
    assert shard.counts["applied"] == 1
    assert shard.front_s("emails") == NOW_S - DAY_S


@WAYS
def test_one_mistyped_year_touches_nobody(more):
    """Each client has the alerts that it has without the record: its source is not carried ahead."""
    weeks = [
        (
            wire(WRITTEN_S + week * 7 * DAY_S + client, event_id=f"{week}-{client}", client_id=f"C-{client}", **more),
            week,
        )
        for week in range(12)
        for client in range(3)
    ]
    stamped = [(value, WRITTEN_S + week * 7 * DAY_S + 10) for value, week in weeks]
    wrong = (wire(WRITTEN_S + 372 * DAY_S, client_id="C-0", **more), WRITTEN_S + 7 * 7 * DAY_S + 10)
    end_s = stamped[-1][1] + DAY_S
    _, _, right = read(*stamped, now_s=end_s)
    _, intake, mistyped = read(*stamped[:24], wrong, *stamped[24:], now_s=end_s)
    assert [alert.value for alert in mistyped.alerts] == [alert.value for alert in right.alerts] == []
    assert intake.refused == {"time_out_of_range": 1}


@WAYS
def test_a_meeting_to_come_is_a_promise_and_no_contact(more):
    """It ends no silence and moves no last contact ahead; it is counted."""
    weekly = [
        (wire(WRITTEN_S + week * 7 * DAY_S, outcome="held", **more), WRITTEN_S + week * 7 * DAY_S) for week in range(10)
    ]
    later_s = WRITTEN_S + 150 * DAY_S
    planned = (wire(later_s + 20 * HOUR_S, outcome="accepted", segment="vip", **more), later_s)
    shard, intake, outcome = read(*weekly, planned)
    assert [alert.transition for alert in outcome.alerts] == ["opened", "escalated"]
    assert shard.table.clients[0].contact.last_s == WRITTEN_S + 63 * DAY_S
    assert shard.table.segment_names[shard.table.clients[0].segment] == "vip"
    assert (intake.promises, shard.counts["applied"]) == (1, 11)


@WAYS
def test_a_promise_that_is_kept_comes_again_under_its_id(more):
    """The record of the meeting as it was held is no duplicate of the one that announced it; the same promise is."""
    at_s = WRITTEN_S + 20 * HOUR_S
    planned = (wire(at_s, outcome="accepted", **more), WRITTEN_S)
    held = (wire(at_s, outcome="held", **more), at_s + HOUR_S)
    shard, intake, _ = read(planned, planned, held, held)
    assert shard.counts["duplicates"] == 2
    assert shard.table.clients[0].contact.last_s == at_s
    assert shard.table.clients[0].contacts == 1
    assert intake.promises == 2


@WAYS
@pytest.mark.parametrize("kind", ["email", "message", "order", "ticket", "survey"])
def test_what_cannot_be_planned_happened_when_it_was_written(more, kind):
    """A producer with a wrong time zone neither loses its contacts nor ends a silence at a time to come."""
    shard, intake, _ = read((wire(WRITTEN_S + 2 * HOUR_S, kind=kind, **more), WRITTEN_S))
    assert shard.table.clients[0].contact.last_s == WRITTEN_S
    assert intake.promises == 0


@WAYS
def test_clocks_that_are_a_little_apart_change_nothing(more):
    """An event a few minutes after its record has its own time, as in a replay of the file."""
    at_s = WRITTEN_S + CLOCKS_APART_MAX_S
    shard, intake, _ = read((wire(at_s, **more), WRITTEN_S))
    assert shard.table.clients[0].contact.last_s == at_s
    assert intake.promises == 0


@WAYS
def test_a_rebuild_years_later_comes_to_the_same(more):
    """Rows, alerts, promises, refusals and merge keys depend on timestamps in the log, not on the reader's clock."""
    week_s = 7 * DAY_S
    records = [
        record
        for week in range(10)
        for record in (
            (wire(WRITTEN_S + week * week_s, event_id=f"a{week}", **more), WRITTEN_S + week * week_s + 1),
            (wire(WRITTEN_S + week * week_s + 20 * HOUR_S, event_id=f"b{week}", **more), WRITTEN_S + week * week_s + 2),
            (wire(WRITTEN_S + (week + 9) * week_s, event_id=f"c{week}", **more), WRITTEN_S + week * week_s + 3),
            (
                wire(WRITTEN_S + week * week_s + 5 * HOUR_S, event_id=f"d{week}", kind="email", **more),
                WRITTEN_S + week * week_s + 4,
            ),
        )
    ]
    end_s = records[-1][1] + 10
    found = []
    for now_s in (end_s, end_s + 1000 * DAY_S):
        shard = Shard(Policy(sources=SOURCES, learning_gaps_min=0))
        intake = Intake(shard, TOPICS, 0, 1)
        intake.read("emails", columns(*records), now_s)
        front_s = shard.front_s("emails")
        outcome = shard.advance(end_s)
        alerts = [alert.value for alert in outcome.alerts]
        found.append((front_s, known(shard), alerts, outcome.rejected, intake.promises, shard.counts))
    assert found[0] == found[1]
    assert found[0][4] == 10
    assert len(found[0][3]) == 10


def test_a_rerouted_record_is_judged_by_when_it_was_written_first():
    """What was a promise where it came to is one where it belongs, however much later it comes there."""
    home = partition_of("ann", 4)
    astray, intake, outcome = read(
        (wire(WRITTEN_S + 20 * HOUR_S), WRITTEN_S), partition=(home + 1) % 4, partitions=4, now_s=WRITTEN_S + 30 * DAY_S
    )
    (sent,) = outcome.rerouted
    assert dict(sent.headers)[WRITTEN] == repr(WRITTEN_S).encode()
    assert astray.front_s("emails") == WRITTEN_S
    shard = Shard(Policy(sources=SOURCES))
    intake = Intake(shard, TOPICS, home, 4)
    later_ms = int((WRITTEN_S + 30 * DAY_S) * 1000)
    intake.read(REROUTED, RecordColumns([0], [sent.key], [sent.value], [sent.headers], [later_ms]), NOW_S)
    shard.advance(NOW_S)
    assert (intake.promises, shard.table.clients[0].contact.last_s) == (1, 0)


@pytest.mark.parametrize("header", [b"soon", b"nan", b"\xff"])
def test_a_stranger_on_the_reroute_topic_raises_nothing(header):
    """A header that is no time counts as none."""
    home = partition_of("ann", 4)
    shard = Shard(Policy(sources=SOURCES))
    intake = Intake(shard, TOPICS, home, 4)
    headers = [(ORIGIN, b"x/1/2"), (WRITTEN, header)]
    intake.read(REROUTED, RecordColumns([0], [None], [wire(WRITTEN_S)], [headers], [int(WRITTEN_S * 1000)]), NOW_S)
    shard.advance(NOW_S)
    assert shard.table.clients[0].contact.last_s == WRITTEN_S
