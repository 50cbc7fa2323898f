"""Clients out of the state, by the command, on a real Kafka."""

import json
import re

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from detector.core.state.table import CLIENT_KEY, MOMENTS_KEY
from tests import kafka as broker
from tests.faults import durable
from tests.workers import (
    DONE_S_MAX,
    alerts,
    ended,
    history,
    known,
    of_generation,
    produce,
    rebuild,
    replayed,
    returns,
    wait_for,
    working,
)

PRIVACY = (broker.RUN.parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")


@pytest.fixture
async def settings(installed):
    """Give the settings of an installation whose topics exist."""
    return await installed(partitions=2, session_timeout_s=6)


def erase(settings, *clients, stdin=""):
    """Run `ghosting erase`; give its exit code, its output and its errors."""
    return ended(settings, "erase", *clients, stdin=stdin)


def test_who_is_erased_is_as_one_that_nobody_has_heard_of(settings):
    """Others are as they were; who comes back begins anew, and to erase again finds nobody."""
    records, back = history(), returns()
    produce(settings, records)
    expected, _ = replayed(settings, [value for _, _, value in records])
    with working(settings) as worker:
        wait_for(worker, settings, len(expected))
    before = known(settings)

    code, done, _ = erase(settings, "client-3", "-", stdin="client-5\n\nnobody\n")

    assert (code, done["erased"], done["unknown"], done["others"]) == (0, 2, 1, [])
    erased = {"client-3", "client-5"}
    assert known(settings) == {name: row for name, row in before.items() if name not in erased}
    with working(settings) as worker:
        produce(settings, back)
        wait_for(worker, settings, len(expected) + len(back) - len(erased))  # each of the others is back
    assert known(settings).keys() == before.keys()
    assert erased.isdisjoint(json.loads(one)["subject"] for one in alerts(settings) if one not in expected)
    assert erase(settings, "client-3", "client-3")[1]["erased"] == 1
    assert erase(settings, "client-3")[1] == {"topic": settings.state_topic, "erased": 0, "unknown": 1, "others": []}


def compact_now(settings):
    """Configure the state topic as docs/privacy.md has it."""
    given = re.search(r"--add-config (segment\.ms=1000\S+)", PRIVACY)[1]
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, _, value in (pair.partition("=") for pair in given.split(","))
    ]
    topic = ConfigResource(ResourceType.TOPIC, settings.state_topic, incremental_configs=entries)
    client = broker.admin(settings.bootstrap_servers)
    for altered in client.incremental_alter_configs([topic]).values():
        altered.result(broker.REPLY_SECONDS_MAX)


def test_the_broker_drops_what_it_held(settings):
    """With the configuration that the documentation names, nothing of the client is left once workers have begun."""
    records = history()
    produce(settings, records)
    expected, _ = replayed(settings, [value for _, _, value in records])
    with working(settings) as worker:
        wait_for(worker, settings, len(expected))
    compact_now(settings)

    assert erase(settings, "client-3")[1]["erased"] == 1

    def is_held():
        records = durable.committed(settings, settings.state_topic)
        return any(
            record.value and record.key in (CLIENT_KEY + b"client-3", MOMENTS_KEY + b"client-3") for record in records
        )

    assert is_held()
    with working(settings):
        broker.wait_until(lambda: not is_held(), "the topic is compacted", DONE_S_MAX)


def test_nobody_is_erased_beside_a_worker(settings):
    """It has the client in memory, and would write it again."""
    produce(settings, history())
    with working(settings) as worker:
        wait_for(worker, settings, 1)
        code, _, said = erase(settings, "client-3")
    assert code == 1
    assert "stop all workers, and run `ghosting erase` again" in said
    assert "client-3" in known(settings)


def test_the_state_in_force_is_the_one_that_forgets(settings):
    """After a rebuild that is another topic; the former one is named, as it still holds everybody."""
    produce(settings, history())
    assert rebuild(settings)[0] == 0
    new = of_generation(settings, 2)
    assert "client-3" in known(new)

    code, done, _ = erase(settings, "client-3")

    assert (code, done["topic"], done["others"]) == (0, new.state_topic, [settings.state_topic])
    assert "client-3" not in known(new)
    assert durable.values(settings, new.state_topic)
