"""The topics of an installation: what they should be like, what is wrong with them, and how they come to be."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    NodeNotReadyError,
    NoError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest

from detector.shell.config.settings import Settings, variable
from detector.shell.kafka.broker_checks import BROKER_CONFIGS, TOPIC_CONFIGS, broker_dangers, topic_dangers
from detector.shell.kafka.client import BrokerUnreachable, for_aiokafka, refusals_told, unreachable
from detector.shell.kafka.topic_layout import layout

REPLY_SECONDS_MAX: Final = 25
"""How long a broker may take to answer everything that is asked here."""
VISIBLE_POLL_SECONDS: Final = 0.05


class TopicError(Exception):
    """The broker refused to create, to describe or to delete a topic: one line with its reason."""


class _Found(NamedTuple):
    """A topic as the broker has it."""

    partitions: int
    copies: int


async def problems(settings: Settings, names: Collection[str] | None = None, *, configured: bool = True) -> list[str]:
    """Say what is wrong with the topics: one line each, with the remedy; none if a worker can start.

    Parameters
    ----------
    settings
        Of the installation.
    names
        Those to look at, for a command that needs no others and may see no others; None = all.
    configured
        Whether to look at how they and the broker are configured, for which Kafka wants a right of its own: a worker
        has to know that nothing can be lost, a command that only reads or writes does not.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    AccessDenied
        If Kafka does not let us in, or does not let us see one of the topics.
    """
    asked = layout(settings) if names is None else names
    async with asking(settings) as admin:
        found = await _existing(admin, asked)
        dangers = await _dangers(admin, settings, found) if configured else {}
        return [*_partition_problems(settings, asked, found), *(line for lines in dangers.values() for line in lines)]


async def deviations(settings: Settings) -> list[str]:
    """Say where the topics are other than `create` makes them: one line each, with the remedy, the problems first.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    """
    async with asking(settings) as admin:
        found = await _existing(admin, layout(settings))
        dangers = await _dangers(admin, settings, found)
        wanted = {topic: configs for topic, configs in layout(settings).items() if topic in found}
        others = {topic: configs for topic, configs in wanted.items() if not dangers[topic]}
        copies = [
            f"topic {topic} has {_copies(found[topic].copies)} instead of {settings.replication}; set"
            f" {variable('replication')}={found[topic].copies}, or change the topic with kafka-reassign-partitions.sh"
            for topic in wanted
            if found[topic].copies != settings.replication
        ]
        dangerous = [line for lines in dangers.values() for line in lines]
        problems = [*_partition_problems(settings, layout(settings), found), *dangerous]
        return [*problems, *copies, *await _config_problems(admin, others)]


async def create(settings: Settings) -> list[str]:
    """Create the topics that are missing, wait until they can be used, and name them; those that exist stay as is.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    TopicError
        If the broker refuses, for instance more copies than there are brokers.
    """
    async with asking(settings) as admin:
        existing = await _existing(admin, layout(settings))
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
        await have_leaders(admin, missing)
        return created


async def delete(settings: Settings) -> None:
    """Delete the topics of the installation and wait until they are gone; those that are gone already are no matter.

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
        while await _existing(admin, layout(settings)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(VISIBLE_POLL_SECONDS)


def _copies(number: int) -> str:
    return f"{number} cop{'y' if number == 1 else 'ies'}"


def _partition_problems(settings: Settings, asked: Iterable[str], found: Mapping[str, _Found]) -> list[str]:
    problems = []
    for topic in asked:
        if topic not in found:
            problems.append(f"topic {topic} is missing; run `ghosting topics create`")
        elif found[topic].partitions != settings.partitions:
            there = found[topic].partitions
            problems.append(
                f"topic {topic} has {there} partitions instead of {settings.partitions}; set"
                f" {variable('partitions')}={there} if all topics agree on it, else delete the topic and run"
                " `ghosting topics create`"
            )
    return problems


async def _dangers(admin: AIOKafkaAdminClient, settings: Settings, found: Mapping[str, _Found]) -> dict[str, list[str]]:
    """Say what is dangerous, by topic; what is wrong with the broker itself stands first, under no topic."""
    node = next(iter(sorted(broker.nodeId for broker in admin._client.cluster.brokers())))  # noqa: SLF001 (no other way)
    limits = await configs_of(admin, ConfigResourceType.BROKER, str(node), BROKER_CONFIGS)
    dangers = {"": broker_dangers(settings, limits)}
    for topic, there in found.items():
        config = await configs_of(admin, ConfigResourceType.TOPIC, topic, TOPIC_CONFIGS)
        dangers[topic] = topic_dangers(settings, topic, config, there.copies)
    return dangers


async def _config_problems(admin: AIOKafkaAdminClient, wanted: Mapping[str, Mapping[str, str]]) -> list[str]:
    problems = []
    for topic, configs in wanted.items():
        found = await configs_of(admin, ConfigResourceType.TOPIC, topic, configs)
        different = [name for name in configs if found.get(name, configs[name]) != configs[name]]
        if different:
            there, right = (", ".join(f"{name}={values[name]}" for name in different) for values in (found, configs))
            problems.append(f"topic {topic} has {there}; set {right} on it with kafka-configs.sh")
    return problems


async def configs_of(
    admin: AIOKafkaAdminClient, kind: ConfigResourceType, name: str, names: Collection[str]
) -> dict[str, str]:
    """Ask how a topic or a broker is configured; nothing, if it does not tell."""
    wanted = ConfigResource(kind, name, dict.fromkeys(names))
    try:
        responses = await admin.describe_configs([wanted])
    except IncompatibleBrokerVersion:  # the broker of the demo does not tell its configuration
        return {}
    found: dict[str, str] = {}
    for response in responses:
        for code, message, _, _, entries in response.resources:
            error = for_code(code)
            if error in (TopicAuthorizationFailedError, ClusterAuthorizationFailedError):
                raise error(name)
            if error is not NoError:
                raise TopicError(f"{kind.name.lower()} {name} cannot be described: {message}")
            found.update((entry[0], entry[1]) for entry in entries)
    return found


async def _existing(admin: AIOKafkaAdminClient, asked: Collection[str]) -> dict[str, _Found]:
    """Describe those of the topics that exist.

    All topics are listed, and a topic that we may not see is as absent as one that does not exist; which of the two,
    Kafka says only to who asks for it by name.
    """
    listed = {topic["topic"]: _found(topic["partitions"]) for topic in await admin.describe_topics()}
    if missing := [topic for topic in asked if topic not in listed]:
        by_name = MetadataRequest(missing, allow_auto_topic_creation=False)
        reply = await admin._send_request(by_name)  # noqa: SLF001 - describe_topics would create them
        hidden = [
            topic["topic"]
            for topic in reply.to_object()["topics"]
            if for_code(topic["error_code"]) is TopicAuthorizationFailedError
        ]
        if hidden:
            raise TopicAuthorizationFailedError(hidden)
    return {topic: listed[topic] for topic in asked if topic in listed}


def _found(partitions: list[dict[str, Any]]) -> _Found:
    return _Found(len(partitions), min((len(partition["replicas"]) for partition in partitions), default=0))


async def have_leaders(admin: AIOKafkaAdminClient, topics: Collection[str]) -> None:
    """Wait until topics that were just created can be used."""
    while not await _can_be_used(admin, topics):  # noqa: ASYNC110 - the broker sends no event to wait for
        await asyncio.sleep(VISIBLE_POLL_SECONDS)


async def _can_be_used(admin: AIOKafkaAdminClient, topics: Collection[str]) -> bool:
    described = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
    return all(
        topic in described and all(partition["leader"] >= 0 for partition in described[topic]) for topic in topics
    )


@asynccontextmanager
async def asking(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Ask the brokers something, within a bounded time, and tell in one line if they do not answer or refuse."""
    admin = AIOKafkaAdminClient(**for_aiokafka(settings))
    try:
        with refusals_told(settings):
            async with asyncio.timeout(REPLY_SECONDS_MAX):
                try:
                    await admin.start()
                    yield admin
                finally:
                    await admin.close()
    except KafkaConnectionError:
        raise await unreachable(settings) from None
    except (NodeNotReadyError, TimeoutError):  # it went away meanwhile
        raise BrokerUnreachable(settings) from None
