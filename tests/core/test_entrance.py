"""What a notebook imports from the core."""

import pytest

from detector import core
from detector.core.engine import shard


def test_a_notebook_gets_the_shard_and_its_policy_from_the_core():
    """Both names of the core are those of the engine, and come when they are asked for."""
    assert (core.Policy, core.Shard) == (shard.Policy, shard.Shard)


def test_the_core_has_no_other_names():
    """A mistyped name is an error like that of any module."""
    with pytest.raises(AttributeError, match="has no attribute 'Shards'"):
        _ = core.Shards
