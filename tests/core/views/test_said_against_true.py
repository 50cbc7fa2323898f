"""What the last alerts said, against what came true: over shards, and over their last labels only."""

import numpy as np
import pytest

from detector.core.engine.shard import Shard
from detector.core.layout import LABELS_RECENT
from detector.core.views.said_against_true import said_against_true
from tests.builders import POLICY, interaction, run


def with_labels(*labels):
    """Give the table of a shard that learned labels: stage, chance that was said, and whether the client was silent."""
    table = Shard(POLICY).table
    posterior = table.moments.posterior[0]
    for k, (stage, said, silent) in enumerate(labels):
        posterior.recent_chances[k], posterior.recent_labels[k] = said, 2 * stage + silent
    posterior.labels = len(labels)
    return table


def test_nothing_is_known_at_first():
    """Zeros, so that every series exists."""
    nothing = said_against_true([])
    assert nothing == said_against_true([Shard(POLICY).table])
    assert nothing == (0, 0.0, 0.0, (0.0,) * 3, (0.0,) * 3)


def test_labels_of_all_shards_count_together():
    """Means by stage, and Brier scores over all, by hand."""
    tables = with_labels((0, 0.5, 1), (1, 0.25, 0)), with_labels((0, 1.0, 0))
    compared = said_against_true(tables)
    assert compared.labels == 3
    assert compared.brier == pytest.approx((0.5**2 + 0.25**2 + 1) / 3)
    assert compared.brier_constant == pytest.approx((0.5**2 + 0.5**2 + 0) / 3)
    assert compared.said == (0.75, 0.25, 0)
    assert compared.true == (0.5, 0, 0)


def test_the_last_labels_count_and_a_restart_changes_nothing():
    """Of 600 silences the last 500; they are durable."""
    names = [f"client-{k}" for k in range(600)]
    shard = Shard(POLICY)
    states = dict(run(shard, [interaction(7 * week, name) for week in range(5) for name in names], 29).states)
    states |= dict(run(shard, [], 120).states)
    posterior = shard.table.moments.posterior[0]
    assert posterior.labels >= 600
    compared = said_against_true([shard.table])
    assert compared.true[0] == 1
    assert 0 < compared.said[0] < 1
    assert (posterior.recent_labels != 0xFF).sum() == LABELS_RECENT
    restarted = Shard(POLICY)
    restarted.restore(states.items())
    assert said_against_true([restarted.table]) == compared
    assert np.isfinite(compared.brier)
