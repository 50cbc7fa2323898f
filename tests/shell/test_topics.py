"""The topics of an installation, on a real broker."""

import pytest

from detector.shell.settings import Settings
from detector.shell.topics import BrokerUnreachable, TopicError, create, problems
from tests import kafka as broker


@pytest.fixture
def settings(kafka, app_id):
    """Give the settings of an installation that has no topics yet."""
    return Settings(bootstrap_servers=kafka, app_id=app_id, partitions=2)


async def test_missing_topics_are_named_with_the_command_that_creates_them(settings):
    """An installation without topics has one problem per topic, each with its remedy."""
    found = await problems(settings)

    assert len(found) == len(settings.sources) + 4
    assert all(line.endswith("is missing; run `ghosting topics create`") for line in found)


async def test_created_topics_are_right(settings):
    """What `create` makes has no problems, and at once."""
    created = await create(settings)

    assert {*settings.source_topics, settings.alerts_topic, settings.state_topic} < set(created)
    assert await problems(settings) == []


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

    assert len(found) == len(settings.sources) + 4
    assert "has 2 partitions instead of 3; set GHOSTING_PARTITIONS=2" in found[0]


async def test_a_state_that_is_not_compacted_is_a_problem(settings):
    """A state topic that forgets old records would lose clients; `create` leaves it to its owner."""
    broker.create(settings.bootstrap_servers, settings.state_topic, partitions=2)
    await create(settings)

    (found,) = await problems(settings)

    assert f"{settings.state_topic} has cleanup.policy=delete" in found
    assert "set cleanup.policy=compact" in found


async def test_more_copies_than_brokers_are_refused_with_the_reason(settings):
    """A single broker cannot keep fifteen copies."""
    with pytest.raises(TopicError, match=r"cannot be created: .*replication factor"):
        await create(settings.model_copy(update={"replication": 15}))


async def test_an_unreachable_broker_is_one_line_that_names_the_setting():
    """Nobody listens on port 1."""
    settings = Settings(bootstrap_servers="127.0.0.1:1")

    said = r"^no Kafka answers at 127\.0\.0\.1:1; .*GHOSTING_BOOTSTRAP_SERVERS$"

    for ask in (problems, create):
        with pytest.raises(BrokerUnreachable, match=said):
            await ask(settings)
