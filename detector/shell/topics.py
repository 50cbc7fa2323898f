"""The topics of an installation: what they should be like, what is wrong with them, and how they come to be."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    NodeNotReadyError,
    NoError,
    TopicAlreadyExistsError,
    for_code,
)

from detector.shell.broker import BROKER_CONFIGS, TOPIC_CONFIGS, broker_dangers, topic_dangers
from detector.shell.retention import layout
from detector.shell.settings import Settings, variable

REPLY_SECONDS_MAX: Final = 25
"""How long a broker may take to answer everything that is asked here."""
VISIBLE_POLL_SECONDS: Final = 0.05


class BrokerUnreachable(Exception):  # noqa: N818 - says what is the case, as ConnectionRefused would
    """No broker answers at the addresses in force: one line that names the setting."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            f"no Kafka answers at {settings.bootstrap_servers}; start it or correct {variable('bootstrap_servers')}"
        )


class TopicError(Exception):
    """The broker refused to create or to describe a topic: one line with its reason."""


class _Found(NamedTuple):
    """A topic as the broker has it."""

    partitions: int
    copies: int


async def problems(settings: Settings) -> list[str]:
    """Say what is wrong with the topics: one line each, with the remedy; none if a worker can start.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    """
    async with _admin(settings) as admin:
        found = await _existing(admin)
        dangers = await _dangers(admin, settings, found)
        return [*_partition_problems(settings, found), *(line for lines in dangers.values() for line in lines)]


async def deviations(settings: Settings) -> list[str]:
    """Say where the topics are other than `create` makes them: one line each, with the remedy, the problems first.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    """
    async with _admin(settings) as admin:
        found = await _existing(admin)
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
        problems = [*_partition_problems(settings, found), *dangerous]
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
    async with _admin(settings) as admin:
        existing = await _existing(admin)
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
            elif error is not TopicAlreadyExistsError:  # someone else may have been quicker
                raise TopicError(f"topic {topic} cannot be created: {message}")
        while not await _have_leaders(admin, missing):  # noqa: ASYNC110 - the broker sends no event to wait for
            await asyncio.sleep(VISIBLE_POLL_SECONDS)
        return created


def _copies(number: int) -> str:
    return f"{number} cop{'y' if number == 1 else 'ies'}"


def _partition_problems(settings: Settings, found: Mapping[str, _Found]) -> list[str]:
    problems = []
    for topic in layout(settings):
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
    limits = await _configs(admin, ConfigResourceType.BROKER, str(node), BROKER_CONFIGS)
    dangers = {"": broker_dangers(settings, limits)}
    for topic in layout(settings):
        if topic in found:
            config = await _configs(admin, ConfigResourceType.TOPIC, topic, TOPIC_CONFIGS)
            dangers[topic] = topic_dangers(settings, topic, config, found[topic].copies)
    return dangers


async def _config_problems(admin: AIOKafkaAdminClient, wanted: Mapping[str, Mapping[str, str]]) -> list[str]:
    problems = []
    for topic, configs in wanted.items():
        found = await _configs(admin, ConfigResourceType.TOPIC, topic, configs)
        different = [name for name in configs if found.get(name, configs[name]) != configs[name]]
        if different:
            there, right = (", ".join(f"{name}={values[name]}" for name in different) for values in (found, configs))
            problems.append(f"topic {topic} has {there}; set {right} on it with kafka-configs.sh")
    return problems


async def _configs(
    admin: AIOKafkaAdminClient, kind: ConfigResourceType, name: str, names: Collection[str]
) -> dict[str, str]:
    wanted = ConfigResource(kind, name, dict.fromkeys(names))
    try:
        responses = await admin.describe_configs([wanted])
    except IncompatibleBrokerVersion:  # the broker of the demo does not tell its configuration
        return {}
    found: dict[str, str] = {}
    for response in responses:
        for code, message, _, _, entries in response.resources:
            if for_code(code) is not NoError:
                raise TopicError(f"{kind.name.lower()} {name} cannot be described: {message}")
            found.update((entry[0], entry[1]) for entry in entries)
    return found


async def _existing(admin: AIOKafkaAdminClient) -> dict[str, _Found]:
    """Describe every topic. All are listed, as to ask for one by name might create it."""
    return {topic["topic"]: _found(topic["partitions"]) for topic in await admin.describe_topics()}


def _found(partitions: list[dict[str, Any]]) -> _Found:
    return _Found(len(partitions), min((len(partition["replicas"]) for partition in partitions), default=0))


async def _have_leaders(admin: AIOKafkaAdminClient, topics: Collection[str]) -> bool:
    described = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
    return all(
        topic in described and all(partition["leader"] >= 0 for partition in described[topic]) for topic in topics
    )


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap_servers)
    try:
        async with asyncio.timeout(REPLY_SECONDS_MAX):
            try:
                await admin.start()
                yield admin
            finally:
                await admin.close()
    except (KafkaConnectionError, NodeNotReadyError, TimeoutError):
        raise BrokerUnreachable(settings) from None
