"""The topics of an installation, on a real broker."""

import socket

import pytest
from confluent_kafka.admin import ConfigResource

from detector.shell.config.installation import OWN_TOPICS
from detector.shell.config.settings import Settings
from detector.shell.kafka import admin
from detector.shell.kafka.errors import BrokerUnreachable
from detector.shell.kafka.topic_layout import layout
from detector.shell.kafka.topics import TopicError, create, delete, deviations, problems
from tests import kafka as broker


@pytest.fixture
def settings(kafka, app_id):
    """Give the settings of an installation that has no topics yet."""
    return Settings(bootstrap_servers=kafka, app_id=app_id, partitions=2)


def configs(settings, *topics):
    """Ask the broker how topics are configured, by another client than ours."""
    client = broker.admin(settings.bootstrap_servers)
    wanted = [ConfigResource(ConfigResource.Type.TOPIC, topic) for topic in topics]
    replies = client.describe_configs(wanted)
    return {
        resource.name: {name: entry.value for name, entry in reply.result(broker.REPLY_SECONDS_MAX).items()}
        for resource, reply in replies.items()
    }


async def test_missing_topics_are_named_with_the_command_that_creates_them(settings):
    """An installation without topics has one problem per topic, each with its remedy."""
    found = await problems(settings)

    assert len(found) == len(settings.sources) + len(OWN_TOPICS)
    assert all(line.endswith("is missing; run `ghosting topics create`") for line in found)


async def test_created_topics_are_right(settings):
    """What `create` makes has no problems, and at once."""
    created = await create(settings)

    assert {*settings.source_topics, settings.alerts_topic, settings.state_topic} < set(created)
    assert await problems(settings) == []
    assert await deviations(settings) == []


async def test_topics_keep_their_records_as_stated(settings):
    """Each topic has its retention, the state is compacted, and old events are not deleted for their age."""
    await create(settings)

    found = configs(settings, *layout(settings))

    assert {topic: found[topic]["cleanup.policy"] for topic in found} == {
        **dict.fromkeys(layout(settings), "delete"),
        settings.state_topic: "compact",
    }
    for topic in settings.source_topics:
        assert found[topic]["message.timestamp.type"] == "LogAppendTime"
        assert found[topic]["retention.ms"] == str(30 * 86_400_000)


async def test_another_retention_deviates_but_keeps_no_worker_from_starting(settings):
    """It may be what somebody wants; `check` says it with the command that undoes it."""
    broker.create(settings.bootstrap_servers, settings.alerts_topic, partitions=2)
    await create(settings)

    (found,) = await deviations(settings)

    assert await problems(settings) == []
    assert found == (
        f"topic {settings.alerts_topic} has retention.ms=604800000; set retention.ms=2592000000 on it with"
        " kafka-configs.sh"
    )


async def test_another_number_of_copies_deviates(settings):
    """Topics that were made before the cluster grew are not as safe as the settings say."""
    await create(settings)

    found = await deviations(settings.model_copy(update={"replication": 3}))

    copies = [line for line in found if "has 1 copy instead of 3; set GHOSTING_REPLICATION=1, or" in line]
    assert len(copies) == len(layout(settings))


async def test_to_create_twice_changes_nothing(settings):
    """The second time nothing is left to create."""
    await create(settings)

    assert await create(settings) == []


async def test_a_check_creates_no_topics(settings):
    """To look does not create, though the broker may create topics that are asked for."""
    assert len(await problems(settings)) == len(await problems(settings)) > 0


async def test_another_number_of_partitions_is_a_problem(settings):
    """Topics made for two partitions do not serve three: each is named with both numbers."""
    await create(settings)

    found = await problems(settings.model_copy(update={"partitions": 3}))

    assert len(found) == len(settings.sources) + len(OWN_TOPICS)
    assert "has 2 partitions instead of 3; set GHOSTING_PARTITIONS=2" in found[0]


async def test_a_state_that_is_not_compacted_is_a_problem(settings):
    """A state topic that forgets old records would lose clients; `create` leaves it to its owner."""
    broker.create(settings.bootstrap_servers, settings.state_topic, partitions=2)
    await create(settings)

    forgets, unstamped = await problems(settings)

    assert f"{settings.state_topic} has cleanup.policy=delete and would lose state" in forgets
    assert "set cleanup.policy=compact" in forgets
    assert f"{settings.state_topic} has message.timestamp.type=CreateTime" in unstamped
    assert "set message.timestamp.type=LogAppendTime" in unstamped
    assert {forgets, unstamped} <= set(await deviations(settings))


async def test_more_copies_than_brokers_are_refused_with_the_reason(settings):
    """A single broker cannot keep fifteen copies."""
    with pytest.raises(TopicError, match=r"cannot be created: .*replication factor"):
        await create(settings.model_copy(update={"replication": 15}))


async def test_to_delete_leaves_nothing_and_can_be_repeated(settings):
    """Every topic of the installation goes; that one is gone already is no problem."""
    await create(settings)

    await delete(settings)
    await delete(settings)

    assert broker.topics(settings.bootstrap_servers).isdisjoint(layout(settings))


async def test_an_unreachable_broker_is_one_line_that_names_the_setting():
    """Nobody listens on port 1."""
    settings = Settings(bootstrap_servers="127.0.0.1:1")

    said = r"^no Kafka answers at 127\.0\.0\.1:1 by PLAINTEXT; .*GHOSTING_BOOTSTRAP_SERVERS or \S+$"

    for ask in (problems, deviations, create, delete):
        with pytest.raises(BrokerUnreachable, match=said):
            await ask(settings)


async def test_a_broker_that_accepts_and_says_nothing_is_unreachable_too(monkeypatch):
    """A firewall or a hung machine does not keep us waiting."""
    monkeypatch.setattr(admin, "REPLY_SECONDS_MAX", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]

        with pytest.raises(BrokerUnreachable):
            await problems(Settings(bootstrap_servers=f"127.0.0.1:{port}"))
