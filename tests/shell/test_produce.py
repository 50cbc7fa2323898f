"""What is produced, as a consumer finds it on a real broker."""

import asyncio
import json

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from detector.core.partition import partition_of
from detector.shell.produce import ProduceError, address, produce
from detector.shell.settings import Settings
from detector.shell.topics import BrokerUnreachable, create
from detector.shell.watch import alerts

SECONDS_MAX = 30


def event(client, kind="email", **more):
    """Give an event as bytes."""
    return json.dumps({"event_id": f"{client}-{kind}", "client_id": client, "kind": kind, **more}).encode()


@pytest.fixture
async def settings(kafka, app_id):
    """Give the settings of an installation with topics."""
    settings = Settings(bootstrap_servers=kafka, app_id=app_id, partitions=3)
    await create(settings)
    return settings


async def consumed(settings, count):
    """Read so many records of the sources from their beginning."""
    consumer = AIOKafkaConsumer(
        *settings.source_topics, bootstrap_servers=settings.bootstrap_servers, auto_offset_reset="earliest"
    )
    async with consumer, asyncio.timeout(SECONDS_MAX):
        return [await anext(consumer) for _ in range(count)]


async def test_records_go_by_kind_and_client(settings):
    """The topic is that of the kind, the key is the client, and the partition is the client's own in every topic."""
    values = [event(f"client-{number}", kind) for number in range(20) for kind in ("email", "call", "order")]

    assert await produce(values, settings) == (60, 0)

    records = await consumed(settings, 60)
    assert sorted(record.value for record in records) == sorted(values)
    for record in records:
        fields = json.loads(record.value)
        assert record.topic == settings.topic(settings.source_of(fields["kind"]))
        assert record.key.decode() == fields["client_id"]
        assert record.partition == partition_of(fields["client_id"], 3)


async def test_a_client_keeps_its_order(settings):
    """The records of a client and source arrive in the order in which they were produced."""
    values = [event("ann", number=number) for number in range(500)]

    await produce(values, settings)

    assert [record.value for record in await consumed(settings, 500)] == values


async def test_what_cannot_be_read_is_produced_without_a_key_and_counted(settings):
    """It lies in the first partition of the first source, for the worker to reject with a reason."""
    values = [b"{broken", b"[]", b'{"kind":"email"}', b'{"kind":1,"client_id":"a"}', b'{"kind":"call","client_id":7}']

    assert await produce([*values, event("ann", "order")], settings) == (6, 5)

    records = [record for record in await consumed(settings, 6) if record.key is None]
    assert [record.value for record in records] == values
    assert {(record.topic, record.partition) for record in records} == {(settings.source_topics[0], 0)}


async def test_progress_ends_with_all_records(settings):
    """What is reported is what the broker has acknowledged."""
    seen = []

    await produce([event("ann")] * 10, settings, progress=seen.append)

    assert seen[-1] == 10


async def test_a_record_that_no_broker_takes_is_named(settings):
    """Nothing is dropped silently."""
    with pytest.raises(ProduceError, match=r"^record 2 has \d+ bytes"):
        await produce([event("ann"), event("ann", note="x" * 2_000_000)], settings)


async def test_an_unreachable_broker_is_told():
    """Nobody listens on port 1."""
    with pytest.raises(BrokerUnreachable):
        await produce([], Settings(bootstrap_servers="127.0.0.1:1"))


@pytest.mark.parametrize(
    "value",
    [
        {"specversion": "1.0", "subject": "ann", "data": {"kind": "call"}},
        {"specversion": "1.0", "subject": "other", "data": {"kind": "call", "client_id": "ann"}},
    ],
)
def test_a_cloud_event_goes_by_its_data_and_its_subject(value):
    """The subject is the client if the data name none."""
    settings = Settings()

    assert address(json.dumps(value).encode(), settings) == (
        "calls",
        partition_of("ann", settings.partitions),
        b"ann",
    )


async def test_watch_gives_committed_alerts_only(settings):
    """An alert of a transaction that was given up never came out."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap_servers, transactional_id=f"{settings.app_id}-test"
    )
    async with producer:
        await producer.begin_transaction()
        await producer.send_and_wait(settings.alerts_topic, b"given up", partition=0)
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(settings.alerts_topic, b"committed", partition=0)

    following = alerts(settings, from_beginning=True)
    async with asyncio.timeout(SECONDS_MAX):
        first = await anext(following)
    await following.aclose()

    assert first == b"committed"
