"""Which state topic is in force: a rebuild writes a new one beside the old, and they change places when it is complete.

The topic itself says it: one that is compacted counts, one that is not (being built, left over by a rebuild that was
killed, or replaced) does not. If several count, the newest is in force.
"""

import re
from collections.abc import Mapping
from typing import Final

from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError, TopicAuthorizationFailedError, for_code

from detector.shell.config.settings import Settings
from detector.shell.kafka.topic_layout import COMPACTED, STATE, layout
from detector.shell.kafka.topics import TopicError, asking, configs_of, have_leaders

_NOT_IN_FORCE: Final = {"cleanup.policy": "delete", "retention.ms": "-1"}  # kept whole, by nobody's leave


async def existing(settings: Settings) -> dict[int, bool]:
    """Say which generations there are, and whether each counts.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    """
    first = settings.model_copy(update={"state_generation": 1}).state_topic
    name = re.compile(rf"{re.escape(first)}(?:-(\d+))?")
    async with asking(settings) as admin:
        names = [topic["topic"] for topic in await admin.describe_topics()]
        found = {int(match[1] or 1): match[0] for match in map(name.fullmatch, names) if match}
        if len(found) == 1:  # then a worker says what is wrong with it
            return dict.fromkeys(found, True)
        policies = {
            number: await configs_of(admin, ConfigResourceType.TOPIC, topic, ["cleanup.policy"])
            for number, topic in found.items()
        }
    return {number: policy == COMPACTED for number, policy in policies.items()}


async def in_force(settings: Settings) -> Settings:
    """Give the settings with the generation that is in force, unless they name one."""
    if settings.state_generation:
        return settings
    complete = [number for number, counts in (await existing(settings)).items() if counts]
    return settings.model_copy(update={"state_generation": max(complete, default=1)})


async def begin(settings: Settings) -> Settings:
    """Create the topic of a new generation, which does not count yet; give the settings with it."""
    new = settings.model_copy(update={"state_generation": max(await existing(settings), default=0) + 1})
    async with asking(settings) as admin:
        configs = {**_configs(new), **_NOT_IN_FORCE}
        reply = await admin.create_topics(
            [NewTopic(new.state_topic, settings.partitions, settings.replication, topic_configs=configs)]
        )
        ((_, code, message),) = reply.topic_errors
        if for_code(code) is TopicAuthorizationFailedError:
            raise TopicAuthorizationFailedError(new.state_topic)
        if for_code(code) is not NoError:
            raise TopicError(f"topic {new.state_topic} cannot be created: {message}")
        await have_leaders(admin, [new.state_topic])
    return new


async def put_in_force(settings: Settings, former: Settings) -> None:
    """Let a generation count, and the former one no more: at every moment at least one does."""
    await _configure(settings, _configs(settings))
    if former.state_generation in await existing(settings):
        await _configure(former, {**_configs(former), **_NOT_IN_FORCE})


def _configs(settings: Settings) -> dict[str, str]:
    return {**STATE, **layout(settings)[settings.state_topic]}


async def _configure(settings: Settings, configs: Mapping[str, str]) -> None:
    topic = settings.state_topic
    async with asking(settings) as admin:
        for response in await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, dict(configs))]):
            for code, message, *_ in response.resources:
                if for_code(code) is TopicAuthorizationFailedError:
                    raise TopicAuthorizationFailedError(topic)
                if for_code(code) is not NoError:
                    raise TopicError(f"topic {topic} cannot be configured: {message}")
