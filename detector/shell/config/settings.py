"""What an operator can set, and what is allowed.

`Settings(...)` reads nothing but its arguments; `given.load` gathers those that are in force. So tests and tools can
build settings without an environment. The core never sees this object; it gets small policies made from it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from detector.core.wire.reroute import REROUTED
from detector.shell.config.connection import ConnectionSettings
from detector.shell.config.forwarding import ForwardSettings
from detector.shell.config.text import listed, pairs

PREFIX = "GHOSTING_"
OWN_TOPICS = ("alerts", "alerts-history", "rejected", "dead-letters", REROUTED, "state")
SOURCES_MAX = 32
METRICS_SEGMENTS_MAX = 100
OWNERS_MAX = 100_000
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
_HOST = re.compile(r"[a-zA-Z0-9._:-]{1,253}")
_SOURCE = re.compile(r"[a-zA-Z0-9_-]{1,50}")
_STATE = re.compile(r"state-\d+")


class SettingsError(Exception):
    """What is wrong with the settings: one line per problem, each naming the setting and the remedy."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Budget = Annotated[float, Field(ge=0.001, le=365)]
SegmentName = Annotated[str, Field(min_length=1, max_length=64)]
OwnedName = Annotated[str, Field(min_length=1, max_length=200)]
OwnerName = Annotated[str, Field(min_length=1, max_length=100)]


class Settings(ForwardSettings, ConnectionSettings):
    """Everything that can be set, validated and frozen. The descriptions are the documentation."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        validate_default=True,
    )

    app_id: str = Field(
        "ghosting",
        description="Name of this installation. It starts every topic name, and names the consumer group and the"
        " transactional ids, so that two installations can share a broker.",
    )
    sources: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = Field(
        ("emails", "calls", "orders"),
        min_length=1,
        max_length=SOURCES_MAX,
        description="Input topics, without the installation's name in front. Their order settles ties of event times.",
    )
    partitions: int = Field(
        4,
        ge=1,
        le=1024,
        description="Partitions of every source and of the state. Each is a shard that learns its own statistics: a"
        " firm of fifty clients is best served by one. It cannot be changed later without a rebuild.",
    )
    state_generation: int = Field(
        0,
        ge=0,
        le=9999,
        description="Which state topic to work on: 0 is the one in force, that of the last complete `ghosting rebuild`."
        " Another number is for a way back, and then for all workers.",
    )
    replication: int = Field(
        1,
        ge=1,
        le=15,
        description="Copies of each topic that the broker keeps. 3 in production, if there are three brokers.",
    )
    compression_type: Literal["none", "gzip", "snappy", "lz4", "zstd"] = Field(
        "none",
        description="How to compress what is written to Kafka; what is read may be compressed in any of these ways.",
    )
    session_timeout_s: int = Field(
        20,
        ge=6,
        le=60,
        description="Seconds without a heartbeat after which the broker gives a worker's partitions to another one.",
    )
    transaction_timeout_s: int = Field(
        15,
        ge=5,
        le=900,
        description="Seconds after which the broker aborts a transaction that a worker left open, and a worker that"
        " waits for one ends.",
    )
    unassigned_s_max: float = Field(
        120, ge=10, le=3600, description="A worker ends if the group gives it no assignment for so many seconds."
    )
    rebalance_s_max: float = Field(
        180, ge=10, le=3600, description="A worker ends if a rebalance of the group takes longer than this."
    )
    restore_s_max: float = Field(
        600, ge=10, le=86_400, description="A worker ends if the restore of a shard takes longer than this."
    )
    stalled_s_max: float = Field(
        300,
        ge=10,
        le=86_400,
        description="A worker ends if a shard neither reads records nor hears that there are none for so many seconds.",
    )
    blocked_s_max: float = Field(
        60, ge=5, le=3600, description="A worker ends if its event loop does not turn for so many seconds."
    )
    shutdown_s_max: float = Field(
        10, ge=1, le=600, description="A worker that is told to stop has so many seconds for it."
    )
    clock_apart_s_max: float = Field(
        60,
        ge=1,
        le=3600,
        description="Where the machine's clock is further than this from the broker's, the broker's counts.",
    )
    away_days_max: float = Field(
        7,
        gt=0,
        le=365,
        description="Days that all workers may be away without loss: a source that keeps records for less is refused.",
    )
    settle_s: float = Field(
        5,
        ge=0,
        le=3600,
        description="Seconds that an event may be on its way: a source read to its end counts as complete up to this"
        " long ago.",
    )
    notify_max_age_days: float = Field(
        3,
        gt=0,
        le=365,
        description="Alerts that are older than this when they come out go to the history topic and notify nobody.",
    )
    false_alerts_per_client_year: Budget = Field(
        1.0,
        description="How many false silence alerts a client may cause in a year: the one knob between early and quiet.",
    )
    false_declines_per_client_year: Budget = Field(
        0.5, description="How many false alerts of declines, over all signals together, a client may cause in a year."
    )
    false_overdue_per_client_year: Budget = Field(
        0.5, description="How many false alerts of overdue replies a client may cause in a year."
    )
    segment_budgets: Annotated[Mapping[SegmentName, Budget], NoDecode, BeforeValidator(pairs)] = Field(
        default_factory=dict,
        description="The same per segment, for those that differ: vip=4,retail=0.5, or a table in the file.",
    )
    session_hours: float = Field(
        20,
        gt=0,
        le=168,
        description="Interactions of a client that are less than these hours apart count as one contact.",
    )
    escalate_at: float = Field(
        2.5,
        gt=1,
        le=100,
        description="A silence of contact or orders escalates when it has lasted this many times its own deadline:"
        " lower is earlier, and less sure.",
    )
    learning_gaps_min: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="Completed gaps that a segment needs before its alerts are released; until then they are held and"
        " counted.",
    )
    prior_file: Path | None = Field(
        None,
        description="What `ghosting learn` made of a history: a shard that meets a segment for the first time begins"
        " with its gaps, which count as learned. A segment that the state knows already is not touched.",
    )
    rejected_share_max: float = Field(
        0.5,
        gt=0,
        le=1,
        description="A worker stops when more than this share of a chunk is rejected, rather than drain a topic after"
        " a bad deployment; 1 never stops.",
    )
    rejected_count_min: int = Field(
        100, ge=1, le=1_000_000, description="...but not for fewer rejections in the chunk than this."
    )
    segments_max: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="Segments that a shard learns apart; an event that would open one more is rejected.",
    )
    chunk_records: int = Field(
        5000, ge=1, le=100_000, description="Records of one partition that are handed over and parsed together."
    )
    chunks_per_transaction: int = Field(
        4,
        ge=1,
        le=100,
        description="Full chunks that one Kafka transaction covers at most, or as many records in smaller ones; more is"
        " faster and comes out later.",
    )
    waiting_records_max: int = Field(
        200_000,
        ge=1000,
        le=10_000_000,
        description="Records per source and shard that may wait in memory for the other sources; then fetching pauses.",
    )
    http_host: str = Field(
        "127.0.0.1",
        description="Address on which /metrics, /health and /ready are served; 0.0.0.0 lets other machines ask.",
    )
    http_port: int = Field(
        0, ge=0, le=65535, description="Port of /metrics, /health and /ready, such as 9464; 0 serves nothing."
    )
    metrics_segments: Annotated[tuple[SegmentName, ...], NoDecode, BeforeValidator(listed)] = Field(
        (),
        max_length=METRICS_SEGMENTS_MAX,
        description="Segments that metrics tell apart, besides those that have a budget of their own; all others are"
        " counted together as `other`, so that nobody but you chooses what is in a label.",
    )
    owners: Annotated[Mapping[OwnedName, OwnerName], NoDecode, BeforeValidator(pairs)] = Field(
        default_factory=dict,
        max_length=OWNERS_MAX,
        description="Who looks after which clients: by account id, or by segment for the accounts that are not named:"
        " account-17=anna,vip=key-accounts, or a table in the file.",
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = Field(
        "INFO", description="Least level of log lines. Client ids appear at DEBUG only."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="json: one object per line; text: for people; auto: text on a terminal, else json."
    )
    data_dir: Path = Field(
        Path(".ghosting"), description="Folder for scratch files of a process. Nothing in it needs a backup."
    )

    @field_validator("http_host")
    @classmethod
    def _is_host(cls, value: str) -> str:
        if not _HOST.fullmatch(value):
            raise ValueError("should be an address or a host name, such as 127.0.0.1")
        return value

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

    @model_validator(mode="after")
    def _chunk_fits(self) -> Self:
        if self.chunk_records > self.waiting_records_max:
            raise ValueError(
                "chunk_records should not be greater than waiting_records_max; lower the one or raise the other"
            )
        return self

    @classmethod
    def settings_customise_sources(  # the other sources' places are pydantic's; `given` calls those that we use
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments only; `given.load` has gathered them, and knows where each came from."""
        return (init_settings,)

    def topic(self, source: str) -> str:
        """Name the topic of a source."""
        return f"{self.app_id}.{source}"

    @property
    def source_topics(self) -> tuple[str, ...]:
        """The topics that interactions come from, in the order of the sources."""
        return tuple(self.topic(source) for source in self.sources)

    @property
    def inputs(self) -> tuple[str, ...]:
        """All that a shard merges: the sources, and what shards send on to one another."""
        return (*self.sources, REROUTED)

    @property
    def input_topics(self) -> tuple[str, ...]:
        """The topics that workers read."""
        return tuple(self.topic(source) for source in self.inputs)

    @property
    def alerts_topic(self) -> str:
        """Where alerts go that somebody should act on."""
        return self.topic("alerts")

    @property
    def history_topic(self) -> str:
        """Where alerts go that are too old to notify anybody."""
        return self.topic("alerts-history")

    @property
    def rejected_topic(self) -> str:
        """Where records go that could not be read."""
        return self.topic("rejected")

    @property
    def dead_letters_topic(self) -> str:
        """Where alerts go that a webhook did not take."""
        return self.topic("dead-letters")

    @property
    def rerouted_topic(self) -> str:
        """Where records go on to the partition of their client, if they were produced to another one."""
        return self.topic(REROUTED)

    @property
    def state_topic(self) -> str:
        """The changelog of the shards, of the generation that is set."""
        return self.topic("state" if self.state_generation <= 1 else f"state-{self.state_generation}")

    def source_of(self, kind: str) -> str:
        """Choose the source that a kind of interaction is produced to: its usual one, or the first if that is missing.

        Examples
        --------
        >>> Settings().source_of("meeting")
        'calls'
        >>> Settings(sources=("everything",)).source_of("meeting")
        'everything'
        """
        usual = KIND_SOURCES.get(kind)
        return usual if usual in self.sources else self.sources[0]


def variable(name: str) -> str:
    """Name the environment variable of a setting.

    Examples
    --------
    >>> variable("app_id")
    'GHOSTING_APP_ID'
    """
    return PREFIX + name.upper()


def fields() -> list[tuple[str, FieldInfo]]:
    """All settings with what is said of them, those of `forward` last: few need them."""
    return sorted(Settings.model_fields.items(), key=lambda item: item[0] in ForwardSettings.model_fields)
