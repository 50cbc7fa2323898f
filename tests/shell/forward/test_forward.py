"""Alerts on their way to people: webhooks that fail first, and a real Alertmanager, fed from a real broker."""

import asyncio
import copy
import json
import os
import signal
import subprocess
import sys
import uuid
from contextlib import asynccontextmanager, contextmanager

import pytest
from aiohttp import web
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic import SecretStr
from standardwebhooks import Webhook as Verifier

from detector.shell.config.settings import Settings, SettingsError
from detector.shell.forward.filter import Selection
from detector.shell.forward.process import NothingToForwardTo, forward
from detector.shell.forward.webhook import SecretError, signing_key
from detector.shell.kafka.errors import BrokerUnreachable
from detector.shell.kafka.topics import create
from schemas import examples
from schemas.alert import encode
from schemas.asyncapi import DEAD_LETTER_HEADERS
from tests import kafka as broker
from tests import prometheus

SECONDS_MAX = 60
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ALL = Selection()


def alert(transition="opened", incident="incident-1", severity="warning", day=24, **fields):
    """Give an alert of an incident."""
    event = copy.deepcopy(examples.ALERT)
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{incident} {transition}"))
    event |= {"id": identity, "type": f"ghosting.alert.{transition}.v1"}
    at = {"opened": day, "escalated": day + 1, "resolved": day + 2}[transition]
    event["data"] |= {
        "alert_id": identity,
        "incident_id": str(uuid.uuid5(uuid.NAMESPACE_URL, incident)),
        "transition": transition,
        "severity": severity,
        "at": f"2025-03-{at:02}T22:15:30Z",
        "opened_at": f"2025-03-{day:02}T22:15:30Z",
        **fields,
    }
    return encode(event)


class Receiver:
    """A real HTTP server that answers with the given statuses, one after the other, and then with 200."""

    def __init__(self):
        self.statuses, self.headers = [], {}
        self.posted, self.taken = [], []
        self.news = asyncio.Event()

    async def handle(self, request):
        """Note a post and answer."""
        body = await request.read()
        self.posted.append((dict(request.headers), body))
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.taken.append(body)
        self.news.set()
        return web.Response(status=status, headers=self.headers)

    async def until(self, met):
        """Wait until the posts are as they should be."""
        async with asyncio.timeout(SECONDS_MAX):
            while not met():
                self.news.clear()
                await self.news.wait()


@pytest.fixture
async def receiver():
    """Serve on a free port."""
    found = Receiver()
    application = web.Application()
    application.router.add_post("/hook", found.handle)
    application.router.add_post("/api/v2/alerts", found.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    port = broker.free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    found.url = f"http://127.0.0.1:{port}/hook"
    yield found
    await runner.cleanup()


@pytest.fixture
async def settings(kafka, app_id, receiver):
    """Give the settings of an installation with topics and one webhook."""
    found = Settings(
        bootstrap_servers=kafka,
        app_id=app_id,
        partitions=2,
        forward_webhooks={"crm": receiver.url},
        forward_secret=SECRET,
        forward_retry_s=30,
        forward_alertmanager_every_s=1,
        owners={"wholesale": "anna"},
    )
    await create(found)
    yield found
    client = broker.admin(kafka)
    broker.wait_until(lambda: broker.group_is_removed(client, f"{app_id}-forward-crm"), "the group is gone")


async def write(settings, topic, *values, commits=True):
    """Write to a topic in a transaction, and commit it or give it up."""
    identity = f"{settings.app_id}-test"
    producer = AIOKafkaProducer(bootstrap_servers=settings.bootstrap_servers, transactional_id=identity)
    async with producer:
        await producer.begin_transaction()
        for value in values:
            await producer.send_and_wait(topic, value, b"C-1042", partition=0)
        await (producer.commit_transaction() if commits else producer.abort_transaction())


async def dead_letters(settings, count):
    """Give so many dead letters: values, and what their headers say."""
    consumer = AIOKafkaConsumer(
        settings.dead_letters_topic, bootstrap_servers=settings.bootstrap_servers, auto_offset_reset="earliest"
    )
    found = []
    async with consumer, asyncio.timeout(SECONDS_MAX):
        while len(found) < count:
            record = await consumer.getone()
            found.append((record.value, {name: text.decode() for name, text in record.headers}))
    return found


@asynccontextmanager
async def forwarding(settings, selection=ALL):
    """Forward beside the test, from the oldest alert on; it must not have ended by itself."""
    task = asyncio.create_task(forward(settings, selection, from_beginning=True))
    try:
        yield task
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_alert_is_posted_as_it_is_and_signed(settings, receiver):
    """In structured mode, with the alert id for idempotence; the signature is one that receivers can check."""
    await write(settings, settings.alerts_topic, alert())
    async with forwarding(settings):
        await receiver.until(lambda: receiver.taken)
    headers, body = receiver.posted[0]
    assert body == alert()
    assert headers["Content-Type"] == "application/cloudevents+json"
    assert headers["Idempotency-Key"] == headers["webhook-id"] == json.loads(body)["id"]
    assert Verifier(SECRET).verify(body, headers) == json.loads(body)


async def test_what_fails_first_is_tried_again_in_order(settings, receiver):
    """A server that is down or asks to wait gets the same post again, and the next one only after it."""
    receiver.statuses, receiver.headers = [500, 429, 503], {"Retry-After": "1"}
    await write(settings, settings.alerts_topic, alert(), alert("escalated", severity="critical"))
    async with forwarding(settings):
        await receiver.until(lambda: len(receiver.taken) == 2)
    assert receiver.taken == [alert(), alert("escalated", severity="critical")]
    assert [body for _, body in receiver.posted[:4]] == [alert()] * 4
    assert len({headers["webhook-id"] for headers, _ in receiver.posted[:4]}) == 1


async def test_what_is_not_taken_lies_in_the_dead_letters(settings, receiver):
    """At once if it is refused, after the time is over if nobody answers; and the next alert is delivered."""
    settings = settings.model_copy(update={"forward_retry_s": 0.5})
    receiver.statuses, receiver.headers = [400, 302], {"Location": receiver.url}
    values = alert(incident="refused"), alert(incident="unreachable"), alert(incident="redirected")
    await write(settings, settings.alerts_topic, values[0], b"hello", values[2])
    async with forwarding(settings):
        (refused, why), (foreign, why_foreign), (redirected, why_redirected) = await dead_letters(settings, 3)
        receiver.statuses = [500] * 1000
        await write(settings, settings.alerts_topic, values[1])
        unreachable, why_unreachable = (await dead_letters(settings, 4))[3]
        receiver.statuses = []
        await write(settings, settings.alerts_topic, alert())
        await receiver.until(lambda: receiver.taken)
    assert (refused, why["reason"], why["detail"], why["tries"]) == (values[0], "refused", "status 400", "1")
    assert why["receiver"] == "crm"
    assert why.keys() == set(DEAD_LETTER_HEADERS)
    assert (why["topic"], why["partition"], why["offset"]) == (settings.alerts_topic, "0", "0")
    assert (foreign, why_foreign["reason"]) == (b"hello", "not_an_alert")
    assert (redirected, why_redirected["reason"], why_redirected["detail"]) == (values[2], "refused", "status 302")
    assert (unreachable, why_unreachable["reason"]) == (values[1], "unreachable")
    assert int(why_unreachable["tries"]) > 1
    assert receiver.taken == [alert()]


async def test_only_committed_current_and_selected_alerts_are_forwarded(settings, receiver):
    """Nothing of a transaction that was given up, nothing of the history, and of the rest what was asked for."""
    await write(settings, settings.alerts_topic, alert(incident="given up"), commits=False)
    await write(settings, settings.history_topic, alert(incident="old"))
    await write(
        settings, settings.alerts_topic, alert(segment="retail"), alert(), alert(incident="last", segment="wholesale")
    )
    async with forwarding(settings, Selection(owners=frozenset({"anna"}))):
        await receiver.until(lambda: len(receiver.taken) == 2)
    assert receiver.taken == [alert(), alert(incident="last", segment="wholesale")]


async def test_a_forwarder_goes_on_where_the_last_one_stopped(settings, receiver):
    """What was delivered is not posted again; what came in between is."""
    await write(settings, settings.alerts_topic, alert(incident="first"))
    async with forwarding(settings):
        await receiver.until(lambda: receiver.taken)
        await write(settings, settings.alerts_topic, alert(incident="second"))
        await receiver.until(lambda: len(receiver.taken) == 2)
        await committed(settings)
    await write(settings, settings.alerts_topic, alert(incident="third"))
    async with forwarding(settings):
        await receiver.until(lambda: len(receiver.taken) == 3)
    assert receiver.taken == [alert(incident=name) for name in ("first", "second", "third")]


async def committed(settings):
    """Wait until the forwarder has committed all that the topic holds."""
    group = f"{settings.app_id}-forward-crm"
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.bootstrap_servers, group_id=group, enable_auto_commit=False)
    async with consumer, asyncio.timeout(SECONDS_MAX):
        (tp,) = (tp for tp in topic_partitions(settings) if tp.partition == 0)
        end = (await consumer.end_offsets([tp]))[tp]
        while await consumer.committed(tp) != end:  # noqa: ASYNC110 - the broker sends no event to wait for
            await asyncio.sleep(0.05)


def topic_partitions(settings):
    """Give the partitions of the alerts."""
    from aiokafka import TopicPartition  # noqa: PLC0415

    return [TopicPartition(settings.alerts_topic, number) for number in range(settings.partitions)]


@pytest.fixture
def alertmanager(tmp_path):
    """Run a real Alertmanager."""
    prometheus.install()
    with prometheus.alertmanager(tmp_path) as url:
        yield url


def reporting(settings, url, **fields):
    """Give settings that know an Alertmanager and no webhook."""
    update = {"forward_webhooks": {}, "forward_alertmanagers": (SecretStr(url),), **fields}
    return settings.model_copy(update=update)


async def known(url, met, what):
    """Wait until what Alertmanager shows is as it should be, and give it by labels that it keeps."""

    def shown():
        alerts = prometheus.asked(f"{url}/api/v2/alerts", active="true")
        return [alerts] if met(alerts) else None

    return (await asyncio.to_thread(prometheus.wait_for, shown, what))[0]


def severities(alerts):
    """Give the severities of what is firing."""
    return sorted(found["labels"]["severity"] for found in alerts)


async def test_alertmanager_knows_what_is_open_and_what_ended(settings, alertmanager):
    """Opened, escalated under other labels, resolved; two clients with the same words are two alerts."""
    settings = reporting(settings, alertmanager)
    topic = settings.alerts_topic
    await write(settings, settings.history_topic, alert(incident="old"))
    await write(settings, topic, alert(), alert(incident="incident-2"), alert(incident="ended before"))
    await write(settings, topic, alert("resolved", incident="ended before"))
    async with forwarding(settings):
        opened = await known(alertmanager, lambda found: len(found) == 2, "both are open")
        labels = opened[0]["labels"]
        assert labels.pop("incident") in {
            json.loads(alert(incident=f"incident-{n}"))["data"]["incident_id"] for n in (1, 2)
        }
        assert labels == {
            "alertname": "ClientSilent", "type": "silence_exceeded", "signal": "contact", "severity": "warning",
            "segment": "wholesale", "owner": "anna",
        }  # fmt: skip
        assert opened[0]["startsAt"].startswith("2025-03-24T22:15:30")
        assert opened[0]["annotations"]["summary"].startswith("Silent for 20.5 days")
        await write(settings, topic, alert("escalated", severity="critical"))
        await known(alertmanager, lambda found: severities(found) == ["critical", "warning"], "one is critical")
        await write(settings, topic, alert("resolved", severity="critical"))
        await known(alertmanager, lambda found: severities(found) == ["warning"], "it has ended")
        await write(settings, settings.history_topic, alert("resolved", incident="incident-2"))
        await known(alertmanager, lambda found: not found, "what ended long ago has ended too")


async def test_alertmanager_is_told_the_client_only_when_asked(settings, alertmanager):
    """And an incident that began before the forwarder started is known after it."""
    settings = reporting(settings, alertmanager, forward_client_ids=True)
    await write(settings, settings.alerts_topic, alert())
    async with forwarding(settings):
        (opened,) = await known(alertmanager, bool, "it is open")
        assert opened["labels"]["client_id"] == "C-1042"


async def test_an_alertmanager_that_was_away_is_told_again(settings, receiver):
    """What it did not take comes at the next round, ends included; what it took ends is told once."""
    receiver.statuses = [500, 503]
    settings = reporting(settings, receiver.url.removesuffix("/hook"), forward_alertmanager_every_s=0.2)
    await write(settings, settings.alerts_topic, alert(incident="first"), alert())
    await write(settings, settings.alerts_topic, alert("resolved", incident="first"))
    async with forwarding(settings):
        await receiver.until(lambda: len(receiver.taken) == 2)
    first, second = (json.loads(body) for body in receiver.taken[:2])
    assert [len(json.loads(body)) for _, body in receiver.posted[:4]] == [2, 2, 2, 1]
    assert [told["endsAt"] < "2026" for told in first] == [True, False]
    assert [told["labels"] for told in second] == [first[1]["labels"]]


@contextmanager
def running(settings, *arguments):
    """Run `ghosting forward` as a process."""
    given = {
        "GHOSTING_BOOTSTRAP_SERVERS": settings.bootstrap_servers, "GHOSTING_APP_ID": settings.app_id,
        "GHOSTING_PARTITIONS": "2", "GHOSTING_FORWARD_SECRET": SECRET, "GHOSTING_HTTP_PORT": str(settings.http_port),
        "GHOSTING_FORWARD_WEBHOOKS": f"crm={settings.forward_webhooks['crm'].get_secret_value()}?token=geheim",
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "detector", "forward", *arguments],
        env={**os.environ, **given},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


async def test_the_process_tells_how_it_stands_and_keeps_its_secrets(settings, receiver):
    """Metrics and readiness are served, SIGTERM ends it well, and no log line holds an address, secret or client."""
    settings = settings.model_copy(update={"http_port": broker.free_port()})
    receiver.statuses = [500, 404]
    await write(settings, settings.alerts_topic, alert(incident="refused"), alert())
    url = f"http://127.0.0.1:{settings.http_port}"
    with running(settings, "--from-beginning") as process:
        await receiver.until(lambda: receiver.taken)
        await asyncio.to_thread(prometheus.wait_for, lambda: prometheus.answers(f"{url}/ready"), "it is ready")
        delivered = 'ghosting_forwarded_total{delivery="delivered",receiver="crm"} 1.0'
        text = await asyncio.to_thread(scraped, url)
        assert delivered in text
        assert 'ghosting_forwarded_total{delivery="dead_letter",receiver="crm"} 1.0' in text
        assert 'ghosting_forward_retries_total{receiver="crm"} 1.0' in text
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, SECONDS_MAX) == 0
        said = process.stderr.read()
    assert "dead letters" in said
    assert not [word for word in ("geheim", SECRET, "127.0.0.1", "C-1042", "Traceback") if word in said]


def scraped(url):
    """Give the metrics as text."""
    from urllib.request import urlopen  # noqa: PLC0415

    with urlopen(f"{url}/metrics") as answer:
        return answer.read().decode()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "GHOSTING_FORWARD_SECRET or its file"),
        ({"forward_secret": "whsec_" + "!" * 30}, "is not base64"),
        ({"forward_secret": "whsec_MfKQ9r8GKYqrTwjUPD8="}, "24 bytes or more"),
        ({"forward_secret_file": "nowhere"}, "GHOSTING_FORWARD_SECRET_FILE) cannot be read: FileNotFoundError"),
    ],
)
def test_a_secret_that_cannot_be_used_is_told(given, said):
    """In one line that does not repeat it."""
    with pytest.raises(SecretError, match=said.replace("(", r"\(").replace(")", r"\)")) as told:
        signing_key(Settings(**given))
    assert "MfKQ" not in str(told.value)


def test_a_secret_may_lie_in_a_file(tmp_path):
    """With a line end, as editors leave it."""
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    assert signing_key(Settings(forward_secret_file=path)) == signing_key(Settings(forward_secret=SECRET))


async def test_a_forwarder_without_receivers_is_told_so():
    """With the settings that name them."""
    with pytest.raises(NothingToForwardTo, match="GHOSTING_FORWARD_WEBHOOKS or GHOSTING_FORWARD_ALERTMANAGERS"):
        await forward(Settings(), ALL, from_beginning=False)


async def test_an_unreachable_broker_is_told():
    """Nobody listens on port 1."""
    settings = Settings(bootstrap_servers="127.0.0.1:1", forward_webhooks={"crm": "http://a"}, forward_secret=SECRET)
    with pytest.raises(BrokerUnreachable):
        await forward(settings, ALL, from_beginning=False)


def test_settings_show_no_secret(monkeypatch, tmp_path):
    """Neither in the listing nor in what is said of a wrong value."""
    from detector.shell.config.load import effective, load  # noqa: PLC0415

    monkeypatch.setenv("GHOSTING_FORWARD_SECRET", SECRET)
    monkeypatch.setenv("GHOSTING_FORWARD_WEBHOOKS", "crm=https://user:geheim@crm.example/geheim?a=b")
    shown = {row.name: row.value for row in effective()}
    assert "geheim" not in str(shown)
    assert SECRET not in str(shown)
    assert load().forward_webhooks["crm"].get_secret_value().endswith("?a=b")
    for name, value in (("SECRET", "geheim"), ("WEBHOOKS", "crm=geheim"), ("ALERTMANAGERS", "ftp://geheim")):
        with monkeypatch.context() as patch:
            patch.setenv(f"GHOSTING_FORWARD_{name}", value)
            with pytest.raises(SettingsError) as told:
                load()
        assert "geheim" not in str(told.value)
        assert f"GHOSTING_FORWARD_{name}" in str(told.value)
