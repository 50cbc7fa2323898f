"""The alerts as somebody sees them who follows the topic, on a real broker."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from detector.shell.config.settings import Settings
from detector.shell.forward.filter import Selection
from detector.shell.kafka.errors import BrokerUnreachable
from detector.shell.kafka.topics import create
from detector.shell.operations.watch import alerts, line, show
from schemas import examples
from schemas.alert import encode

SECONDS_MAX = 30


@pytest.fixture
async def settings(kafka, app_id):
    """Give the settings of an installation with topics."""
    settings = Settings(bootstrap_servers=kafka, app_id=app_id, partitions=2)
    await create(settings)
    return settings


async def commit(settings, topic, *values, commits=True):
    """Write to a topic in a transaction, and commit or give it up."""
    identity = f"{settings.app_id}-test"
    producer = AIOKafkaProducer(bootstrap_servers=settings.bootstrap_servers, transactional_id=identity)
    async with producer:
        await producer.begin_transaction()
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)
        await (producer.commit_transaction() if commits else producer.abort_transaction())


async def first(following, count):
    """Take so many alerts, and stop following."""
    async with asyncio.timeout(SECONDS_MAX):
        found = [await anext(following) for _ in range(count)]
    await following.aclose()
    return found


async def test_only_committed_alerts_are_given(settings):
    """An alert of a transaction that was given up never came out."""
    await commit(settings, settings.alerts_topic, b"given up", commits=False)
    await commit(settings, settings.alerts_topic, b"committed")

    assert await first(alerts(settings, from_beginning=True), 1) == [b"committed"]


async def test_alerts_about_the_past_are_given_on_request(settings):
    """They are in a topic of their own, that notifies nobody."""
    await commit(settings, settings.history_topic, b"old")
    await commit(settings, settings.alerts_topic, b"new")

    assert await first(alerts(settings, from_beginning=True), 1) == [b"new"]
    assert sorted(await first(alerts(settings, from_beginning=True, history=True), 2)) == [b"new", b"old"]


@pytest.mark.parametrize(
    ("raw", "said"), [(True, encode(examples.ALERT).decode()), (False, line(encode(examples.ALERT)))]
)
async def test_each_alert_is_one_line(settings, raw, said):
    """As JSON for programs, or in words; what somebody else wrote to the topic does not end it."""
    await commit(settings, settings.alerts_topic, b"\xff\n", encode(examples.ALERT))
    heard = asyncio.Queue()

    showing = asyncio.create_task(show(settings, from_beginning=True, history=False, raw=raw, write=heard.put_nowait))
    async with asyncio.timeout(SECONDS_MAX):
        assert (await heard.get()) == ("\ufffd\n" if raw else "not an alert of ours: b'\\xff\\n'")
        assert (await heard.get()) == said
    showing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await showing


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"types": {"declining_trend"}}, 1),
        ({"segments": {"retail"}}, 1),
        ({"severities": {"info", "critical"}}, 1),
        ({"owners": {"anna"}}, 2),
        ({"owners": {"anna"}, "severities": {"critical"}}, 1),
    ],
)
async def test_only_selected_alerts_are_said(settings, wanted, count):
    """By the words of the alert and by who looks after its client; what is no alert of ours has none."""
    settings = settings.model_copy(update={"owners": {"wholesale": "anna", "retail": "anna"}})
    words = {"type": "declining_trend", "segment": "retail", "severity": "critical"}
    last = encode({**examples.ALERT, "data": {**examples.ALERT["data"], **words}})
    await commit(settings, settings.alerts_topic, b"hello", encode(examples.ALERT), last)
    heard = asyncio.Queue()

    selection = Selection(**{name: frozenset(found) for name, found in wanted.items()})
    following = show(
        settings, from_beginning=True, history=False, raw=False, write=heard.put_nowait, selection=selection
    )
    showing = asyncio.create_task(following)
    async with asyncio.timeout(SECONDS_MAX):
        said = [await heard.get() for _ in range(count)]
    showing.cancel()
    await asyncio.gather(showing, return_exceptions=True)
    assert said == [line(encode(examples.ALERT)), line(last)][-count:]


async def test_an_unreachable_broker_is_told():
    """Nobody listens on port 1."""
    with pytest.raises(BrokerUnreachable):
        await anext(alerts(Settings(bootstrap_servers="127.0.0.1:1")))
