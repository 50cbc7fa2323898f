"""What a mapping makes goes to the topic and partition where the detector, or a person, looks for it."""

import json

from detector.core.primitives.partitioner import partition_of
from detector.core.wire.reroute import RecordPlace
from detector.mapping.outcome import REASONS, Command, Dropped, Gap
from detector.shell.config.settings import Settings
from detector.shell.mapper.placing import REJECTED_DROPS, Origin, Placing
from detector.shell.mapper.tally import Tally
from detector.shell.telemetry.catalogue import MAPPER
from detector.shell.telemetry.metrics import Metrics

SETTINGS = Settings(partitions=4)
ORIGIN = Origin(RecordPlace("shop.orders", 6, 41), b"key", b'{"id": 1}')
EVENT = {"event_id": "e", "client_id": " Ann@Shop.example", "kind": "order", "at": 1.7e9, "direction": "inbound"}


def placed(result):
    """Return the records that are written for a result."""
    return list(Placing(SETTINGS).of(result, ORIGIN))


def test_an_interaction_lies_where_its_client_does():
    """The key is the id in its normal form, and murmur2 of it gives the partition; its kind gives the source."""
    order, call = placed([EVENT, {**EVENT, "kind": "call"}])
    assert (order.topic, call.topic) == ("ghosting.orders", "ghosting.calls")
    assert order.key == call.key == b"ann@shop.example"
    assert order.partition == call.partition == partition_of("ann@shop.example", 4)
    assert json.loads(order.value) == EVENT


def test_a_command_lies_where_its_client_does():
    """So whoever carries it out finds it in the shard of the client."""
    (command,) = placed(Command({"type": "ghosting.client.merged.v1", "client_id": "C-7", "from": ["C-8"]}))
    assert (command.topic, command.key, command.partition) == ("ghosting.commands", b"C-7", partition_of("C-7", 4))


def test_a_gap_has_no_client():
    """It lies in the partition of its record, as far as there are so many."""
    (gap,) = placed(Gap({"source": "salesforce", "record_ids": []}))
    assert (gap.topic, gap.key, gap.partition) == ("ghosting.gaps", None, 2)


def test_only_what_should_have_counted_is_kept():
    """Each drop is counted; rejected are those that somebody can correct, with the record's place and the reason."""
    for reason in REASONS:
        records = placed(Dropped(reason, "in words"))
        assert len(records) == (reason in REJECTED_DROPS)
        for record in records:
            found = json.loads(record.value)
            assert (record.topic, record.partition) == ("ghosting.rejected", 2)
            assert (found["topic"], found["partition"], found["offset"]) == ("shop.orders", 6, 41)
            assert (found["reason"], found["detail"]) == ("not_mapped", f"{reason}: in words")
    assert REASONS.keys() >= REJECTED_DROPS


def test_nothing_is_counted_before_it_is_durable():
    """Counts come into the metrics when they are published, and once."""
    metrics, tally = Metrics(SETTINGS, MAPPER), Tally()
    for result in ([EVENT], Dropped("edit", ""), Dropped("invalid", ""), Command({}), Gap({})):
        tally.count(result)
    tally.count_written(placed([EVENT]), Placing(SETTINGS))
    assert metrics.value("ghosting_mapping_records_total", "interactions") == 0
    tally.publish(metrics)
    tally.publish(metrics)
    for became in ("interactions", "dropped", "rejected", "command", "gap"):
        assert metrics.value("ghosting_mapping_records_total", became) == 1
    assert metrics.value("ghosting_mapping_dropped_total", "invalid") == 1
    assert metrics.value("ghosting_mapping_interactions_total", "orders") == 1
