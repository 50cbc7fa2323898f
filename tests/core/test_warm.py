"""The kernels are there before work begins."""

from detector.core.warm import warm_up


def test_a_record_of_nobodys_goes_through_everything():
    """It is read, applied, and taken back, in a shard that is thrown away."""
    assert warm_up() == 1
