"""Who a client is: everything drawn once for it, before anything happens."""

import math
from dataclasses import dataclass

import numpy as np

from detector.simulate.firm import Firm, Mix
from detector.simulate.gap_distributions import GAP_DISTRIBUTIONS, GapDistribution
from detector.simulate.hours import EVENING, OFFICE, Hours

VALUE_PER_YEAR = {"key_account": 120_000.0, "standard": 20_000.0, "small": 3_000.0}
"""Median of the yearly order value by segment, in the client's currency."""
CURRENCIES = ("EUR", "EUR", "EUR", "USD", "GBP")
"""Drawn with equal chances."""
PAYMENT_TERMS_DAYS = (14, 30)
MIX_CONCENTRATION = 8.0
"""How close a client's mix is to the firm's; at 8 one client hardly calls and another hardly writes."""
YEAR_DAYS = 365.25


@dataclass(frozen=True)
class Client:
    """A client and its habits."""

    number: int
    segment: str
    currency: str
    value_per_year: float
    gap_distribution: GapDistribution
    mean_gap_days: float
    irregularity: float
    kind_shares: tuple[float, ...]
    """Of each kind of contact, in the order of `Mix`."""
    writing_hours: Hours
    reply_latency_h: float
    """Median."""
    mail_length: float
    """Median, in characters."""
    payment_terms_days: int
    payment_delay_days: float
    """Mean, after the due date; negative for those who pay early."""
    newsletter: bool

    @property
    def client_id(self) -> str:
        """Id of the client in the events."""
        return f"client-{self.number:04d}"

    @property
    def order_amount(self) -> float:
        """Typical amount of an order, such that a year's orders make the yearly value."""
        share = self.kind_shares[Mix._fields.index("order")]
        return self.value_per_year * self.mean_gap_days / (YEAR_DAYS * share)


def draw_client(firm: Firm, number: int, rng: np.random.Generator) -> Client:
    """Draw a client from its own stream."""
    segment = _segment(firm, rng.random())
    # The order of the draws is fixed: a parameter that is used later does not change what was drawn before.
    return Client(
        number=number,
        segment=segment,
        currency=CURRENCIES[int(rng.integers(len(CURRENCIES)))],
        value_per_year=round(VALUE_PER_YEAR[segment] * rng.lognormal(0, 0.5), 2),
        gap_distribution=_gap_distribution(firm, rng),
        mean_gap_days=_log_uniform(firm.mean_gap_days_min, firm.mean_gap_days_max, rng),
        irregularity=_log_uniform(firm.irregularity_min, firm.irregularity_max, rng),
        kind_shares=_kind_shares(firm.mix, rng),
        writing_hours=EVENING if rng.random() < firm.evening_share else OFFICE,
        reply_latency_h=_log_uniform(1, 24, rng),
        mail_length=_log_uniform(200, 1500, rng),
        payment_terms_days=PAYMENT_TERMS_DAYS[int(rng.integers(len(PAYMENT_TERMS_DAYS)))],
        payment_delay_days=rng.uniform(-3, 8),
        newsletter=rng.random() < firm.newsletter_share,
    )


def _gap_distribution(firm: Firm, rng: np.random.Generator) -> GapDistribution:
    return GAP_DISTRIBUTIONS[int(rng.integers(len(GAP_DISTRIBUTIONS)))] if firm.law == "mixed" else firm.law


def _segment(firm: Firm, chance: float) -> str:
    if chance < firm.key_account_share:
        return "key_account"
    return "small" if chance < firm.key_account_share + firm.small_share else "standard"


def _kind_shares(mix: Mix, rng: np.random.Generator) -> tuple[float, ...]:
    # A Dirichlet draw, as gammas over their sum: this way a weight of nil is allowed.
    weights = rng.standard_gamma(MIX_CONCENTRATION * np.array(mix) / sum(mix))
    return tuple((weights / weights.sum()).tolist())


def _log_uniform(low: float, high: float, rng: np.random.Generator) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))
