"""The settings that name an installation and its topics, and the names of these topics."""

import re
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from detector.core.wire.reroute import REROUTED
from detector.shell.config.text import listed

OWN_TOPICS = ("alerts", "alerts-history", "rejected", "dead-letters", REROUTED, "state", "commands", "gaps")
SOURCES_MAX = 32
KIND_SOURCES = MappingProxyType(
    {
        "email": "emails",
        "message": "emails",
        "survey": "emails",
        "call": "calls",
        "meeting": "calls",
        "order": "orders",
        "payment": "orders",
        "ticket": "orders",
    }
)

_APP_ID = re.compile(r"[a-zA-Z0-9._-]{1,100}")
_SOURCE = re.compile(r"[a-zA-Z0-9_-]{1,50}")
_STATE = re.compile(r"state-\d+")


class InstallationSettings(BaseSettings):
    """The settings of the installation's topics."""

    app_id: str = Field(
        "ghosting",
        description="Name of this installation. Every topic name begins with it, and so do the consumer group and the"
        " transactional ids, so that two installations can share a broker.",
    )
    sources: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = Field(
        ("emails", "calls", "orders"),
        min_length=1,
        max_length=SOURCES_MAX,
        description="Input topics, without the installation's name in front. Events of the same time are applied in"
        " this order of their topics.",
    )
    partitions: int = Field(
        4,
        ge=1,
        le=1024,
        description="Partitions of every source and other topic. Each partition is a shard with statistics of its own,"
        " so a firm of fifty clients is best served by one. A later change needs new topics and a rebuild.",
    )
    state_generation: int = Field(
        0,
        ge=0,
        le=9999,
        description="State topic to use: 0 is the topic in force, which the last complete `ghosting rebuild` made."
        " Another number goes back to an older generation; then set it for all workers.",
    )
    replication: int = Field(
        1,
        ge=1,
        le=15,
        description="Copies that the brokers keep of each topic. Use 3 in production, if there are three brokers.",
    )
    compression_type: Literal["none", "gzip", "snappy", "lz4", "zstd"] = Field(
        "none",
        description="Compression of the records that are written to Kafka. Records that are read may have any of"
        " these.",
    )

    @field_validator("app_id")
    @classmethod
    def _is_app_id(cls, value: str) -> str:
        if not _APP_ID.fullmatch(value):
            raise ValueError("should be 1-100 letters, digits, dots, hyphens or underscores")
        return value

    @field_validator("sources")
    @classmethod
    def _are_sources(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_SOURCE.fullmatch(source) for source in value):
            raise ValueError("should be names of 1-50 letters, digits, hyphens or underscores, separated by commas")
        if any(source in OWN_TOPICS or _STATE.fullmatch(source) for source in value):
            raise ValueError(f"should not contain {', '.join(OWN_TOPICS)}, which are topics of our own")
        if len(set(value)) < len(value):
            raise ValueError("should name each source once")
        return value

    def topic(self, source: str) -> str:
        """Return the topic of a source."""
        return f"{self.app_id}.{source}"

    @property
    def source_topics(self) -> tuple[str, ...]:
        """The topics of the sources, in their order."""
        return tuple(self.topic(source) for source in self.sources)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that a shard merges: the sources, and the records that other shards send on."""
        return (*self.sources, REROUTED)

    @property
    def input_topics(self) -> tuple[str, ...]:
        """The topics that workers read."""
        return tuple(self.topic(source) for source in self.inputs)

    @property
    def alerts_topic(self) -> str:
        """The topic of alerts that somebody should act on."""
        return self.topic("alerts")

    @property
    def history_topic(self) -> str:
        """The topic of alerts that are too old to notify anybody."""
        return self.topic("alerts-history")

    @property
    def rejected_topic(self) -> str:
        """The topic of rejections."""
        return self.topic("rejected")

    @property
    def dead_letters_topic(self) -> str:
        """The topic of alerts that a webhook did not take."""
        return self.topic("dead-letters")

    @property
    def commands_topic(self) -> str:
        """The topic of what other tools say of clients: that some were merged, or that one was erased."""
        return self.topic("commands")

    @property
    def gaps_topic(self) -> str:
        """The topic of holes in the feeds of other tools."""
        return self.topic("gaps")

    @property
    def mapped_topics(self) -> tuple[str, ...]:
        """The topics that mappings write to, and the only ones."""
        return (*self.source_topics, self.rejected_topic, self.commands_topic, self.gaps_topic)

    @property
    def rerouted_topic(self) -> str:
        """The topic of records that were produced to another partition than that of their client."""
        return self.topic(REROUTED)

    @property
    def state_topic(self) -> str:
        """The topic of the shards' states, of the generation that is set."""
        return self.topic("state" if self.state_generation <= 1 else f"state-{self.state_generation}")

    def source_of(self, kind: str) -> str:
        """Return the source that a kind of interaction is produced to: its usual one, else the first.

        Examples
        --------
        >>> InstallationSettings().source_of("meeting")
        'calls'
        >>> InstallationSettings(sources=("everything",)).source_of("meeting")
        'everything'
        """
        usual = KIND_SOURCES.get(kind)
        return usual if usual in self.sources else self.sources[0]
