"""Webhooks come in over HTTP, and lie in a real Kafka when they are answered: `ghosting receive` as a process."""

import asyncio
import base64
import http.client
import json
import os
import random
import signal
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from tests import kafka as broker
from tests.faults import durable
from tests.shell.mapper.feeds import order, process
from tests.shell.receive.outage import Outage
from tests.shell.receive.posts import URL, encoded, hubspot, segment, shop_order, stripe, twilio

DONE_S_MAX = 120  # it takes a few; the rest is for a busy machine
SECRETS = {
    name: f"the invented secret of {name}" for name in ("shopify", "stripe", "hubspot", "twilio", "segment", "zendesk")
}
PRESETS = [word for name in SECRETS for word in ("--preset", f"{name}=SECRET_OF_{name.upper()}")]


@pytest.fixture
async def settings(installed):
    """Return the settings of an installation whose topics exist."""
    return await installed(receive_port=broker.free_port(1), receive_url=URL)


@contextmanager
def receiving(settings, *arguments, **environment):
    """Run a receiver until the block ends; it listens when the block begins."""
    log, secrets = settings.data_dir / "receiver.log", {f"SECRET_OF_{name.upper()}": SECRETS[name] for name in SECRETS}
    with process(settings, "receive", *(arguments or PRESETS), log=log, **secrets, **environment) as receiver:
        broker.wait_until(
            lambda: receiver.poll() is not None or is_listening(settings), "the receiver listens", DONE_S_MAX
        )
        assert receiver.poll() is None, log.read_text()
        yield receiver


def is_listening(settings):
    """Say whether the receiver answers."""
    try:
        return post(settings, "nothing", b"", {})[0] == 404
    except OSError:
        return False


def post(settings, name, body, headers):
    """Post a webhook; return the status and what was answered."""
    connection = http.client.HTTPConnection("127.0.0.1", settings.receive_port, timeout=30)
    try:
        connection.request("POST", f"/webhooks/{name}", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else {}
    finally:
        connection.close()


def written(settings):
    """Return the values on all topics that a receiver writes to, by topic."""
    values = {topic: list(durable.values(settings, topic)) for topic in settings.mapped_topics}
    return {topic.removeprefix(f"{settings.app_id}."): found for topic, found in values.items() if found}


def event_ids(settings, source="orders"):
    """Count the events of a source."""
    return Counter(json.loads(value)["event_id"] for value in durable.values(settings, settings.topic(source)))


def shop(settings, number, secret=SECRETS["shopify"]):
    """Post an order as Shopify does; return the status and what was answered."""
    body = encoded(order(number))
    return post(settings, "shopify", body, shop_order(body, secret))


CALL = (
    b"CallSid=CA7&CallStatus=completed&Direction=inbound&From=%2B4930555&To=%2B4930100&CallDuration=61"
    b"&Timestamp=Tue%2C+04+Mar+2025+10%3A15%3A30+%2B0000"
)


def test_webhooks_of_several_tools_are_in_kafka_when_they_are_answered(settings):
    """Each is mapped by its own preset; a list is mapped element by element; metrics and health say so."""
    port = broker.free_port(1)
    with receiving(settings, GHOSTING_HTTP_PORT=str(port)) as receiver:
        assert shop(settings, 1) == (200, {"interactions": 1})
        assert event_ids(settings) == {f"shopify:order:{2**53 + 2}:placed": 1}

        merge = {"subscriptionType": "contact.merge", "primaryObjectId": 5, "mergedObjectIds": [6]}
        merge["occurredAt"] = 1_700_000_000_000
        created = {"subscriptionType": "email.creation", "objectId": 9}
        body = encoded([merge, created, {"subscriptionType": "deal.creation", "objectId": 9}])
        headers = hubspot(f"{URL}/webhooks/hubspot", body, SECRETS["hubspot"], time.time())
        status, about = post(settings, "hubspot", body, headers)
        assert (status, about["command"], about["rejected"], about["dropped"]) == (200, 1, 1, 1)

        headers = twilio(f"{URL}/webhooks/twilio?leg=a%20b", CALL, SECRETS["twilio"], 0)
        assert post(settings, "twilio?leg=a%20b", CALL, headers)[0] == 200
        metrics = durable_get(port, "/metrics")
        assert durable_get(port, "/health").startswith('{"ok": true')
        assert durable_get(port, "/ready").startswith('{"ok": true')
        receiver.send_signal(signal.SIGTERM)
        assert receiver.wait(DONE_S_MAX) == 0

    found = written(settings)
    assert {topic: len(values) for topic, values in found.items()} == {
        "orders": 1,
        "calls": 1,
        "commands": 1,
        "rejected": 1,
    }
    assert json.loads(found["commands"][0])["from"] == ["6"]
    assert json.loads(found["calls"][0])["client_id"] == "+4930555"
    rejected = json.loads(found["rejected"][0])
    assert (rejected["topic"], rejected["offset"], rejected["reason"]) == ("webhook/hubspot", 1, "not_mapped")
    assert rejected["detail"].startswith("incomplete: ")
    assert json.loads(base64.b64decode(rejected["raw_base64"])) == created
    assert 'ghosting_received_total{preset="shopify",answer="accepted"} 1.0' in metrics.replace(
        'answer="accepted",preset="shopify"', 'preset="shopify",answer="accepted"'
    )


def durable_get(port, path):
    """Return what an endpoint answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    return connection.getresponse().read().decode()


def test_nothing_of_a_stranger_is_kept(settings):
    """A wrong signature, none, an old time, another path or method: a reason, and no record anywhere."""
    body, late_s = encoded({"type": "charge.succeeded"}), time.time() - 400
    with receiving(settings):
        assert shop(settings, 1, "a guess") == (401, {"error": "bad_signature"})
        assert post(settings, "shopify", body, {}) == (401, {"error": "no_signature"})
        headers = stripe("", body, SECRETS["stripe"], late_s)
        assert post(settings, "stripe", body, headers) == (401, {"error": "old_timestamp"})
        assert post(settings, "woocommerce", body, {})[0] == 404
        connection = http.client.HTTPConnection("127.0.0.1", settings.receive_port, timeout=30)
        connection.request("GET", "/webhooks/shopify")
        assert connection.getresponse().status == 405
    assert written(settings) == {}


def test_what_cannot_be_read_is_refused_and_kept(settings):
    """It is signed, so somebody may want to see it: no JSON, no object, no time; but what is no contact is accepted."""
    bodies = [
        b"{nope",
        b"7",
        b"\xff\xfe",
        encoded({"userId": "u", "event": "Order Completed", "type": "track", "messageId": "m"}),
    ]
    with receiving(settings):
        for body in bodies:
            status, about = post(settings, "segment", body, segment("", body, SECRETS["segment"], 0))
            assert (status, about["rejected"], about["why"].partition(":")[0]) == (422, 1, "invalid")
        page = encoded({"type": "page", "userId": "u", "messageId": "m", "timestamp": "2026-01-01T00:00:00Z"})
        status, about = post(settings, "segment", page, segment("", page, SECRETS["segment"], 0))
        assert (status, about["why"].partition(":")[0]) == (200, "not_contact")
    found = written(settings)
    assert found.keys() == {"rejected"}
    assert len(found["rejected"]) == len(bodies)


def test_a_body_is_bounded(settings):
    """One of 100 MB is refused before it is read, with and without its length; the receiver goes on."""
    huge = 100 << 20
    with receiving(settings) as receiver:
        began = memory_bytes(receiver.pid)
        connection = http.client.HTTPConnection("127.0.0.1", settings.receive_port, timeout=30)
        connection.putrequest("POST", "/webhooks/shopify")
        connection.putheader("content-length", str(huge))
        connection.endheaders(b"x" * 1000)
        assert connection.getresponse().status == 413
        assert sent_in_chunks(settings, huge) in (413, None)  # None: it hung up, and the sender saw no more
        assert memory_bytes(receiver.pid) - began < huge / 2
        assert shop(settings, 1)[0] == 200


def sent_in_chunks(settings, size):
    """Post a body without a length; return the status, None if the connection was closed on it."""
    connection = http.client.HTTPConnection("127.0.0.1", settings.receive_port, timeout=30)
    part = b"x" * (1 << 20)
    try:
        connection.request("POST", "/webhooks/shopify", (part for _ in range(size // len(part))), encode_chunked=True)
        return connection.getresponse().status
    except OSError:
        return None


def memory_bytes(pid):
    """Return the memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_the_rate_is_bounded(settings):
    """Beyond it webhooks are answered 429 at once, and the tool tries again: then they are taken."""
    few = settings.model_copy(update={"receive_requests_per_s_max": 5})
    few.model_fields_set.add("receive_requests_per_s_max")
    with receiving(few):
        statuses = [shop(few, number)[0] for number in range(30)]
        assert set(statuses) == {200, 429}
        broker.wait_until(lambda: shop(few, 40)[0] == 200, "the receiver takes webhooks again")
    assert len(event_ids(settings)) == statuses.count(200) + 1


def test_a_slow_body_is_not_waited_for(settings):
    """Whoever opens a request and sends nothing holds nobody up."""
    hasty = settings.model_copy(update={"receive_reply_s_max": 0.5})
    hasty.model_fields_set.add("receive_reply_s_max")
    with receiving(hasty):
        connection = http.client.HTTPConnection("127.0.0.1", settings.receive_port, timeout=30)
        connection.putrequest("POST", "/webhooks/shopify")
        connection.putheader("content-length", "1000")
        connection.endheaders(b"x")
        assert connection.getresponse().status == 408


def test_the_same_delivery_again_is_the_same_event_again(settings):
    """Ten times, in any order: each record has the id and time of its event, by which the detector counts it once."""
    numbers = [number for number in range(5) for _ in range(10)]
    random.Random(1).shuffle(numbers)
    with receiving(settings):
        assert {shop(settings, number)[0] for number in numbers} == {200}
    assert set(event_ids(settings).values()) == {10}
    records = {}
    for value in durable.values(settings, settings.topic("orders")):
        records.setdefault(json.loads(value)["event_id"], set()).add(value)
    assert {len(values) for values in records.values()} == {1}
    assert len(records) == 5


def test_each_answered_webhook_is_in_kafka_though_the_receiver_is_killed_under_load(settings):
    """Whatever was answered 200 before SIGKILL can be read; it is started again, and takes the next ones."""
    answered = set()
    for start in (0, 100_000):
        with receiving(settings) as receiver:
            answered |= asyncio.run(load_until_killed(settings, receiver, start))
    found = set(event_ids(settings))
    assert len(answered) > 200
    assert answered <= found


async def load_until_killed(settings, receiver, start):
    """Post orders side by side until the receiver is killed under them; return the events that were answered."""
    answered, numbers = set(), iter(range(start, start + 100_000))
    async with aiohttp.ClientSession() as session:

        async def posting():
            for number in numbers:
                body = encoded(order(number))
                url = f"http://127.0.0.1:{settings.receive_port}/webhooks/shopify"
                try:
                    async with session.post(url, data=body, headers=shop_order(body, SECRETS["shopify"])) as answer:
                        assert answer.status == 200
                        answered.add(f"shopify:order:{2**53 + 1 + number}:placed")
                        if len(answered) == 150:
                            receiver.kill()
                except aiohttp.ClientError:
                    return

        await asyncio.gather(*(posting() for _ in range(20)))
    return answered


def test_without_kafka_nothing_is_answered_2xx(app_id, tmp_path):
    """While the broker is away: 503 in time, and not ready. When it is back, all goes on.

    SIGTERM ends a receiver without Kafka too: what is not written then was not answered 2xx.
    """
    with Outage(app_id, tmp_path) as outage:
        settings, port = outage.settings, broker.free_port(1)
        with receiving(settings, GHOSTING_HTTP_PORT=str(port)) as receiver:
            assert shop(settings, 1)[0] == 200
            outage.stop()
            began = time.monotonic()
            assert shop(settings, 2)[0] == 503
            assert time.monotonic() - began < settings.receive_reply_s_max + 5
            assert "Kafka does not take" in durable_get(port, "/ready")
            outage.start()
            broker.wait_until(lambda: shop(settings, 3)[0] == 200, "it goes on", DONE_S_MAX)
            broker.wait_until(lambda: '"ok": true' in durable_get(port, "/ready"), "it is ready", DONE_S_MAX)
            orders = set(event_ids(settings))
            outage.stop()
            assert shop(settings, 4)[0] == 503
            receiver.send_signal(signal.SIGTERM)
            assert receiver.wait(DONE_S_MAX) == 0
    assert {f"shopify:order:{2**53 + 1 + number}:placed" for number in (1, 3)} <= orders


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--preset", "shopify"], {}, "should be PRESET=VARIABLE or PRESET=@FILE"),
        (["--preset", "shopify=NOBODY_SET_IT"], {}, "environment variable NOBODY_SET_IT holds no secret"),
        (["--preset", "shopify=@/nowhere"], {}, "secret file /nowhere cannot be read"),
        (["--preset", "shopfy=SECRET_OF_SHOPIFY"], {}, "shopfy is no preset"),
        (["--preset", "hubspot=SECRET_OF_SHOPIFY"], {"GHOSTING_RECEIVE_URL": ""}, "set GHOSTING_RECEIVE_URL"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments, environment, said, settings):
    """Nothing listens."""
    log = settings.data_dir / "receiver.log"
    secret = {"SECRET_OF_SHOPIFY": "an invented secret"}
    with process(settings, "receive", *arguments, log=log, **secret, **environment) as receiver:
        assert receiver.wait(DONE_S_MAX) in (1, 2)
    assert said in " ".join(log.read_text().replace("│", " ").split())
    assert "an invented secret" not in log.read_text()
