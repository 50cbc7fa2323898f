"""Will a silent client be heard again? The detector's outlook model as a River classifier."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from river import base

from detector.core.layout import FACTS, STAGES, Records
from detector.core.model import return_chance

Features = dict[base.typing.FeatureName, Any]

_FACTS = ("at", "gaps", "mean_gap_days", "survival", "lasting_30", "lasting_90", "lasting_gone", "gone_after_days")


class Chances(NamedTuple):
    """P(not heard for 30, 90, `gone_after_days` more days); eight in ten times the last lies from `low` to `high`."""

    no_contact_in_30_days: float
    no_contact_in_90_days: float
    gone: float
    gone_low: float
    gone_high: float


class Outlook(base.Classifier):
    """Learns how often clients are not heard again, from what followed earlier silences.

    A record describes one silence at one instant (`Rhythm.moment` makes it) and names a `stage` of what follows: 0 is
    the first 30 days, 1 goes on to day 90 and 2 to day `gone_after_days`. The class is whether the client was silent
    all through the stage, given that it was silent up to it. Teach each stage when it is over, in the order of time,
    also of a client that returned at once: who teaches returns when they happen teaches the early ones first, and
    forecasts too many.

    Parameters
    ----------
    segment
        The feature that names the group of clients; each has one number of its own, shrunk towards all. It may be
        missing.

    Examples
    --------
    >>> from detector.estimators import Outlook, Rhythm
    >>> day_s = 86400.0
    >>> ann, outlook = Rhythm(), Outlook()
    >>> for week in range(1, 11):
    ...     ann.learn_one({"at": 7 * week * day_s})
    >>> silent = ann.moment(ann.deadline_s)
    >>> [round(chance, 2) for chance in outlook.chances(silent)[:3]]
    [0.44, 0.27, 0.25]

    Ten clients in such a silence were all heard within the 30 days:

    >>> for _ in range(10):
    ...     outlook.learn_one({**silent, "stage": 0}, False)
    >>> [round(chance, 2) for chance in outlook.chances(silent)[:3]]
    [0.25, 0.1, 0.09]
    >>> round(outlook.predict_proba_one({**silent, "stage": 0})[True], 2)
    0.25
    """

    def __init__(self, segment: str = "segment") -> None:
        self.segment = segment
        self.posterior = return_chance.new_posterior()
        self._rates: dict[Any, Records] = {}
        self._facts = np.zeros(1, FACTS).view(np.recarray)

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {}

    @property
    def _multiclass(self) -> bool:
        return False

    def resume(self, posterior: Records, rates: dict[Any, Records]) -> None:
        """Go on from what a shard has learned: its posterior, and the own rate of each segment."""
        self.posterior, self._rates = posterior, rates

    @property
    def labels(self) -> int:
        """How many stages were learned."""
        return int(self.posterior[0].labels)

    def _take(self, x: Features) -> tuple[Any, Any] | None:
        """Return the facts and the segment's rate as kernels see them, or None if a feature is missing."""
        if any(name not in x or not math.isfinite(x[name]) for name in _FACTS):
            return None
        facts, rate = self._facts[0], self._rates.get(x.get(self.segment), return_chance.new_own_rates(1))
        facts.gaps, facts.mean_gap_days, facts.survival = x["gaps"], x["mean_gap_days"], x["survival"]
        facts.lasting[:] = x["lasting_30"], x["lasting_90"], x["lasting_gone"]
        facts.gone_after_days = x["gone_after_days"]
        return facts, rate

    def chances(self, x: Features) -> Chances | None:
        """The probabilities that an alert at this instant would tell; None if a feature is missing."""
        taken = self._take(x)
        if taken is None:
            return None
        chances, between = np.empty(STAGES), np.empty(2)
        return_chance.fill_chances(chances, between, self.posterior[0], taken[1][0], taken[0])
        return Chances(*chances.tolist(), *between.tolist())

    def predict_proba_one(self, x: Features, **_: Any) -> dict[base.typing.ClfTarget, float]:  # noqa: ANN401 - River's
        """P(silent all through the stage); even if a feature is missing."""
        told = self.chances(x)
        if told is None:
            return {False: 0.5, True: 0.5}
        stage = x.get("stage", 0)
        silent = told[stage] / told[stage - 1] if stage else told[0]
        return {False: 1.0 - silent, True: silent}

    def learn_one(self, x: Features, y: base.typing.ClfTarget) -> None:
        """Take one label in.

        Parameters
        ----------
        x
            The silence as it was, and the stage that is over now.
        y
            Whether the client was silent all through the stage.
        """
        taken = self._take(x)
        if taken is not None:
            facts, rate = taken
            self._rates[x.get(self.segment)] = rate
            return_chance.learn(self.posterior[0], rate[0], facts, x["at"], x.get("stage", 0), bool(y))
