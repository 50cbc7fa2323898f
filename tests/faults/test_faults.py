"""Whatever dies, and however often: alerts, rejections and rows are those of a run without a fault."""

import pytest

from tests.faults.drill import drill


@pytest.mark.parametrize(("seed", "nodes"), [(1, 1), (2, 3)])
def test_nothing_is_lost_and_nothing_comes_twice(seed, nodes, tmp_path):
    """The schedule of a seed leaves what a run without faults leaves, byte for byte, on one node and on three."""
    report = drill(seed, tmp_path, nodes=nodes)
    assert report.alerts > 0
    assert report.rejected > 0
    assert report.rerouted > 0
    assert report.compacted
