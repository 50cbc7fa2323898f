"""The settings of the detection: budgets of false alerts, what counts as a contact, and what a segment has to learn."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode

from detector.shell.config.text import pairs

Budget = Annotated[float, Field(ge=0.001, le=365)]
SegmentName = Annotated[str, Field(min_length=1, max_length=64)]


class DetectionSettings(BaseSettings):
    """The settings that decide which alerts come out, and when."""

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
        description="Completed gaps that a segment needs before its alerts are published. Until then they are held"
        " back and counted.",
    )
    prior_file: Path | None = Field(
        None,
        description="File that `ghosting learn` made from a history. A shard that meets a segment for the first time"
        " begins with the segment's gaps in this file. A segment that the state knows already is not changed.",
    )
    segments_max: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="Segments that a shard keeps statistics for. An event with one more counts without its segment.",
    )
