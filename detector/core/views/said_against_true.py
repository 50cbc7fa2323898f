"""What the last alerts said of their clients' return, against what came true: for those who watch the detector.

Of each shard the last `LABELS_RECENT` labels count. A label is a stage that is over: whether the client was silent all
through it, beside the chance of that which the alert had said. A restart changes no figure.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from detector.core.layout import NO_LABEL, STAGES
from detector.core.state.table import Table

STAGE_WORDS: Final = ("first_30_days", "30_to_90_days", "90_days_to_gone")


class SaidAgainstTrue(NamedTuple):
    """The labels of some shards; what is not known yet is 0.

    Parameters
    ----------
    labels
        How many were learned, ever.
    brier, brier_constant
        Mean squared difference of the last chances from what came true; and of the share of each stage, which is the
        best that a constant can say of it.
    said, true
        By stage, the mean chance and the share of clients that were silent through it.
    """

    labels: int
    brier: float
    brier_constant: float
    said: tuple[float, ...]
    true: tuple[float, ...]


def said_against_true(tables: Iterable[Table]) -> SaidAgainstTrue:
    """Compare the last labels of all of these shards with what was said."""
    posteriors = [table.moments.posterior[0] for table in tables]
    chances = np.concatenate([np.zeros(0), *(one.recent_chances for one in posteriors)]).astype(np.float64)
    labels = np.concatenate([np.zeros(0, np.uint8), *(one.recent_labels for one in posteriors)])
    learned = sum(int(one.labels) for one in posteriors)
    chances, labels = chances[labels != NO_LABEL], labels[labels != NO_LABEL]
    stages, silent = labels // 2, (labels % 2).astype(np.float64)
    counts = np.maximum(np.bincount(stages, minlength=STAGES), 1)
    said = np.bincount(stages, chances, STAGES) / counts
    true = np.bincount(stages, silent, STAGES) / counts
    count = max(len(labels), 1)
    return SaidAgainstTrue(
        learned,
        float(((chances - silent) ** 2).sum() / count),
        float(((true[stages] - silent) ** 2).sum() / count),
        tuple(said.tolist()),
        tuple(true.tolist()),
    )
