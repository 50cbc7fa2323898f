"""What is compressed in Kafka, by others or by ourselves, on a real one."""

import asyncio

from aiokafka import AIOKafkaConsumer
from aiokafka.record._crecords import default_records

from tests import kafka as broker
from tests.workers import alerts, history, produce, replayed, returns, wait_for, working

CODECS = ("gzip", "snappy", "lz4", "zstd")


async def test_records_are_read_whatever_their_producers_compress_with(installed):
    """One codec after the other in the same topics: the alerts are those of a replay."""
    settings = await installed()
    records = history()
    size = len(records) // len(CODECS)
    for number, codec in enumerate(CODECS):
        produce(settings, records[number * size : (number + 1) * size], **{"compression.type": codec})
    expected, _ = replayed(settings, [value for _, _, value in records[: len(CODECS) * size]])
    with working(settings) as worker:
        wait_for(worker, settings, len(expected))
    assert alerts(settings) == expected


async def test_what_a_worker_compresses_it_restores(installed, monkeypatch):
    """A worker that compresses goes on from what it wrote, which is compressed indeed."""
    settings = await installed(partitions=1, compression_type="zstd")
    records, back = history(), returns()
    produce(settings, records)
    with working(settings) as worker:
        wait_for(worker, settings, 1)
    produce(settings, back)
    expected, _ = replayed(settings, [value for _, _, value in records + back])
    with working(settings) as worker:
        wait_for(worker, settings, len(expected))
    assert alerts(settings) == expected

    unpacked, unpack = [], default_records.zstd_decode
    monkeypatch.setattr(default_records, "zstd_decode", lambda packed: unpacked.append(packed) or unpack(packed))
    async with AIOKafkaConsumer(
        settings.state_topic, bootstrap_servers=settings.bootstrap_servers, auto_offset_reset="earliest"
    ) as consumer:
        await asyncio.wait_for(consumer.getone(), broker.REPLY_SECONDS_MAX)
    assert unpacked
