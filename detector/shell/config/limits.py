"""The limits of a worker: how long it waits, how much it holds in memory, and which differences it tolerates."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings


class LimitSettings(BaseSettings):
    """The settings that bound the time and the memory of a worker."""

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

    @model_validator(mode="after")
    def _chunk_fits(self) -> Self:
        if self.chunk_records > self.waiting_records_max:
            raise ValueError(
                "chunk_records should not be greater than waiting_records_max; lower the one or raise the other"
            )
        return self
