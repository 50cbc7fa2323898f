"""Asks Kafka about consumer groups: whether we may be a member, and how many members there are.

A client that may not join a group waits for it forever, without an error. So a command asks first.
"""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, NoError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.group import HeartbeatRequest

from detector.shell.config.settings import Settings
from detector.shell.kafka.admin import asking

_NO_GENERATION = -1
_NO_MEMBER = "asks-for-its-rights"
_ASK_AGAIN_S = 0.1


async def require_group(settings: Settings, group: str) -> None:
    """Check that we may be a member of the group.

    A heartbeat of a member that does not exist changes nothing, and needs the same right as joining.

    Raises
    ------
    AccessDenied
        If we may not: one line that names the group.
    BrokerUnreachable
        If no broker answers.
    """
    async with asking(settings) as admin:
        coordinator = await _coordinator(admin, group)
        heartbeat = HeartbeatRequest(group, _NO_GENERATION, _NO_MEMBER)
        reply = await admin._send_request(heartbeat, coordinator)  # noqa: SLF001 - aiokafka has no method for it
        if for_code(reply.error_code) is GroupAuthorizationFailedError:
            raise GroupAuthorizationFailedError(group)


async def members(settings: Settings, group: str) -> int:
    """Count the members of a group.

    Raises
    ------
    AccessDenied
        If we may not ask.
    BrokerUnreachable
        If no broker answers.
    """
    async with asking(settings) as admin:
        coordinator = await _coordinator(admin, group)
        (reply,) = await admin.describe_consumer_groups([group], coordinator)
        ((code, _, _, _, _, group_members, *_),) = reply.groups
        if for_code(code) is GroupAuthorizationFailedError:
            raise GroupAuthorizationFailedError(group)
        return len(group_members)


async def committed(settings: Settings, group: str, topic: str, partition: int) -> int:
    """Return which offset of a partition a group reads next; -1 if it has committed none.

    A producer that ended a transaction of the group's offsets has started anew before this is called, so that the
    broker has none left that is undecided.

    Raises
    ------
    AccessDenied
        If we may not ask.
    BrokerUnreachable
        If no broker answers.
    """
    async with asking(settings) as admin:
        while True:
            coordinator = await _coordinator(admin, group)
            request = OffsetFetchRequest(group, [(topic, [partition])])
            reply = await admin._send_request(request, coordinator)  # noqa: SLF001 - admin's own hides the error
            (of_topic,) = reply.topics
            ((_, offset, _, code),) = of_topic[1]
            error = for_code(code or getattr(reply, "error_code", 0))
            if error is NoError:
                return int(offset)
            if error is GroupAuthorizationFailedError:
                raise error(group)
            if not error.retriable:
                raise error(topic)
            await asyncio.sleep(_ASK_AGAIN_S)


async def _coordinator(admin: AIOKafkaAdminClient, group: str) -> int:
    """Find the broker of a group. It may take a while: the first group of a cluster makes Kafka create a topic."""
    while True:
        try:
            coordinator: int = await admin.find_coordinator(group)
        except GroupAuthorizationFailedError:
            raise GroupAuthorizationFailedError(group) from None
        except KafkaError as error:
            if not error.retriable:
                raise
            await asyncio.sleep(_ASK_AGAIN_S)
        else:
            return coordinator
