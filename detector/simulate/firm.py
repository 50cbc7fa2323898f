"""The parameters of a simulated firm, checked once; whoever holds a `Firm` holds a valid one."""

import math
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from detector.simulate.laws import LAWS, Law

SOURCES: dict[str, tuple[str, ...]] = {
    "emails": ("email", "message"),
    "calls": ("call", "meeting"),
    "orders": ("order", "payment", "ticket"),
}
"""Which kinds an outage of a source takes away: the detector's default sources."""

DAYS_MAX = 3660
"""Ten years; activity is kept per client and day, and longer histories teach nothing new."""
END_YEAR_MIN = 2001
"""Interactions have no times before 1990."""
GAP_DAYS_MIN = 0.1
"""Below it contacts are many a day, and the detector would take each day for one."""
IRREGULARITY_MIN = 0.05
"""Below it the laws' shape parameters leave the range in which their draws are good."""
IRREGULARITY_MAX = 3.0
"""Above it most gaps are nil and a few are years: no rhythm at all."""


class Mix(NamedTuple):
    """Weights of what a contact is; each client draws its own mix around them. Payments follow from orders.

    The field names are the kinds of `Interaction`.
    """

    email: float = 0.40
    call: float = 0.15
    meeting: float = 0.08
    message: float = 0.12
    order: float = 0.18
    ticket: float = 0.07


STANDARD_MIX = Mix()


@dataclass(frozen=True)
class Outage:
    """A stretch in which nothing of one source was recorded, though it happened.

    Parameters
    ----------
    source
        One of `SOURCES`.
    start, end
        The stretch, `end` excluded; with a time zone.

    """

    source: str
    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse what cannot be an outage."""
        if self.source not in SOURCES:
            raise ValueError(f"outage source must be one of {', '.join(SOURCES)}, not {self.source!r}")
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("outage start and end need a time zone")
        if self.start >= self.end:
            raise ValueError("outage must end after it starts")


@dataclass(frozen=True)
class Firm:
    """A firm and the span it is watched for.

    Parameters
    ----------
    clients
        Number of clients.
    days
        Length of the span, in days.
    seed
        Same seed and parameters, same bytes. Client k is the same whatever the number of clients.
    end
        End of the span, with a time zone; every event is before it.
    ghosting_share, fading_share, pausing_share, seasonal_share, moving_share
        Probability of each fate, 0 to 1; the rest of the clients stay.
    law
        Distribution of the gaps; "mixed" lets every client draw one of the others.
    mean_gap_days_min, mean_gap_days_max
        Range of the clients' mean gaps in days, drawn log-uniformly.
    irregularity_min, irregularity_max
        Range of the gaps' standard deviation over their mean (near 0 is clockwork, 1 is a Poisson process), drawn
        log-uniformly. Laws with pauses or a heavy tail add theirs.
    mix
        Weights of what a contact is.
    key_account_share, small_share
        Probability of these segments, 0 to 1; the rest are "standard".
    evening_share
        Probability that a client writes in the evening (18 to 22) rather than in business hours (8 to 18).
    newsletter_share
        Probability that a client gets our newsletter every four weeks.
    out_of_office_share
        Probability that an e-mail of ours is answered by a machine.
    time_zone
        Name of the firm's time zone; business hours are kept in it.
    outages
        Feeds that failed for a stretch. They hide events; they change nothing else.

    Examples
    --------
    >>> Firm(clients=10, days=90).start.isoformat()
    '2025-10-03T00:00:00+00:00'

    """

    clients: int = 300
    days: int = 365
    seed: int = 1
    end: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    ghosting_share: float = 0.12
    fading_share: float = 0.08
    pausing_share: float = 0.06
    seasonal_share: float = 0.04
    moving_share: float = 0.04
    law: Law = "mixed"
    mean_gap_days_min: float = 1.5
    mean_gap_days_max: float = 90.0
    irregularity_min: float = 0.15
    irregularity_max: float = 1.2
    mix: Mix = STANDARD_MIX
    key_account_share: float = 0.1
    small_share: float = 0.4
    evening_share: float = 0.05
    newsletter_share: float = 0.5
    out_of_office_share: float = 0.03
    time_zone: str = "Europe/Berlin"
    outages: tuple[Outage, ...] = ()

    @property
    def start(self) -> datetime:
        """Beginning of the span."""
        return self.end - timedelta(days=self.days)

    @property
    def monday(self) -> date:
        """The Monday from which days are counted: on or before the start, in the firm's time zone."""
        day = self._local_date(self.start)
        return day - timedelta(days=day.weekday())

    @property
    def first_day(self) -> int:
        """Number of the day of the start."""
        return (self._local_date(self.start) - self.monday).days

    @property
    def last_day(self) -> int:
        """Number of the day of the end."""
        return (self._local_date(self.end) - self.monday).days

    def _local_date(self, at: datetime) -> date:
        return at.astimezone(ZoneInfo(self.time_zone)).date()

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated, naming the parameter and its rule."""
        for holds, rule in self._rules():
            if not holds:
                raise ValueError(rule)

    def _rules(self) -> list[tuple[bool, str]]:
        shares = {each.name: getattr(self, each.name) for each in fields(self) if each.name.endswith("_share")}
        fates = self.ghosting_share, self.fading_share, self.pausing_share, self.seasonal_share, self.moving_share
        segments = self.key_account_share, self.small_share
        return [
            (self.clients >= 1, "clients must be 1 or more"),
            (1 <= self.days <= DAYS_MAX, f"days must be 1 to {DAYS_MAX}"),
            (self.seed >= 0, "seed must be 0 or more"),
            (self.end.tzinfo is not None, "end needs a time zone"),
            (self.end.year >= END_YEAR_MIN, f"end must be in {END_YEAR_MIN} or later"),
            *((0 <= share <= 1, f"{name} must be 0 to 1") for name, share in shares.items()),
            (math.fsum(fates) <= 1, "the shares of the fates must not add up to more than 1"),
            (math.fsum(segments) <= 1, "key_account_share and small_share must not add up to more than 1"),
            (self.law in ("mixed", *LAWS), f"law must be one of mixed, {', '.join(LAWS)}"),
            (
                GAP_DAYS_MIN <= self.mean_gap_days_min <= self.mean_gap_days_max < math.inf,
                f"mean_gap_days_min must be {GAP_DAYS_MIN} or more, and mean_gap_days_max not less than it",
            ),
            (
                IRREGULARITY_MIN <= self.irregularity_min <= self.irregularity_max <= IRREGULARITY_MAX,
                f"irregularity_min and _max must be {IRREGULARITY_MIN} to {IRREGULARITY_MAX}, in this order",
            ),
            (
                all(0 <= weight < math.inf for weight in self.mix) and sum(self.mix) > 0,
                "mix needs weights of 0 or more, at least one of them positive",
            ),
            (self.time_zone in available_timezones(), f"time_zone {self.time_zone!r} is not known, try Europe/Berlin"),
        ]
