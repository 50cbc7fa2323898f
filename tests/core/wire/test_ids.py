"""One client however its id is spelled, in every way in; and ids that only look alike."""

import json

import pytest

from detector.core.engine.intake import Intake
from detector.core.engine.shard import Policy, Shard
from detector.core.primitives.partitioner import partition_of
from detector.core.wire import lookalikes
from detector.core.wire.lookalikes import Lookalikes
from detector.core.wire.records import RecordColumns
from detector.core.wire.reroute import REROUTED
from detector.core.wire.routing import address_of, addresses_of
from tests.builders import DAY_S

NOW_S, START_S = 1.8e9, 1.7e9
TOPICS = {"emails": "ghosting.emails", REROUTED: "ghosting.rerouted"}
SPELLINGS = pytest.mark.parametrize(
    ("spellings", "normal"),
    [
        (["Anna@Shop.example", "anna@shop.example"], "anna@shop.example"),
        (["C-7", "C-7 ", "C-7\u00a0"], "C-7"),
        (["Zo\u00eb", "Zoe\u0308"], "Zo\u00eb"),
    ],
)


def wire(client_id, day=0, **fields):
    """Build an e-mail of a client as it travels."""
    email = {"event_id": f"e{day}", "client_id": client_id, "kind": "email", "at": START_S + day * DAY_S}
    return json.dumps({**email, "direction": "inbound"} | fields).encode()


def intake_of(partition=0, partitions=1, shared=None):
    """Return a shard and its intake."""
    shard = Shard(Policy(sources=("emails",), learning_gaps_min=0))
    return shard, Intake(shard, TOPICS, partition, partitions, shared)


def columns(*records):
    """Put pairs of (key, value) into columns."""
    keys, values = zip(*records, strict=True)
    return RecordColumns(range(len(values)), keys, values, [()] * len(values))


@SPELLINGS
def test_two_spellings_one_after_the_other_are_one_client(spellings, normal):
    """There is no false silence of the first spelling; the key may be spelled in either way."""
    shard, intake = intake_of()
    former, latter = spellings[0], spellings[-1]
    daily = [(None, wire(former if day < 50 else latter, day)) for day in range(100)]
    keys = [(former.encode(), wire(latter, 100)), (latter.encode(), wire(former, 101))]
    assert intake.read("emails", columns(*daily, *keys), NOW_S).refused == 0
    assert shard.advance(START_S + 101.5 * DAY_S).alerts == []
    assert list(shard.table.names) == [normal]
    assert shard.table.clients[0].contacts == 102


@SPELLINGS
def test_a_record_goes_to_the_partition_of_the_normal_form(spellings, normal):
    """What was produced by another spelling's hash is sent on, and applied by the shard of the normal form."""
    home = partition_of(normal, 64)
    for spelling in spellings:
        came_to = partition_of(spelling, 64)
        shard, intake = intake_of(came_to, 64)
        intake.read("emails", columns((spelling.encode(), wire(spelling))), NOW_S)
        outcome = shard.advance(NOW_S)
        if came_to == home:
            assert shard.counts["applied"] == 1
            continue
        (sent,) = outcome.rerouted
        assert (sent.partition, sent.key) == (home, spelling.encode())
        shard, intake = intake_of(home, 64)
        intake.read(REROUTED, RecordColumns([0], [sent.key], [sent.value], [sent.headers]), NOW_S)
        shard.advance(NOW_S)
        assert list(shard.table.names) == [normal]


@SPELLINGS
def test_files_and_producers_use_the_normal_form(spellings, normal):
    """Key and partition are those of the normal form, whoever puts the records there."""
    expected = ("emails", partition_of(normal, 64), normal.encode())
    for spelling in spellings:
        value = wire(spelling)
        assert address_of(value, first="x", route=lambda _: "emails", partitions=64) == expected
        event = {"specversion": "1.0", "subject": spelling, "data": {"kind": "email"}}
        assert address_of(json.dumps(event).encode(), first="x", route=lambda _: "emails", partitions=64) == expected
        kinds, partitions, *_ = addresses_of([value], 64)
        assert kinds[0] < 0 or partitions[0] == expected[1]


def test_ids_that_differ_only_in_case_or_blanks_are_counted():
    """They stay different clients; each one that looks like an earlier one counts."""
    shard, intake = intake_of()
    names = ["C-7", "c-7", "C 7", "C-8", "\u00c4rger", "\u00e4rger", "C\u00a0- 7", "C-7"]
    intake.read("emails", columns(*((None, wire(name, day)) for day, name in enumerate(names))), NOW_S)
    assert intake.lookalikes.count == 3
    assert len(shard.table.names) == 7
    assert (intake.lookalikes.report_once(), intake.lookalikes.report_once()) == (3, 0)


def test_the_shards_of_a_process_count_together():
    """Ids that look alike lie in different partitions as a rule."""
    shared = Lookalikes()
    assert shared.report_once() == 0
    for name in ("C-7", "c-7"):
        partition = partition_of(name, 64)
        _, intake = intake_of(partition, 64, shared)
        intake.read("emails", columns((None, wire(name))), NOW_S)
    assert partition_of("C-7", 64) != partition_of("c-7", 64)
    assert shared.count == 1


def test_the_memory_of_lookalikes_is_bounded(monkeypatch):
    """Of many ids the earlier ones are forgotten; nothing is counted that is not there."""
    monkeypatch.setattr(lookalikes, "REMEMBERED", 1024)
    ids = Lookalikes()
    ids.note(f"client-{k}" for k in range(20_000))
    assert ids.count == 0
    ids.note(f"CLIENT-{k}" for k in range(19_990, 20_000))
    assert 0 < ids.count <= 10
