"""The rhythm of one client's contacts, or of its orders alone, as a River anomaly detector."""

from collections.abc import Iterator
from typing import Any

from detector.core.clock import NO_TIME_OFF
from detector.core.model import rhythm
from detector.estimators.outlook import Features
from detector.estimators.segment import Segment
from detector.estimators.silence import Silence

_HOURS_PER_DAY = 24


class Rhythm(Silence):
    """Scores a silence by its percentile among the gaps that the client's rhythm explains.

    Teach it the times of contacts in order; a time older than the last one, or a record without a time, is passed over.
    Ask it by the time at which the client is (still) silent.

    Parameters
    ----------
    segment
        The clients that this one is compared with; None = a segment of its own.
    signal
        `contact` or `orders`: the table of the segment by which it is judged.
    session_hours
        Contacts less than this apart are one contact.
    at
        The feature that holds the time, in epoch seconds.

    Examples
    --------
    >>> from detector.estimators import Rhythm
    >>> day_s = 86400.0
    >>> ann = Rhythm()
    >>> for week in range(1, 11):
    ...     ann.learn_one({"at": 7 * week * day_s})
    >>> ann.score_one({"at": 71 * day_s}) < 0.5 < 0.8 < ann.score_one({"at": 97 * day_s})
    True
    >>> ann.expected_next.median_s < ann.expected_next.p90_s < ann.deadline_s
    True
    >>> [round(ann.probability_gone(day * day_s), 2) for day in (77, 97, 157)]
    [0.08, 0.21, 0.51]
    """

    def __init__(
        self, segment: Segment | None = None, signal: str = "contact", session_hours: float = 20.0, at: str = "at"
    ) -> None:
        if signal not in ("contact", "orders"):
            raise ValueError(f"{signal!r} is not a rhythm: choose contact or orders")
        if session_hours < 0:
            raise ValueError("session_hours should not be below 0")
        super().__init__(signal, segment, at)
        self.signal = signal
        self.session_hours = session_hours

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {}
        yield {"signal": "orders", "session_hours": 0.0}

    def learn_one(self, x: Features) -> None:
        """Take one contact in.

        Parameters
        ----------
        x
            Its features; only the time counts.
        """
        if self.at not in x or x[self.at] < self._silence.last_s:
            return
        self.segment.come_to(x[self.at])
        rhythm.learn_contact(
            self._silence, self._population, x[self.at], self.session_hours / _HOURS_PER_DAY, NO_TIME_OFF
        )
