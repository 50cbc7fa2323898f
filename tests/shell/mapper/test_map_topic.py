"""A topic of another tool becomes interactions, on a real Kafka: as the same records without Kafka, and each once."""

import json
import random
import signal
import time
import urllib.request

import pytest

from detector.shell.worker.exit_codes import Exit
from tests import kafka as broker
from tests.faults import durable
from tests.shell.mapper.feeds import feed, mapped_by_kafka, mapped_offline, order, process, produce

DONE_S_MAX = 120  # it takes a few; the rest is for a busy machine
PARTITIONS = 3  # of the tool's topic; the installation has four


@pytest.fixture
async def settings(installed):
    """Return the settings of an installation whose topics exist."""
    return await installed(session_timeout_s=6, transaction_timeout_s=5)


@pytest.fixture
def topic(settings):
    """Create a topic of another tool; `<app>.` in front, so that it is removed with the others."""
    name = f"{settings.app_id}.shop-orders"
    broker.create(settings.bootstrap_servers, name, partitions=PARTITIONS)
    yield name
    broker.group_is_removed(broker.admin(settings.bootstrap_servers), f"{settings.app_id}-map-{name}")


@pytest.fixture
def log(settings):
    """Return where the processes of a test log."""
    return settings.data_dir / "mapping.log"


def written_count(settings):
    """Count the committed records on the topics that mappings write to."""
    return sum(map(len, mapped_by_kafka(settings).values()))


def wait_for(count, settings, mapping, log):
    """Wait until so many records are committed."""

    def is_done():
        assert mapping.poll() is None, log.read_text()
        return written_count(settings) >= count

    broker.wait_until(is_done, f"{count} records are written", DONE_S_MAX)


def test_a_topic_becomes_what_its_records_become_without_kafka(settings, topic, log):
    """Interactions lie in their client's partition, commands and rejections on their topics; a restart adds nothing."""
    places = produce(settings, topic, feed(400), PARTITIONS)
    expected = mapped_offline(settings, topic, places)
    assert set(expected) == {settings.topic("orders"), settings.commands_topic, settings.rejected_topic}
    port = broker.free_port(1)

    with process(settings, "map", "shopify", "--from", topic, log=log, GHOSTING_HTTP_PORT=str(port)) as mapping:
        wait_for(sum(map(len, expected.values())), settings, mapping, log)
        broker.wait_until(lambda: asked(port, "/ready") == 200, "the mapping is ready", DONE_S_MAX)
        assert asked(port, "/health") == 200
        scraped = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
        mapping.send_signal(signal.SIGTERM)
        assert mapping.wait(DONE_S_MAX) == 0, log.read_text()

    assert mapped_by_kafka(settings) == expected
    (rejected,) = {json.loads(value)["detail"] for _, _, value in expected[settings.rejected_topic]}
    assert rejected == "invalid: not JSON, or nested too deeply"
    written = len(expected[settings.topic("orders")])
    assert f'ghosting_mapping_interactions_total{{source="orders"}} {float(written)}' in scraped
    assert f'ghosting_mapping_dropped_total{{drop="tombstone"}} {float(len(range(3, 400, 50)))}' in scraped
    assert "ghosting_mapping_lag_records 0.0" in scraped

    places += [(value, p, offset + 400) for value, p, offset in produce(settings, topic, feed(90), PARTITIONS)]
    with process(settings, "map", "shopify", "--from", topic, log=log) as mapping:
        wait_for(sum(map(len, expected.values())) + written_in(feed(90)), settings, mapping, log)
    assert len(mapped_by_kafka(settings)[settings.topic("orders")]) == written + written_in(feed(90), "orders/create")


def written_in(values, kind=None):
    """Count the records that are written for values of a feed, of all kinds or of one."""
    kinds = [b"orders/create", b"customers/merge", b"{nope"] if kind is None else [kind.encode()]
    return sum(value is not None and any(word in value for word in kinds) for value in values)


def asked(port, path):
    """Return the status of an endpoint; 0 if nobody answers."""
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_nothing_is_lost_and_nothing_comes_twice_whenever_a_mapping_is_killed(settings, topic, log):
    """Killed again and again, with the next one started at once, it writes each record's outcome once."""
    small_steps = settings.model_copy(update={"chunk_records": 20, "chunks_per_transaction": 1})
    places = produce(settings, topic, feed(9000), PARTITIONS)
    expected = mapped_offline(settings, topic, places)
    total, chance, kills = sum(map(len, expected.values())), random.Random(4), 0

    while (done := written_count(settings)) < total:
        with process(small_steps, "map", "shopify", "--from", topic, log=log) as mapping:
            target = min(total, done + total // 5)
            wait_for(target, settings, mapping, log)
            if target < total:
                time.sleep(chance.random() / 20)  # anywhere in a transaction
                mapping.kill()
                kills += 1

    assert kills >= 2
    assert mapped_by_kafka(settings) == expected


def test_a_topic_that_holds_something_else_is_not_drained(settings, topic, log):
    """Its records cannot be read: the mapping ends with what to do, and has written and committed nothing."""
    produce(settings, topic, [b"level=info msg=started"] * 400, PARTITIONS)
    with process(settings, "map", "shopify", "--from", topic, log=log) as mapping:
        assert mapping.wait(DONE_S_MAX) == Exit.CONFIG
    assert "name the mapping that fits the topic" in log.read_text()
    assert mapped_by_kafka(settings) == {}


def test_records_of_another_shape_are_dropped_and_warned_of(settings, topic, log):
    """They are JSON of something else, as a topic with many kinds of events holds: nothing is written for them."""
    produce(settings, topic, [json.dumps({"sensor": number}).encode() for number in range(600)], PARTITIONS)
    with process(settings, "map", "shopify", "--from", topic, log=log) as mapping:
        broker.wait_until(lambda: "does the mapping fit the topic?" in log.read_text(), "it warns", DONE_S_MAX)
        mapping.send_signal(signal.SIGTERM)
        assert mapping.wait(DONE_S_MAX) == 0
    assert mapped_by_kafka(settings) == {}


def test_two_share_the_partitions(settings, topic, log):
    """Whoever comes second gets some of the partitions of the first; both together write each outcome once."""
    places = produce(settings, topic, feed(3000), PARTITIONS)
    expected = mapped_offline(settings, topic, places)
    small_steps = settings.model_copy(update={"chunk_records": 10, "chunks_per_transaction": 1})
    arguments = ("map", "shopify", "--from", topic)
    with process(small_steps, *arguments, log=log), process(small_steps, *arguments, log=log):
        broker.wait_until(
            lambda: written_count(settings) >= sum(map(len, expected.values())), "all are written", DONE_S_MAX
        )
    assert mapped_by_kafka(settings) == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["map", "shopify", "--from", "{app}.nowhere"], "topic {app}.nowhere does not exist"),
        (["map", "shopify", "--from", "{app}.orders"], "is a topic of this installation"),
        (["map", "shopfy", "--from", "{app}.shop-orders"], "shopfy is no preset"),
        (["map", "auto", "--from", "{app}.shop-orders"], "no auto"),
    ],
)
def test_mistakes_are_told_in_a_line(arguments, said, settings, topic, log):
    """Nothing starts."""
    named = [word.format(app=settings.app_id) for word in arguments]
    with process(settings, *named, log=log) as mapping:
        assert mapping.wait(DONE_S_MAX) in (1, 2)
    shown = " ".join(log.read_text().replace("│", " ").split())
    assert said.format(app=settings.app_id) in shown
    assert durable.values(settings, settings.topic("orders")) == []


def test_the_order_above_is_one():
    """The invented order is read as an order whose id keeps all its digits."""
    assert order(0)["id"] == 2**53 + 1
