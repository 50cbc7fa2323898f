"""What is produced, as a consumer finds it on a real broker."""

import asyncio
import json
from contextlib import ExitStack

import pytest
from aiokafka import AIOKafkaConsumer

from detector.core.primitives.partitioner import partition_of
from detector.shell.config.settings import Settings
from detector.shell.kafka.errors import BrokerUnreachable
from detector.shell.kafka.mock_broker import embedded_broker
from detector.shell.kafka.topics import create
from detector.shell.operations.produce import Pace, ProduceError, address, produce

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


async def test_many_batches_arrive_whole_and_in_order(settings):
    """More records than fit on their way at once, some as large as a whole batch."""
    values = [event("ann", number=number, note="x" * (number % 7 == 0) * 300_000) for number in range(700)]
    seen = []

    assert await produce(values, settings, progress=seen.append) == (700, 0)

    assert [record.value for record in await consumed(settings, 700)] == values
    assert seen == sorted(seen)
    assert seen[-1] == 700


def test_time_may_pass_at_another_speed():
    """Each record is due when its time has come since the first one, so that delays do not add up."""
    pace = Pace(120)

    def wait_s(at, now_s):
        return pace.wait_s(event("ann", at=at, direction="inbound"), now_s)

    assert wait_s(1741083330, 50.0) == 0
    assert pace.wait_s(b"{no time", 50.0) == 0
    assert wait_s(1741083390, 50.0) == pytest.approx(0.5)
    assert wait_s(1741083450, 50.7) == pytest.approx(0.3)
    assert wait_s(1741083400, 51.0) < 0


async def test_a_paced_record_does_not_wait_for_the_next_one(settings):
    """All come, in their order, though each was sent by itself."""
    values = [event("ann", at=1741083330 + number, direction="inbound") for number in range(5)]

    await produce(values, settings, speed=50)

    assert [record.value for record in await consumed(settings, 5)] == values


async def test_an_interruption_waits_for_what_is_on_its_way(settings):
    """What was sent is acknowledged and counted, and nothing else arrives later."""
    values = [event("ann", at=at, direction="inbound") for at in (1741083330, 1741083330, 1_741_169_730)]
    seen = []
    first_two = asyncio.Event()

    def count(records):
        seen.append(records)
        first_two.set()

    producing = asyncio.create_task(produce(values, settings, speed=1, progress=count))
    async with asyncio.timeout(SECONDS_MAX):
        await first_two.wait()
    producing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await producing
    assert seen == [2]
    assert [record.value for record in await consumed(settings, 2)] == values[:2]


async def test_a_broker_that_goes_away_is_told(monkeypatch):
    """One line, with what to look at, as soon as the broker has had its time."""
    monkeypatch.setattr("detector.shell.operations.produce.REPLY_SECONDS_MAX", 2)
    running = ExitStack()
    settings = Settings(bootstrap_servers=running.enter_context(embedded_broker(Settings().source_topics)))

    def values():
        yield event("ann")
        running.close()
        for number in range(20_000):
            yield event("ann", number=number, note="x" * 1000)

    with pytest.raises(ProduceError, match=rf"^the broker took no more .*{settings.bootstrap_servers}"):
        async with asyncio.timeout(SECONDS_MAX):
            await produce(values(), settings)


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
