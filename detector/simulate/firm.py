"""The parameters of a simulated firm, checked once; whoever holds a `Firm` holds a valid one."""

import math
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo, available_timezones

from detector.simulate.gap_distributions import GAP_DISTRIBUTIONS, GapDistribution

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
"""Below it the distributions' shape parameters leave the range in which their draws are good."""
IRREGULARITY_MAX = 3.0
"""Above it most gaps are nil and a few are years: no rhythm at all."""


LOYALTY_MAX = 2.0
"""Above it the clients with few gaps all leave, and nobody else does."""
SEASON_DEPTH_MAX = 0.95
"""At 1 a day would stand still, and nothing could happen on it."""
SEASON_SPREAD_DAYS_MAX = 183.0
"""Half a year either way: each client has a season of its own."""

FadingSignal = Literal[
    "contact_rate",
    "order_value",
    "reply_latency",
    "length",
    "meetings_kept",
    "payment_delay",
    "substance",
    "sentiment",
]
FADING_SIGNALS: tuple[FadingSignal, ...] = get_args(FadingSignal)
"""What can get worse while a client fades; `length` is that of mails, chats and calls."""


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
        """Refuse values that make no outage."""
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
        Probability of each outcome, 0 to 1; the rest of the clients stay.
    loyalty
        How strongly clients that have been in contact for longer are the likelier to stay: the chance of ghosting or
        fading falls with the number of gaps so far to this power. 0 = it does not depend on the past.
    fade_depth
        How far the signals of a fading client get, 0 to 1: at 1 contacts become four times as rare.
    fading_signals
        How many of its eight signals (`FADING_SIGNALS`) fade together; each client draws which.
    season_depth
        How far the activity of all clients swings about its mean over the year: 0 = not, .5 = from half to one and a
        half. The low is on the first of August.
    season_spread_days
        How far a client's own low lies from that day at most: 0 = all clients together, 183 = each at its own time.
    law
        Distribution of the gaps (`GAP_DISTRIBUTIONS`); "mixed" lets every client draw one of the others.
    mean_gap_days_min, mean_gap_days_max
        Range of the clients' mean gaps in days, drawn log-uniformly.
    irregularity_min, irregularity_max
        Range of the gaps' standard deviation over their mean (near 0 is clockwork, 1 is a Poisson process), drawn
        log-uniformly. Distributions with pauses or a heavy tail add theirs.
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
    loyalty: float = 0.0
    fade_depth: float = 1.0
    fading_signals: int = len(FADING_SIGNALS)
    season_depth: float = 0.0
    season_spread_days: float = 0.0
    law: GapDistribution = "mixed"
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
        """Refuse parameters that cannot be simulated; the error names the parameter and its rule."""
        for holds, rule in self._rules():
            if not holds:
                raise ValueError(rule)

    def _rules(self) -> list[tuple[bool, str]]:
        shares = {each.name: getattr(self, each.name) for each in fields(self) if each.name.endswith("_share")}
        outcomes = self.ghosting_share, self.fading_share, self.pausing_share, self.seasonal_share, self.moving_share
        segments = self.key_account_share, self.small_share
        return [
            (self.clients >= 1, "clients must be 1 or more"),
            (1 <= self.days <= DAYS_MAX, f"days must be 1 to {DAYS_MAX}"),
            (self.seed >= 0, "seed must be 0 or more"),
            (self.end.tzinfo is not None, "end needs a time zone"),
            (self.end.year >= END_YEAR_MIN, f"end must be in {END_YEAR_MIN} or later"),
            *((0 <= share <= 1, f"{name} must be 0 to 1") for name, share in shares.items()),
            (math.fsum(outcomes) <= 1, "the shares of the outcomes must not add up to more than 1"),
            (math.fsum(segments) <= 1, "key_account_share and small_share must not add up to more than 1"),
            *self._rules_of_change(),
            (self.law in ("mixed", *GAP_DISTRIBUTIONS), f"law must be one of mixed, {', '.join(GAP_DISTRIBUTIONS)}"),
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

    def _rules_of_change(self) -> list[tuple[bool, str]]:
        signals, spread_max = len(FADING_SIGNALS), SEASON_SPREAD_DAYS_MAX
        return [
            (0 <= self.loyalty <= LOYALTY_MAX, f"loyalty must be 0 to {LOYALTY_MAX:g}"),
            (0 <= self.fade_depth <= 1, "fade_depth must be 0 to 1"),
            (1 <= self.fading_signals <= signals, f"fading_signals must be 1 to {signals}"),
            (0 <= self.season_depth <= SEASON_DEPTH_MAX, f"season_depth must be 0 to {SEASON_DEPTH_MAX}"),
            (0 <= self.season_spread_days <= spread_max, f"season_spread_days must be 0 to {spread_max:g}"),
        ]
