"""What the segments learned: how often a client with some mean gap stays silent for so long and comes back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.core.engine.shard import Shard
from detector.core.model.rhythm import population_e

MEAN_GAPS_DAYS = (3.0, 10.0, 30.0, 90.0)
TIMES_MEAN = tuple(float(round(times, 3)) for times in np.geomspace(0.25, 20, 41))
TOLD_TIMES_MEAN = (2.0, 3.0, 5.0, 10.0)


Segment = Any  # one record of layout.SEGMENT


@dataclass(frozen=True)
class SurvivalTable:
    """The table of a segment at the end of the log.

    Parameters
    ----------
    segment
        Its name.
    completed_gaps
        Gaps that it rests on.
    survival
        Per mean gap in days of `MEAN_GAPS_DAYS`: P(gap > t) at `TIMES_MEAN` times the mean gap.
    told
        The same at `TOLD_TIMES_MEAN`, for a table that people read.
    """

    segment: str
    completed_gaps: int
    survival: dict[float, list[float]]
    told: dict[float, list[float]]


def survival_tables(shards: Sequence[Shard]) -> list[SurvivalTable]:
    """Return a table per segment that has learned anything: of several shards the one that has learned most."""
    best: dict[str, Any] = {}
    for shard in shards:
        for name, segment in zip(shard.table.segment_names, shard.table.segments.contact, strict=False):
            if segment.fitted_gaps > (best[name].fitted_gaps if name in best else 0):
                best[name] = segment
    return sorted((_table(name, best[name]) for name in best), key=lambda table: -table.completed_gaps)


def _table(name: str, segment: Segment) -> SurvivalTable:
    return SurvivalTable(
        segment=name,
        completed_gaps=int(segment.fitted_gaps),
        survival={mean: [_survival(segment, mean, times) for times in TIMES_MEAN] for mean in MEAN_GAPS_DAYS},
        told={mean: [_survival(segment, mean, times) for times in TOLD_TIMES_MEAN] for mean in MEAN_GAPS_DAYS},
    )


def _survival(segment: Segment, mean_gap_days: float, times_mean: float) -> float:
    """P(gap > times x mean) for a client of long history, whose own and shrunk mean gaps are the same."""
    tail = segment.slope * (math.log(mean_gap_days) - segment.log_center)
    return math.exp(-population_e(segment, math.log(times_mean) - tail))
