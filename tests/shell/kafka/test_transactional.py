"""A transactional producer on a real Kafka: records and offsets together, and one owner at a time."""

import pytest

from detector.shell.kafka.client import started
from detector.shell.kafka.errors import BrokerError
from detector.shell.kafka.groups import committed
from detector.shell.kafka.transactional import PartitionRecords, TransactionalProducer
from tests.faults import durable

PLACE = ("rejected", 1)


async def write(settings, producer, value, offset, *, fails=False):
    """Write a record and the offset of a group in one transaction, which fails at its end if it has to."""
    topic, partition = settings.topic(PLACE[0]), PLACE[1]
    async with producer.transaction() as transaction:
        await transaction.write(PartitionRecords(topic, partition, [(b"key", value)]))
        await transaction.commit_offsets("readers", {(topic, partition): offset})
        await transaction.acknowledged()
        if fails:
            raise ZeroDivisionError


async def lose(settings, former, owner):
    """Let another producer start, and write, in the middle of a transaction of the former one."""
    place = (settings.topic(PLACE[0]), PLACE[1])
    async with former.transaction() as transaction:
        await transaction.write(PartitionRecords(*place, [(b"key", b"open")]))
        await transaction.acknowledged()
        async with started(owner):
            assert await offset_of(settings) == 7
            await write(settings, owner, b"after", 8)
        await transaction.commit_offsets("readers", {place: 100})


async def offset_of(settings):
    """Return the offset that the group has committed."""
    return await committed(settings, "readers", settings.topic(PLACE[0]), PLACE[1])


def values(settings):
    """Return the committed records, in the order of their offsets."""
    return [record.value for record in durable.committed(settings, settings.topic(PLACE[0]))]


async def test_records_and_offsets_come_together_or_not_at_all(installed):
    """A transaction that fails leaves neither; the next one, of the same producer, has both."""
    settings = await installed()
    producer = TransactionalProducer(settings, f"{settings.app_id}-map-1")
    async with started(producer):
        assert await offset_of(settings) == -1
        await write(settings, producer, b"first", 7)
        with pytest.raises(ZeroDivisionError):
            await write(settings, producer, b"failed", 8, fails=True)
        assert await offset_of(settings) == 7
        await write(settings, producer, b"second", 9)
    assert await offset_of(settings) == 9
    assert values(settings) == [b"first", b"second"]


async def test_whoever_starts_with_the_same_id_fences_the_former_producer(installed):
    """What the former owner had open is aborted, and it can commit nothing any more: neither records nor offsets."""
    settings = await installed()
    former, owner = (TransactionalProducer(settings, f"{settings.app_id}-map-1") for _ in range(2))
    async with started(former):
        await write(settings, former, b"before", 7)
        with pytest.raises(BrokerError):
            await lose(settings, former, owner)
    assert await offset_of(settings) == 8
    assert values(settings) == [b"before", b"after"]
