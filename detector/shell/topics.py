"""The topics of an installation: what they should be like, what is wrong with them, and how they come to be."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    NoError,
    TopicAlreadyExistsError,
    for_code,
)

from detector.shell.settings import Settings, variable

REPLY_SECONDS_MAX: Final = 25
"""How long a broker may take to answer everything that is asked here."""
VISIBLE_POLL_SECONDS: Final = 0.05
COMPACTED: Final = {"cleanup.policy": "compact"}


class BrokerUnreachable(Exception):  # noqa: N818 - says what is the case, as ConnectionRefused would
    """No broker answers at the addresses in force: one line that names the setting."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            f"no Kafka answers at {settings.bootstrap_servers}; start it or correct {variable('bootstrap_servers')}"
        )


class TopicError(Exception):
    """The broker refused to create or to describe a topic: one line with its reason."""


async def problems(settings: Settings) -> list[str]:
    """Say what is wrong with the topics: one line each, with the remedy; none if a worker can start.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    """
    async with _admin(settings) as admin:
        partitions = await _partitions(admin)
        found = [
            problem
            for topic in _topics(settings)
            if (problem := _partition_problem(topic, partitions.get(topic), settings.partitions))
        ]
        if settings.state_topic in partitions:
            found += await _policy_problems(admin, settings.state_topic)
        return found


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
        existing = await _partitions(admin)
        missing = {name: configs for name, configs in _topics(settings).items() if name not in existing}
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


def _topics(settings: Settings) -> dict[str, Mapping[str, str]]:
    plain = (*settings.source_topics, settings.alerts_topic, settings.history_topic, settings.rejected_topic)
    return {**{topic: {} for topic in plain}, settings.state_topic: COMPACTED}


def _partition_problem(topic: str, partitions: int | None, wanted: int) -> str | None:
    if partitions is None:
        return f"topic {topic} is missing; run `ghosting topics create`"
    if partitions != wanted:
        return (
            f"topic {topic} has {partitions} partitions instead of {wanted}; set {variable('partitions')}={partitions}"
            " if all topics agree on it, else delete the topic and run `ghosting topics create`"
        )
    return None


async def _policy_problems(admin: AIOKafkaAdminClient, topic: str) -> list[str]:
    (name,) = COMPACTED
    try:
        responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {name: None})])
    except IncompatibleBrokerVersion:  # the broker of the demo does not tell its configuration
        return []
    for response in responses:
        for code, message, _, _, entries in response.resources:
            if for_code(code) is not NoError:
                raise TopicError(f"topic {topic} cannot be described: {message}")
            values = {entry[0]: entry[1] for entry in entries}
            if values.get(name) != COMPACTED[name]:
                found = f"topic {topic} has {name}={values.get(name)} and would lose state"
                return [f"{found}; set {name}={COMPACTED[name]} on it with kafka-configs.sh"]
    return []


async def _partitions(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """Count the partitions of every topic. All are listed, as to ask for one by name might create it."""
    return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}


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
    except (KafkaConnectionError, TimeoutError):
        raise BrokerUnreachable(settings) from None
