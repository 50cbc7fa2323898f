"""The topics of an installation: what is wrong with them, and how they are created and deleted."""

import asyncio
from collections.abc import Collection, Iterable, Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResourceType
from aiokafka.errors import (
    NoError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from detector.shell.config.settings import Settings, variable
from detector.shell.kafka.admin import (
    VISIBLE_POLL_SECONDS,
    ExistingTopic,
    asking,
    configs_of,
    existing_topics,
    wait_for_leaders,
)
from detector.shell.kafka.broker_checks import BROKER_CONFIGS, TOPIC_CONFIGS, broker_dangers, topic_dangers
from detector.shell.kafka.errors import TopicError
from detector.shell.kafka.topic_layout import layout


async def problems(settings: Settings, names: Collection[str] | None = None, *, configured: bool = True) -> list[str]:
    """List what is wrong with the topics: one line each, with the remedy; none if a worker can start.

    Parameters
    ----------
    settings
        Of the installation.
    names
        The topics to check, for a command that needs no others and may see no others; None = all.
    configured
        Whether to check the configuration of the topics and of the broker too. Kafka demands a separate right for
        that. A worker has to know that nothing can be lost; a command that only reads or writes need not.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    AccessDenied
        If Kafka refuses the connection, or hides one of the topics from us.
    """
    checked = layout(settings) if names is None else names
    async with asking(settings) as admin:
        existing = await existing_topics(admin, checked)
        dangers = await _dangers(admin, settings, existing) if configured else {}
        return [
            *_partition_problems(settings, checked, existing),
            *(line for lines in dangers.values() for line in lines),
        ]


async def missing(settings: Settings, topic: str) -> list[str]:
    """Return one line if a topic, of whatever installation or tool, does not exist.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    AccessDenied
        If Kafka hides the topic from us.
    """
    async with asking(settings) as admin:
        exists = await existing_topics(admin, [topic])
    return [] if exists else [f"topic {topic} does not exist; name a topic of {settings.bootstrap_servers}"]


async def deviations(settings: Settings) -> list[str]:
    """List where the topics differ from those that `create` makes: one line each, with the remedy, problems first.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    """
    async with asking(settings) as admin:
        existing = await existing_topics(admin, layout(settings))
        dangers = await _dangers(admin, settings, existing)
        wanted = {topic: configs for topic, configs in layout(settings).items() if topic in existing}
        others = {topic: configs for topic, configs in wanted.items() if not dangers[topic]}
        copies = [
            f"topic {topic} has {_copies(existing[topic].copies)} instead of {settings.replication}; set"
            f" {variable('replication')}={existing[topic].copies}, or change the topic with"
            " kafka-reassign-partitions.sh"
            for topic in wanted
            if existing[topic].copies != settings.replication
        ]
        dangerous = [line for lines in dangers.values() for line in lines]
        problems = [*_partition_problems(settings, layout(settings), existing), *dangerous]
        return [*problems, *copies, *await _config_problems(admin, others)]


async def create(settings: Settings) -> list[str]:
    """Create the missing topics, wait until they can be used, and return their names; existing ones stay as they are.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    TopicError
        If the broker refuses, for instance more copies than there are brokers.
    """
    async with asking(settings) as admin:
        existing = await existing_topics(admin, layout(settings))
        missing = {name: configs for name, configs in layout(settings).items() if name not in existing}
        if not missing:
            return []
        response = await admin.create_topics(
            [
                NewTopic(name, settings.partitions, settings.replication, topic_configs=dict(configs))
                for name, configs in missing.items()
            ]
        )
        created = []
        for topic, code, message in response.topic_errors:
            error = for_code(code)
            if error is NoError:
                created.append(topic)
            elif error is TopicAuthorizationFailedError:
                raise error(topic)
            elif error is not TopicAlreadyExistsError:  # someone else may have been quicker
                raise TopicError(f"topic {topic} cannot be created: {message}")
        await wait_for_leaders(admin, missing)
        return created


async def delete(settings: Settings) -> None:
    """Delete the topics of the installation and wait until they are gone. A missing topic is no error.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    TopicError
        If the broker refuses.
    """
    async with asking(settings) as admin:
        response = await admin.delete_topics(list(layout(settings)))
        for topic, code in response.topic_error_codes:
            error = for_code(code)
            if error not in (NoError, UnknownTopicOrPartitionError):
                raise TopicError(f"topic {topic} cannot be deleted: {error.__name__}; delete it with kafka-topics.sh")
        while await existing_topics(admin, layout(settings)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(VISIBLE_POLL_SECONDS)


def _copies(number: int) -> str:
    return f"{number} cop{'y' if number == 1 else 'ies'}"


def _partition_problems(settings: Settings, names: Iterable[str], existing: Mapping[str, ExistingTopic]) -> list[str]:
    problems = []
    for topic in names:
        if topic not in existing:
            problems.append(f"topic {topic} is missing; run `ghosting topics create`")
        elif existing[topic].partitions != settings.partitions:
            count = existing[topic].partitions
            problems.append(
                f"topic {topic} has {count} partitions instead of {settings.partitions}; set"
                f" {variable('partitions')}={count} if all topics agree on it, else delete the topic and run"
                " `ghosting topics create`"
            )
    return problems


async def _dangers(
    admin: AIOKafkaAdminClient, settings: Settings, existing: Mapping[str, ExistingTopic]
) -> dict[str, list[str]]:
    """List what is dangerous, by topic; what is wrong with the broker itself comes first, under an empty name."""
    node = next(iter(sorted(broker.nodeId for broker in admin._client.cluster.brokers())))  # noqa: SLF001 (no other way)
    limits = await configs_of(admin, ConfigResourceType.BROKER, str(node), BROKER_CONFIGS)
    dangers = {"": broker_dangers(settings, limits)}
    for topic, as_it_is in existing.items():
        config = await configs_of(admin, ConfigResourceType.TOPIC, topic, TOPIC_CONFIGS)
        dangers[topic] = topic_dangers(settings, topic, config, as_it_is.copies)
    return dangers


async def _config_problems(admin: AIOKafkaAdminClient, wanted: Mapping[str, Mapping[str, str]]) -> list[str]:
    problems = []
    for topic, configs in wanted.items():
        actual = await configs_of(admin, ConfigResourceType.TOPIC, topic, configs)
        different = [name for name in configs if actual.get(name, configs[name]) != configs[name]]
        if different:
            has, wants = (", ".join(f"{name}={values[name]}" for name in different) for values in (actual, configs))
            problems.append(f"topic {topic} has {has}; set {wants} on it with kafka-configs.sh")
    return problems
