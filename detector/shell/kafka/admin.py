"""What is asked of the brokers about topics and their configuration, within a bounded time."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    NodeNotReadyError,
    NoError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest

from detector.shell.config.settings import Settings
from detector.shell.kafka.client import connection_failure, for_aiokafka
from detector.shell.kafka.errors import BrokerUnreachable, TopicError, mapping_denials

REPLY_SECONDS_MAX: Final = 25
"""How long a broker may take to answer everything that one block asks."""
VISIBLE_POLL_SECONDS: Final = 0.05
"""How often to look whether a change has reached the brokers: they send no event to wait for."""


class ExistingTopic(NamedTuple):
    """A topic as the broker has it."""

    partitions: int
    copies: int


@asynccontextmanager
async def asking(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect an admin client for the time of the block, which is bounded.

    Raises
    ------
    BrokerUnreachable
        If no broker answers, or not in time.
    AccessDenied
        If Kafka refuses something.
    """
    admin = AIOKafkaAdminClient(**for_aiokafka(settings))
    try:
        with mapping_denials(settings):
            async with asyncio.timeout(REPLY_SECONDS_MAX):
                try:
                    await admin.start()
                    yield admin
                finally:
                    await admin.close()
    except KafkaConnectionError:
        raise await connection_failure(settings) from None
    except (NodeNotReadyError, TimeoutError):  # the broker went away meanwhile
        raise BrokerUnreachable(settings) from None


async def existing_topics(admin: AIOKafkaAdminClient, names: Collection[str]) -> dict[str, ExistingTopic]:
    """Describe those of the named topics that exist.

    Kafka lists only topics that we may see. So each topic that is not in the list is asked for by name: the reply says
    whether it does not exist or is hidden from us.
    """
    listed = {topic["topic"]: _existing_topic(topic["partitions"]) for topic in await admin.describe_topics()}
    if missing := [topic for topic in names if topic not in listed]:
        by_name = MetadataRequest(missing, allow_auto_topic_creation=False)
        reply = await admin._send_request(by_name)  # noqa: SLF001 - describe_topics would create them
        hidden = [
            topic["topic"]
            for topic in reply.to_object()["topics"]
            if for_code(topic["error_code"]) is TopicAuthorizationFailedError
        ]
        if hidden:
            raise TopicAuthorizationFailedError(hidden)
    return {topic: listed[topic] for topic in names if topic in listed}


def _existing_topic(partitions: list[dict[str, Any]]) -> ExistingTopic:
    copies = min((len(partition["replicas"]) for partition in partitions), default=0)
    return ExistingTopic(len(partitions), copies)


async def configs_of(
    admin: AIOKafkaAdminClient, kind: ConfigResourceType, name: str, names: Collection[str]
) -> dict[str, str]:
    """Ask for these configurations of a topic or a broker; empty if the broker does not support the question."""
    wanted = ConfigResource(kind, name, dict.fromkeys(names))
    try:
        responses = await admin.describe_configs([wanted])
    except IncompatibleBrokerVersion:  # as the broker of the demo
        return {}
    configs: dict[str, str] = {}
    for response in responses:
        for code, message, _, _, entries in response.resources:
            error = for_code(code)
            if error in (TopicAuthorizationFailedError, ClusterAuthorizationFailedError):
                raise error(name)
            if error is not NoError:
                raise TopicError(f"{kind.name.lower()} {name} cannot be described: {message}")
            configs.update((entry[0], entry[1]) for entry in entries)
    return configs


async def wait_for_leaders(admin: AIOKafkaAdminClient, topics: Collection[str]) -> None:
    """Wait until topics that were just created can be used."""
    while not await _have_leaders(admin, topics):  # noqa: ASYNC110 - see VISIBLE_POLL_SECONDS
        await asyncio.sleep(VISIBLE_POLL_SECONDS)


async def _have_leaders(admin: AIOKafkaAdminClient, topics: Collection[str]) -> bool:
    described = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
    return all(
        topic in described and all(partition["leader"] >= 0 for partition in described[topic]) for topic in topics
    )
