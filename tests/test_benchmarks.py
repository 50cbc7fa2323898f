"""The benchmark's own rule, by which the alerts of all systems are counted."""

import importlib
from pathlib import Path

import pytest

from benchmarks import job

PROGRAMS = sorted((Path(job.__file__).parent / "accuracy").glob("[a-z]*.py"))
ROWS = [path for path in PROGRAMS if path.stem != "logs"]  # which the others share


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


@pytest.mark.parametrize("path", ROWS, ids=lambda path: path.stem)
def test_what_measures_accuracy_fits_the_detector(path):
    """Each part finds what it measures: nothing else runs these programs between two measurements."""
    module = importlib.import_module(f"benchmarks.accuracy.{path.stem}")
    assert callable(module.rows)


def test_the_kernels_are_measured_with_everything_on():
    """Orders with amounts, mails with lengths and mails of ours are what the measured batch is made of."""
    speed = importlib.import_module("benchmarks.accuracy.speed")
    _, effects = speed.seconds(speed.interactions()[:50_000].copy())
    assert effects > 0
