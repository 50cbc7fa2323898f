"""What the segments learned: how often a client with some mean gap stays silent for so long and comes back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.core import population
from detector.core.layout import new_segments
from detector.core.rhythm import population_e
from detector.core.shard import Shard

MEAN_GAPS_DAYS = (3.0, 10.0, 30.0, 90.0)
TIMES_MEAN = tuple(float(round(times, 3)) for times in np.geomspace(0.25, 20, 41))
TOLD_TIMES_MEAN = (2.0, 3.0, 5.0, 10.0)


@dataclass(frozen=True)
class SurvivalTable:
    """The table of a segment at the end of the log.

    Parameters
    ----------
    segment
        Its name; "" is the segment of clients that were given none.
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
    """Give one table per segment that has learned anything; the sums of several shards are added up first."""
    numbers: dict[str, int] = {}
    for shard in shards:
        for name in shard.table.segment_names.words:
            numbers.setdefault(name, len(numbers))
    segments = new_segments(len(numbers))
    for shard in shards:
        for number, name in enumerate(shard.table.segment_names.words):
            for field in ("completed", "log_mean_sum", "settled", "settled_log_sum"):
                segments[field][numbers[name]] += shard.table.segments[field][number]
    tables = []
    for name, number in numbers.items():
        population.refit(segments, number)
        tables.append(_table(name, segments[number]))
    return sorted((table for table in tables if table.completed_gaps), key=lambda table: -table.completed_gaps)


def _table(name: str, segment: np.record) -> SurvivalTable:
    return SurvivalTable(
        segment=name,
        completed_gaps=int(segment.fitted_gaps),
        survival={mean: [_survival(segment, mean, times) for times in TIMES_MEAN] for mean in MEAN_GAPS_DAYS},
        told={mean: [_survival(segment, mean, times) for times in TOLD_TIMES_MEAN] for mean in MEAN_GAPS_DAYS},
    )


def _survival(segment: np.record, mean_gap_days: float, times_mean: float) -> float:
    """P(gap > times x mean) for a client of long history, whose own and shrunk mean gaps are the same."""
    tail = segment.slope * (math.log(mean_gap_days) - segment.log_center)
    return math.exp(-population_e(segment, math.log(times_mean) - tail))
