"""Which state topic is in force. A rebuild writes a new generation of it, which replaces the old one when complete.

The configuration of a topic shows whether it is complete: a complete one is compacted. A topic that is not compacted
is being built, was left over by a rebuild that was killed, or has been replaced. The newest complete topic is in force.
"""

import re
from collections.abc import Mapping
from typing import Final

from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError, TopicAuthorizationFailedError, for_code

from detector.shell.config.settings import Settings
from detector.shell.kafka.admin import asking, configs_of, wait_for_leaders
from detector.shell.kafka.errors import TopicError
from detector.shell.kafka.topic_layout import COMPACTED, STATE, layout

_INCOMPLETE: Final = {"cleanup.policy": "delete", "retention.ms": "-1"}  # nothing is deleted: it has no age limit


async def existing(settings: Settings) -> dict[int, bool]:
    """Return the generations that exist, and whether each is complete.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    """
    first = settings.model_copy(update={"state_generation": 1}).state_topic
    name = re.compile(rf"{re.escape(first)}(?:-(\d+))?")
    async with asking(settings) as admin:
        names = [topic["topic"] for topic in await admin.describe_topics()]
        topics = {int(match[1] or 1): match[0] for match in map(name.fullmatch, names) if match}
        if len(topics) == 1:  # a worker checks it at its start
            return dict.fromkeys(topics, True)
        policies = {
            number: await configs_of(admin, ConfigResourceType.TOPIC, topic, ["cleanup.policy"])
            for number, topic in topics.items()
        }
    return {number: policy == COMPACTED for number, policy in policies.items()}


async def in_force(settings: Settings) -> Settings:
    """Return the settings with the generation that is in force, unless they name one."""
    if settings.state_generation:
        return settings
    complete = [number for number, is_complete in (await existing(settings)).items() if is_complete]
    return settings.model_copy(update={"state_generation": max(complete, default=1)})


async def begin(settings: Settings) -> Settings:
    """Create the topic of a new, incomplete generation; return the settings with that generation."""
    new = settings.model_copy(update={"state_generation": max(await existing(settings), default=0) + 1})
    async with asking(settings) as admin:
        configs = {**_configs(new), **_INCOMPLETE}
        reply = await admin.create_topics(
            [NewTopic(new.state_topic, settings.partitions, settings.replication, topic_configs=configs)]
        )
        ((_, code, message),) = reply.topic_errors
        if for_code(code) is TopicAuthorizationFailedError:
            raise TopicAuthorizationFailedError(new.state_topic)
        if for_code(code) is not NoError:
            raise TopicError(f"topic {new.state_topic} cannot be created: {message}")
        await wait_for_leaders(admin, [new.state_topic])
    return new


async def put_in_force(settings: Settings, former: Settings) -> None:
    """Mark a generation as complete, then the former one as replaced: at every moment one of them is complete."""
    await _configure(settings, _configs(settings))
    if former.state_generation in await existing(settings):
        await _configure(former, {**_configs(former), **_INCOMPLETE})


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
