"""What the clients of a segment have in common: the tables that each client's silences are judged by."""

import math

from river import base

from detector.core.clock import next_refit_s
from detector.core.layout import Records, new_segments
from detector.core.model import segment as population
from detector.estimators.outlook import Outlook


class Segment(base.Base):
    """The survival tables of a group of clients; share one among the estimators of its clients.

    Parameters
    ----------
    false_alerts_per_client_year
        The budget by which the deadlines of contacts and orders are set.
    false_overdue_per_client_year
        The budget by which the deadlines of replies are set.

    `outlook` is what the clients' chances of a return are told by. It has learned nothing, unless a shard gave it.

    Examples
    --------
    >>> from detector.estimators import Rhythm, Segment
    >>> segment = Segment(false_alerts_per_client_year=2.0)
    >>> ann, bob = Rhythm(segment), Rhythm(segment)
    >>> for day in range(7, 77, 7):
    ...     ann.learn_one({"at": 86400.0 * day})
    ...     bob.learn_one({"at": 86400.0 * (day + 1)})
    >>> segment.completed_gaps  # none before the fourth gap of a client, and those of today count tomorrow
    11
    """

    def __init__(self, false_alerts_per_client_year: float = 1.0, false_overdue_per_client_year: float = 0.5) -> None:
        if not (false_alerts_per_client_year > 0 and false_overdue_per_client_year > 0):
            raise ValueError("a budget should be above 0")
        self.false_alerts_per_client_year = false_alerts_per_client_year
        self.false_overdue_per_client_year = false_overdue_per_client_year
        self.rows = new_segments(1)
        self.rows.contact["budget"] = self.rows.orders["budget"] = false_alerts_per_client_year
        self.rows.reply["budget"] = false_overdue_per_client_year
        self.outlook = Outlook()
        self.name: str | None = None
        self._refit_s = -math.inf
        population.refit(self.rows, 0)

    def resume(self, name: str, rows: Records, outlook: Outlook, refit_s: float) -> None:
        """Go on from what a shard knows of a segment; `refit_s` is when it makes the tables anew."""
        self.name, self.rows, self.outlook = name, rows, outlook
        self._refit_s = refit_s if refit_s < math.inf else -math.inf  # without new gaps a refit changes nothing

    def come_to(self, at_s: float) -> None:
        """Set the clock to an instant: after each midnight (UTC) the tables are computed again from all gaps."""
        if at_s >= self._refit_s:
            population.refit(self.rows, 0)
            self._refit_s = next_refit_s(at_s)

    @property
    def completed_gaps(self) -> int:
        """Gaps between contacts that the table rests on."""
        return int(self.rows[0].contact.fitted_gaps)
