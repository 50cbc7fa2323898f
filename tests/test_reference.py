"""The kernels against the study's own implementation of the silence rule, which lies beside the data sets."""

from benchmarks.accuracy import logs, reference
from tests.datasets import dataset


def test_the_kernels_give_the_numbers_of_the_reference(monkeypatch):
    """Each order's gap survival and each deadline of a real shop, to nine digits."""
    monkeypatch.setattr(logs, "DATA", dataset(logs.RETAIL).parent)
    monkeypatch.setattr(reference, "REFERENCE", dataset(f"../reference/{reference.REFERENCE.name}"))
    found = reference.differences()
    assert len(found) > 30_000
    assert max(found) <= 1e-9
