"""What a rhythm says of the silence after the last contact, order or question: shared by `Rhythm` and `Replies`."""

import math
from typing import Any, NamedTuple

import numpy as np
from river import base

from detector.core.clock import NEVER_S, NO_TIME_OFF
from detector.core.incidents.effect import EFFECT, fill_facts, fill_silence
from detector.core.layout import Records, new_clients
from detector.core.lifecycle import State
from detector.estimators.outlook import Chances, Features
from detector.estimators.segment import Segment


class ExpectedNext(NamedTuple):
    """When the next contact is expected, in epoch seconds."""

    median_s: float
    p90_s: float


class Silence(base.AnomalyDetector):
    """How unusual a silence is for one client; what it learns from is up to the classes below.

    Parameters
    ----------
    of
        Which silence of the rows: `contact`, `orders` or `reply`.
    segment
        The clients that this one is compared with; None = a segment of its own.
    at
        The feature that holds the time, in epoch seconds.
    """

    def __init__(self, of: str, segment: Segment | None, at: str) -> None:
        self.segment = Segment() if segment is None else segment
        self.at = at
        self._of = of
        self._clients = new_clients(1)

    def resume(self, clients: Records) -> None:
        """Go on from what a shard knows of a client: its row, alone."""
        self._clients = clients

    @property
    def _silence(self) -> Any:  # noqa: ANN401 - a record of layout.SILENCE
        return self._clients[self._of][0]

    @property
    def _population(self) -> Any:  # noqa: ANN401 - a record of layout.POPULATION
        return self.segment.rows[self._of][0]

    def _effect(self, at_s: float) -> Any:  # noqa: ANN401 - a record of effect.EFFECT
        """The numbers that an alert at this instant would tell."""
        effect = np.zeros(1, EFFECT).view(np.recarray)[0]
        effect.at_s = at_s
        fill_silence(effect, self._silence, self._population, NO_TIME_OFF)
        fill_facts(effect, self._silence, self._population, NO_TIME_OFF)
        return effect

    def score_one(self, x: Features) -> float:
        """The percentile of the silence at this time: 1 - P(a gap lasts longer).

        0 while nothing can be said: before the third gap, or without a time.
        """
        return (self.percentile(x[self.at]) or 0.0) if self.at in x else 0.0

    @property
    def gaps(self) -> int:
        """Gaps seen."""
        return int(self._silence.gaps)

    @property
    def last_s(self) -> float | None:
        """When the silence began, in epoch seconds; None = there is none."""
        return float(self._silence.last_s) or None

    @property
    def deadline_s(self) -> float | None:
        """When the silence begins (or began) to exceed what the rhythm explains, in epoch seconds; None = never."""
        incident = self._silence.incident
        at_s = float(incident.next_s if incident.state == State.QUIET else incident.opened_s)
        return at_s if at_s < NEVER_S else None

    @property
    def expected_next(self) -> ExpectedNext | None:
        """When one in two and nine in ten such silences have ended; None before the third gap."""
        effect = self._effect(0.0)
        median_s, p90_s = _known(effect.median_s), _known(effect.p90_s)
        return None if median_s is None or p90_s is None else ExpectedNext(median_s, p90_s)

    def percentile(self, at_s: float) -> float | None:
        """Share of this client's gaps that are shorter than the silence at an instant; None before the third gap."""
        survival = _known(self._effect(at_s).survival)
        return None if survival is None else 1 - survival

    def moment(self, at_s: float) -> Features:
        """What the chance of a return depends on, if the client is silent until an instant: features for `Outlook`.

        Without what is not known before the third gap.
        """
        facts = self._effect(at_s).facts
        if facts.mean_gap_days == 0:
            return {"at": at_s}
        lasting = zip(("lasting_30", "lasting_90", "lasting_gone"), facts.lasting.tolist(), strict=True)
        names = ("gaps", "mean_gap_days", "survival", "gone_after_days")
        return {"at": at_s, **{name: facts[name].item() for name in names}, **dict(lasting)}

    def chances(self, at_s: float) -> Chances | None:
        """The chances that it is not heard after an instant, if it is silent until then; None before the third gap."""
        return self.segment.outlook.chances({**self.moment(at_s), self.segment.outlook.segment: self.segment.name})

    def probability_gone(self, at_s: float) -> float | None:
        """P(the client is not heard any more), if it is silent until an instant; None before the third gap."""
        told = self.chances(at_s)
        return None if told is None else told.gone

    def probability_no_contact_in_30_days(self, at_s: float) -> float | None:
        """P(nothing is heard in the 30 days after an instant), if it is silent until then; None before the third."""
        told = self.chances(at_s)
        return None if told is None else told.no_contact_in_30_days


def _known(number: float) -> float | None:
    return None if math.isnan(number) else float(number)
