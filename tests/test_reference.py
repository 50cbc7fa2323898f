"""The kernels against the study's own implementation of the silence rule, which lies beside the data sets."""

import numpy as np
import pytest

from benchmarks.accuracy import logs, reference
from detector.backtest.incidents import told_by
from detector.backtest.outlook import moments_of, reliability
from tests.datasets import dataset


def test_the_kernels_give_the_numbers_of_the_reference(monkeypatch):
    """Each order's gap survival and each deadline of a real shop, to nine digits."""
    monkeypatch.setattr(logs, "DATA", dataset(logs.RETAIL).parent)
    monkeypatch.setattr(reference, "REFERENCE", dataset(f"../reference/{reference.REFERENCE.name}"))
    found = reference.differences()
    assert len(found) > 30_000
    assert max(found) <= 1e-9


def test_the_outlook_is_that_of_the_reference(monkeypatch):
    """Each chance of a real shop's alerts to nine digits, the same labels, and the same posterior; and how good it is.

    The frozen numbers are those of the rules of today: another deadline or escalation moves them.
    """
    monkeypatch.setattr(logs, "DATA", dataset(logs.RETAIL).parent)
    monkeypatch.setattr(reference, "OUTLOOK", dataset(f"../reference/{reference.OUTLOOK.name}"))
    effects, moments, log = reference.alerts_of_the_shop()
    theirs, told = reference.outlook_of(effects)
    ours = np.stack([effects[name] for name in reference.CHANCES], axis=1)
    assert np.abs(ours[list(told)] - np.array(list(told.values()))).max() <= 1e-9
    theirs.advance(log.end_s)
    posterior = moments.posterior[0]
    assert posterior.labels == theirs.model.labels == 4967
    assert posterior.weights == pytest.approx(theirs.model.w, abs=1e-9)
    assert posterior.covariance == pytest.approx(np.array(theirs.model.p), abs=1e-9)
    assert moments.waiting.rates[0].tolist() == pytest.approx(theirs.model.own["default"], abs=1e-9)
    frozen = [-2.2626, -0.4323, -0.6455, -0.3215, -0.2032, -0.2262, -0.9017]
    assert posterior.weights == pytest.approx(frozen, abs=5e-5)
    judged = reliability(moments_of(told_by([effects], log)), log.end_s)
    assert [one.brier for one in judged] == pytest.approx([0.1984, 0.2189, 0.1661], abs=5e-5)
    assert all(one.brier < one.brier_constant for one in judged)
