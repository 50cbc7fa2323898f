"""How records get from aiokafka to a shard: none is passed over, whatever happens on the way."""

import time
from types import SimpleNamespace

import pytest
from faust.types import TP

from detector.shell.config.settings import Settings
from detector.shell.kafka.broker_clock import ClockPolicy, WallClock
from detector.shell.kafka.faust_transport import ChunkConsumer, ChunkTransport
from detector.shell.kafka.fetch_thread import CommittedThread, FetchedChunk
from detector.shell.kafka.in_flight import InFlight
from detector.shell.worker.shard_task import ShardTask

MOST = 4
EMAILS, CALLS = TP("app.emails", 0), TP("app.calls", 0)


def record(offset):
    """Give a record of which only the place matters."""
    return SimpleNamespace(offset=offset, timestamp=1000 * offset, timestamp_type=0)


class Consumer(ChunkConsumer):
    """Has what it is given, and is not connected to anything."""

    def __init__(self, fetched):
        self.transport = object.__new__(ChunkTransport)
        self.transport.chunk_records = 2
        self.app = SimpleNamespace(consumer_generation_id=1)
        self.flow_active, self.ends_s = True, {}
        self._fetched, self._active = fetched, set(fetched)
        self.in_flight = InFlight(MOST)

    should_stop = False

    def _look_for_ends(self):
        pass

    async def _wait_next_records(self, timeout):  # noqa: ASYNC109
        return self._fetched, self._active


async def test_records_are_handed_over_in_chunks_that_say_what_they_follow():
    """Each chunk names the offset before its first record, gaps left by transactions included."""
    consumer = Consumer({EMAILS: FetchedChunk(4, [record(5), record(7), record(9)])})
    handed = [(message.offset, message.value.follows) async for _, message in consumer.getmany(1.0)]
    assert handed == [(7, 4), (9, 7)]


async def test_a_partition_paused_meanwhile_is_handed_over():
    """What was fetched before the pause would not be fetched again: aiokafka counts it as read."""
    consumer, handed = Consumer({EMAILS: FetchedChunk(-1, [record(0)]), CALLS: FetchedChunk(-1, [record(0)])}), []
    async for tp, _ in consumer.getmany(1.0):
        consumer._active.discard(CALLS)
        handed.append(tp)
    assert handed == [EMAILS, CALLS]


async def test_no_more_is_fetched_while_much_is_on_its_way():
    """Faust's own bound counts chunks, so that memory would hold thousands of records for each."""
    consumer = Consumer({EMAILS: FetchedChunk(-1, [record(n) for n in range(MOST + 1)])})
    assert len([message async for message in consumer.getmany(1.0)]) == 3
    assert [message async for message in consumer.getmany(1.0)] == []
    consumer.in_flight.take(1)
    assert len([message async for message in consumer.getmany(1.0)]) == 3


async def test_what_a_rebalance_dropped_is_not_on_its_way():
    """Or there would never be room again; and what is taken afterwards was dropped already."""
    consumer = Consumer({EMAILS: FetchedChunk(-1, [record(n) for n in range(MOST + 1)])})
    assert len([message async for message in consumer.getmany(1.0)]) == 3
    consumer.forget()
    consumer.in_flight.take(3)
    assert len([message async for message in consumer.getmany(1.0)]) == 3
    assert not await consumer.in_flight.wait_for_capacity(0.01)


class Kafka:
    """Stands for aiokafka's consumer: one assignment, and records to be fetched."""

    def __init__(self):
        self.subscription = SimpleNamespace(assignment=object())
        self._subscription = self
        self.sought = {}
        self._fetcher = SimpleNamespace(_records={})

    def seek(self, tp, offset):
        """Note where to go."""
        self.sought[tp] = offset


@pytest.fixture
def thread(monkeypatch):
    """Give the thread's part of the consumer, with a fetch that answers three records of each partition it is asked."""
    found = object.__new__(CommittedThread)
    found._consumer, found._assignment, found._follows, found.asked = Kafka(), None, {}, []

    async def fetch(self, consumer, active, timeout, most):  # noqa: ASYNC109
        self.asked.append(set(active))
        return {tp: [record(self._follows[tp] + n) for n in (1, 2, 3)] for tp in active}

    monkeypatch.setattr("faust.transport.drivers.aiokafka.AIOKafkaConsumerThread._fetch_records", fetch)
    return found


async def test_a_partition_is_read_only_from_where_its_shard_says(thread):
    """Before that it is not fetched; from then on each fetch follows the former one."""
    assert await thread._fetch_records(thread._consumer, {EMAILS, CALLS}, 0.0, 10) == {}
    await thread._read_from({EMAILS: 40})
    first = await thread._fetch_records(thread._consumer, {EMAILS, CALLS}, 0.0, 10)
    second = await thread._fetch_records(thread._consumer, {EMAILS, CALLS}, 0.0, 10)
    assert thread.asked == [{EMAILS}, {EMAILS}]
    assert thread._consumer.sought == {EMAILS: 40}
    assert (first[EMAILS].follows, first[EMAILS].records[0].offset, second[EMAILS].follows) == (39, 40, 42)


async def test_a_new_assignment_asks_the_shards_anew(thread):
    """That of aiokafka begins at the committed offsets, and not at all where nothing was committed."""
    await thread._read_from({EMAILS: 40})
    thread._consumer.subscription.assignment = object()
    assert await thread._fetch_records(thread._consumer, {EMAILS}, 0.0, 10) == {}
    assert thread.fetched_to(EMAILS) is None


class Interrupted(Consumer):
    """Fetches all that a partition holds as a rebalance begins, which drops it."""

    _look_for_ends = ChunkConsumer._look_for_ends

    def __init__(self, thread):
        super().__init__({})
        self._thread, self._read_offset, self._committed_offset = thread, {}, {}

    def assignment(self):
        """Have one partition."""
        return {EMAILS}

    async def _wait_next_records(self, timeout):  # noqa: ASYNC109
        fetched = await self._thread._fetch_records(self._thread._consumer, {EMAILS}, 0.0, 10)
        self.flow_active = False
        return fetched, {EMAILS}


async def test_what_was_fetched_and_dropped_is_no_end(thread, monkeypatch):
    """Its shard lives on for a moment, and would take the source for complete without what it never saw."""
    await thread._read_from({EMAILS: 40})
    state = SimpleNamespace(timestamp=1000 * time.time() - 100, has_valid_position=True, position=43, highwater=43)
    monkeypatch.setattr(thread, "state_of", lambda _: state)
    consumer = Interrupted(thread)
    assert [message async for message in consumer.getmany(1.0)] == []
    consumer._look_for_ends()
    assert consumer.ends_s
    assert consumer.read_to_end_at(EMAILS, 39) is None
    assert consumer.unread(EMAILS, 39) == 3
    assert consumer.read_to_end_at(EMAILS, 42) is not None


async def test_a_gap_is_read_again():
    """A chunk that does not follow what the shard has read is not taken; the shard asks for what lies before it."""
    task = object.__new__(ShardTask)
    asked = []

    async def read_from(offsets):
        asked.append(offsets)

    consumer = object.__new__(ChunkConsumer)
    consumer.read_from, consumer.in_flight = read_from, InFlight(MOST)
    settings = Settings(app_id="app", partitions=1)
    task._settings, task._app, task._partition = settings, SimpleNamespace(consumer=consumer), 0
    task._clock, task._unsought = WallClock(ClockPolicy(60)), set()
    task._topics = {source: settings.topic(source) for source in settings.sources}
    task._loop = SimpleNamespace(source_of={topic: source for source, topic in task._topics.items()})
    task._shard = SimpleNamespace(read_to=lambda _: 6)
    message = SimpleNamespace(topic="app.emails", value=FetchedChunk(9, [record(10)]))
    task._read(SimpleNamespace(message=message, value=message.value))
    await task._seek()
    await task._seek()
    assert asked == [{EMAILS: 7}]


def test_faust_complains_of_nothing_that_the_watchdog_watches(caplog):
    """After a rebalance it would say at ERROR that nothing was fetched since the worker's start."""
    Consumer({}).verify_event_path(1e9, EMAILS)
    assert caplog.records == []
