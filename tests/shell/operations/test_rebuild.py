"""The state made anew, on a real Kafka: nothing is forgotten, nothing is told twice, and nothing half done counts."""

import pytest
from confluent_kafka import Producer, TopicPartition

from detector.core.engine.shard import Outcome
from detector.shell.config.settings import Settings
from detector.shell.kafka import generations, topics
from detector.shell.operations.already_published import AlreadyPublished
from detector.shell.worker.exit_codes import Exit
from schemas.rejection import rejection
from tests import kafka as broker
from tests.faults import durable
from tests.workers import (
    DONE_S_MAX,
    alerts,
    history,
    known,
    log_of,
    of_generation,
    produce,
    rebuild,
    replayed,
    returns,
    started,
    wait_for,
    working,
)


@pytest.fixture
async def settings(kafka, app_id, tmp_path):
    """Give the settings of an installation whose topics exist."""
    found = Settings(
        bootstrap_servers=kafka,
        app_id=app_id,
        partitions=2,
        settle_s=1,
        learning_gaps_min=1,
        false_alerts_per_client_year=5,
        session_timeout_s=6,
        data_dir=tmp_path,
    )
    await topics.create(found)
    return found


def damage(settings):
    """Put something into the state that nobody can read."""
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    producer.produce(settings.state_topic, b"\x63no layout", b"client\0client-1", partition=0)
    assert producer.flush(broker.REPLY_SECONDS_MAX) == 0


async def test_a_damaged_state_is_made_anew_and_nothing_is_told_twice(settings):
    """The worker names the remedy; after it rows are what they were, and alerts those of a run without damage."""
    records = history()
    produce(settings, records)
    values = [value for _, _, value in records]
    expected, _ = replayed(settings, values)
    with working(settings) as worker:
        wait_for(worker, settings, len(expected))
    before = known(settings)
    damage(settings)
    with started(settings) as worker:
        assert worker.wait(DONE_S_MAX) == Exit.CONFIG
    assert "run `ghosting rebuild`" in log_of(settings).read_text().splitlines()[-1]

    code, done, _ = rebuild(settings)

    assert code == 0
    assert (done["records"], done["clients"], done["alerts"]) == (len(records), 12, 0)
    assert done["topic"] == of_generation(settings, 2).state_topic
    assert known(of_generation(settings, 2)) == before
    back = returns()
    expected, _ = replayed(settings, values + [value for _, _, value in back])
    with working(settings) as worker:
        produce(settings, back)
        wait_for(worker, settings, len(expected))
    assert alerts(settings) == expected
    assert await topics.deviations(await generations.in_force(settings)) == []


def test_what_was_never_published_is_published_once(settings):
    """A rebuild where no worker ran tells everything, a second one nothing, and nor does a worker after it."""
    records = history()
    produce(settings, records)
    malformed = b"{nope"
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    producer.produce(settings.topic("emails"), malformed, partition=0)
    producer.produce(settings.topic("calls"), records[0][2], records[0][0].encode() + b"?", partition=1)
    assert producer.flush(broker.REPLY_SECONDS_MAX) == 0
    expected, _ = replayed(settings, [value for _, _, value in records])
    first, second = rebuild(settings)[1], rebuild(settings)[1]
    assert (first["alerts"], first["rejected"]) == (len(expected), 2)
    assert (second["alerts"], second["rejected"]) == (0, 0)
    back = returns()
    expected, _ = replayed(settings, [value for _, _, value in (*records, *back)])
    with working(settings) as worker:
        produce(settings, back)
        wait_for(worker, settings, len(expected))
    assert alerts(settings) == expected
    assert len(durable.values(settings, settings.rejected_topic)) == 2


def test_a_rejection_in_other_words_is_the_same():
    """Another version may say otherwise why it refuses a record; another record in its place is another rejection."""
    refused = {"topic": "ghosting.calls", "partition": 1, "offset": 7, "key": None, "raw": b"{nope"}
    before = rejection(**refused, reason="malformed_json", detail="EOF while parsing")
    other = rejection(**{**refused, "raw": b"{no"}, reason="malformed_json", detail="EOF while parsing")
    known = AlreadyPublished()
    known.add_rejection(before)
    now = [rejection(**refused, reason="not_an_object", detail="no object"), other]
    assert known.missing(Outcome([], [], now, [], [])).rejected == [other]


def test_workers_have_to_be_stopped(settings):
    """A rebuild beside a worker is refused before it begins."""
    produce(settings, history())
    with working(settings) as worker:
        wait_for(worker, settings, 1)
        code, _, said = rebuild(settings)
        assert code == 1
        assert "stop all workers" in said
        assert of_generation(settings, 2).state_topic not in broker.topics(settings.bootstrap_servers)


async def test_a_rebuild_that_was_killed_does_not_count_and_can_be_repeated(settings):
    """Its topic is left behind, another one is made, and the state in force is the old one until that is complete."""
    left = await generations.begin(await generations.in_force(settings))
    assert left.state_generation == 2
    assert (await generations.in_force(settings)).state_generation == 1
    code, done, _ = rebuild(settings)
    assert (code, done["topic"]) == (0, of_generation(settings, 3).state_topic)
    assert (await generations.in_force(settings)).state_generation == 3
    assert await generations.existing(settings) == {1: False, 2: False, 3: True}


def test_a_state_that_was_replaced_is_refused(settings):
    """Who is told to work on the former state, or sees no other, does not start on it."""
    assert rebuild(settings)[0] == 0
    former = Settings(**{**settings.model_dump(exclude_unset=True), "state_generation": 1})
    with started(former) as worker:
        assert worker.wait(DONE_S_MAX) == Exit.CONFIG
    assert "cleanup.policy=delete" in log_of(former).read_text()


def test_what_the_sources_dropped_is_not_forgotten_in_silence(settings):
    """It takes an option to rebuild from what is left."""
    produce(settings, history())
    client = broker.admin(settings.bootstrap_servers)
    (dropped,) = client.delete_records([TopicPartition(settings.topic("emails"), 0, 5)]).values()
    dropped.result(broker.REPLY_SECONDS_MAX)
    code, _, said = rebuild(settings)
    assert code == 1
    assert f"{settings.topic('emails')}: not all records are kept any more" in said
    code, done, _ = rebuild(settings, "--partial")
    assert (code, done["records"]) == (0, len(history()) - 5)
