"""The settings that an operator can set, and the values that are allowed.

`Settings(...)` reads nothing but its arguments; `load.load` gathers the values in force. So tests and tools can build
settings without an environment. The core never sees this object; it gets small policies that are built from it.
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
from detector.shell.config.receiving import ReceiveSettings
from detector.shell.config.text import listed, pairs

PREFIX = "GHOSTING_"
OWN_TOPICS = ("alerts", "alerts-history", "rejected", "dead-letters", REROUTED, "state", "commands", "gaps")
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
    """The settings are wrong. The message has one line for each problem, with the setting and the remedy."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Budget = Annotated[float, Field(ge=0.001, le=365)]
SegmentName = Annotated[str, Field(min_length=1, max_length=64)]
OwnedName = Annotated[str, Field(min_length=1, max_length=200)]
OwnerName = Annotated[str, Field(min_length=1, max_length=100)]


class Settings(ReceiveSettings, ForwardSettings, ConnectionSettings):
    """All settings, validated and frozen. The descriptions are the documentation."""

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
    session_timeout_s: int = Field(
        20,
        ge=6,
        le=60,
        description="Seconds without a heartbeat of a worker after which the broker gives its partitions to other"
        " workers.",
    )
    transaction_timeout_s: int = Field(
        15,
        ge=5,
        le=900,
        description="Seconds after which the broker aborts an open transaction of a worker that is gone. A worker that"
        " waits longer than this for a transaction ends.",
    )
    unassigned_s_max: float = Field(
        120,
        ge=10,
        le=3600,
        description="Seconds that a worker may be without an assignment of its group before it ends.",
    )
    rebalance_s_max: float = Field(
        180, ge=10, le=3600, description="Seconds that a rebalance of the group may take before the worker ends."
    )
    restore_s_max: float = Field(
        600, ge=10, le=86_400, description="Seconds that the restore of a shard may take before the worker ends."
    )
    stalled_s_max: float = Field(
        300,
        ge=10,
        le=86_400,
        description="Seconds that a shard may neither read records nor learn that there are none before the worker"
        " ends.",
    )
    blocked_s_max: float = Field(
        60, ge=5, le=3600, description="Seconds that the event loop of a worker may be blocked before the worker ends."
    )
    shutdown_s_max: float = Field(10, ge=1, le=600, description="Seconds that a worker may take to stop after SIGTERM.")
    clock_apart_s_max: float = Field(
        60,
        ge=1,
        le=3600,
        description="Seconds that the machine's clock may differ from the broker's. Beyond that the broker's clock is"
        " used.",
    )
    away_days_max: float = Field(
        7,
        gt=0,
        le=365,
        description="Days that all workers may be stopped without loss. A source topic that keeps records for less"
        " time is refused.",
    )
    settle_s: float = Field(
        5,
        ge=0,
        le=3600,
        description="Seconds that an event may take from its time to the broker. A source that was read to its end"
        " counts as complete up to this long ago.",
    )
    notify_max_age_days: float = Field(
        3,
        gt=0,
        le=365,
        description="Days after which an alert notifies nobody: if it is older when it comes out, it goes to the"
        " history topic.",
    )
    false_alerts_per_client_year: Budget = Field(
        1.0,
        description="False silence alerts that a client may cause in a year: a higher number gives earlier and more"
        " alerts.",
    )
    false_declines_per_client_year: Budget = Field(
        0.5, description="False alerts of declines that a client may cause in a year, over all signals together."
    )
    false_overdue_per_client_year: Budget = Field(
        0.5, description="False alerts of overdue replies that a client may cause in a year."
    )
    segment_budgets: Annotated[Mapping[SegmentName, Budget], NoDecode, BeforeValidator(pairs)] = Field(
        default_factory=dict,
        description="False silence alerts that a client of a segment may cause in a year, for segments that differ"
        " from GHOSTING_FALSE_ALERTS_PER_CLIENT_YEAR: vip=4,retail=0.5, or a table in the file.",
    )
    session_hours: float = Field(
        20,
        gt=0,
        le=168,
        description="Hours between two interactions of a client below which they count as one contact.",
    )
    learning_gaps_min: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="Completed gaps that a segment needs before its alerts are published. Until then they are held"
        " back and counted.",
    )
    prior_file: Path | None = Field(
        None,
        description="File that `ghosting learn` made from a history. A shard that meets a segment for the first time"
        " begins with the segment's gaps in this file. A segment that the state knows already is not changed.",
    )
    rejected_share_max: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Share of a chunk's records that may be rejected before the worker ends: it then drains no topic"
        " after a bad deployment of a producer. 1 = it never ends for that.",
    )
    rejected_count_min: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="Rejections in a chunk below which a worker goes on, whatever GHOSTING_REJECTED_SHARE_MAX says.",
    )
    segments_max: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="Segments that a shard keeps statistics for. An event that names one more is rejected.",
    )
    chunk_records: int = Field(
        5000, ge=1, le=100_000, description="Records of one partition that a worker reads and parses together."
    )
    chunks_per_transaction: int = Field(
        4,
        ge=1,
        le=100,
        description="Full chunks that one Kafka transaction may cover, or the same number of records in smaller"
        " chunks. More chunks are faster, and alerts come out later.",
    )
    waiting_records_max: int = Field(
        200_000,
        ge=1000,
        le=10_000_000,
        description="Records of one source that may wait in a shard's memory for the other sources. Beyond that the"
        " source is paused.",
    )
    http_host: str = Field(
        "127.0.0.1",
        description="Address that /metrics, /health and /ready are served on. 0.0.0.0 makes them visible to other"
        " machines.",
    )
    http_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port that /metrics, /health and /ready are served on, such as 9464. 0 = they are not served.",
    )
    metrics_segments: Annotated[tuple[SegmentName, ...], NoDecode, BeforeValidator(listed)] = Field(
        (),
        max_length=METRICS_SEGMENTS_MAX,
        description="Segments with metrics of their own, besides those of GHOSTING_SEGMENT_BUDGETS. All others are"
        " counted together as `other`, so that no text of a record becomes a label.",
    )
    owners: Annotated[Mapping[OwnedName, OwnerName], NoDecode, BeforeValidator(pairs)] = Field(
        default_factory=dict,
        max_length=OWNERS_MAX,
        description="Owners who look after clients, by account id, or by segment for accounts that are not named:"
        " account-17=anna,vip=key-accounts, or a table in the file.",
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = Field(
        "INFO", description="Lowest level of log lines that are written. Client ids appear at DEBUG only."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto",
        description="Format of log lines: json = one object per line, text = for people, auto = text on a terminal,"
        " else json.",
    )
    data_dir: Path = Field(
        Path(".ghosting"), description="Folder for temporary files of a process. Nothing in it needs a backup."
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
    def settings_customise_sources(  # pydantic passes these; `load` calls the ones that we use
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use the arguments only: `load.load` has gathered them, and knows where each came from."""
        return (init_settings,)

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
        >>> Settings().source_of("meeting")
        'calls'
        >>> Settings(sources=("everything",)).source_of("meeting")
        'everything'
        """
        usual = KIND_SOURCES.get(kind)
        return usual if usual in self.sources else self.sources[0]


def variable(name: str) -> str:
    """Return the environment variable of a setting.

    Examples
    --------
    >>> variable("app_id")
    'GHOSTING_APP_ID'
    """
    return PREFIX + name.upper()


def fields() -> list[tuple[str, FieldInfo]]:
    """Return all settings with their fields, those of `ghosting receive` and `forward` last, because few need them."""
    last = [*ReceiveSettings.model_fields, *ForwardSettings.model_fields]
    return sorted(Settings.model_fields.items(), key=lambda item: last.index(item[0]) if item[0] in last else -1)
