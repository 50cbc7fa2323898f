"""The benchmark's own rule, by which the alerts of all systems are counted."""

import pytest

from benchmarks import job


def rhythm(times):
    """Learn contacts at these times."""
    known = None
    for at in times:
        known = job.learned(known, at)
    return known


def test_the_mean_gap_fades_exponentially():
    """The first gap is the mean; each further one moves it by the fading factor, as River's EWMean has it."""
    assert rhythm([0]) == (1, 0, 0.0)
    assert rhythm([0, 5, 6, 8]) == (4, 8, pytest.approx(0.3 * 2 + 0.7 * (0.3 * 1 + 0.7 * 5)))


def test_an_alert_needs_eight_gaps_and_six_means():
    """The eighth gap is the first that can be too long, and it is too long only beyond six means."""
    assert not job.exceeds(rhythm(range(7)), 100.0)
    assert job.exceeds(rhythm(range(8)), 6.1)
    assert not job.exceeds(rhythm(range(8)), 6.0)
