"""The signals that can decline: on which scale each is judged, which way is down, and what is expected beforehand.

A trend judges a signal on the scale on which its values scatter evenly, and tells its levels on the scale on which
they were measured. One table says it all; the kernels read its columns, as arrays by signal number.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, Literal, NamedTuple

import numpy as np

from schemas.incident import Signal


class Scale(IntEnum):
    """How a value is transformed before it is judged."""

    LOG = 0  # ln x: a level is a geometric mean
    LOG_COUNT = 1  # ln(1 + x): as LOG, for counts, which may be 0
    SIGNED_LOG = 2  # sign(x) ln(1 + |x|): for delays, which may be negative
    AS_IT_IS = 3  # for bounded values; of values that are 0 or 1 the level is their share


class Prior(NamedTuple):
    """Normal-Inverse-Gamma: the transformed values that are expected of a client without history.

    A small kappa leaves the level to the client's first values: amounts come in any currency, gaps from a day to a
    year. What the prior really brings is a scatter, which seven values alone would understate.
    """

    mean: float
    kappa: float  # values that the mean is worth
    a: float  # half the values that the scatter is worth
    b: float  # a times the variance


class Trait(NamedTuple):
    """What is particular to a signal."""

    name: Signal
    unit: Literal["days", "amount", "characters", "share", "score"]
    scale: Scale
    decline: int  # 1 = the signal declines as its values rise, -1 = as they fall
    fading: float  # weight of the newest score in the mean of scores
    prior: Prior


# Scatters lie between those of regular and of irregular clients. Realised over nominal false alarms with them, of
# simulated clients that do not change, at 30 to 100 values between false alarms, on the 8th to 15th value and later:
#   gaps of five laws 1.1-1.4 and .8; order values 1.1-1.7 and .6-.7; reply latencies 1.2-1.5 and .6-.7;
#   payment delays .7-1.3 and .4-.5; shares of .5 to .99 1.0-1.4 and .7-1.1; sentiment .8-1.0 and .5.
# (Later below nominal: the reference follows the values, and the threshold is made for logs, whose clients do change.)
# On the orders of a real shop, online_retail_ii, with one false alert a client-year: gaps .9, order values .8.
# A signal's number is stored with its trends, so a new one goes to the end.
TRAITS: Final = (
    Trait("contact_rate", "days", Scale.LOG, 1, 0.15, Prior(1.95, 0.01, 3.0, 1.5)),
    Trait("order_rate", "days", Scale.LOG, 1, 0.15, Prior(3.0, 0.01, 3.0, 1.5)),
    Trait("order_value", "amount", Scale.LOG, -1, 0.1, Prior(6.0, 0.01, 2.0, 0.7)),
    Trait("reply_latency", "days", Scale.LOG, 1, 0.1, Prior(-1.0, 0.01, 3.0, 2.5)),
    Trait("reply_length", "characters", Scale.LOG_COUNT, -1, 0.1, Prior(5.7, 0.01, 3.0, 1.0)),
    Trait("meetings_kept", "share", Scale.AS_IT_IS, -1, 0.1, Prior(0.9, 1.0, 3.0, 0.4)),
    Trait("payment_delay", "days", Scale.SIGNED_LOG, 1, 0.1, Prior(1.0, 0.01, 3.0, 2.0)),
    Trait("substance", "share", Scale.AS_IT_IS, -1, 0.1, Prior(0.9, 1.0, 3.0, 0.4)),
    Trait("sentiment", "score", Scale.AS_IT_IS, -1, 0.1, Prior(0.2, 0.01, 3.0, 0.15)),
)
SUBJECTS: Final[Mapping[Signal, str]] = {
    "contact_rate": "The time between its contacts",
    "order_rate": "The time between its orders",
    "order_value": "The value of its orders",
    "reply_latency": "The time that it takes to reply",
    "reply_length": "The length of its messages",
    "meetings_kept": "The share of meetings that it keeps",
    "payment_delay": "The delay of its payments",
    "substance": "The share of its messages that are about business",
    "sentiment": "The mood of its messages",
}
"""How a sentence about a signal begins."""
SIGNAL_NUMBER: Final = {trait.name: number for number, trait in enumerate(TRAITS)}

# The same as columns, as a kernel sees them.
LOG, LOG_COUNT, SIGNED_LOG = int(Scale.LOG), int(Scale.LOG_COUNT), int(Scale.SIGNED_LOG)
SCALES = np.array([trait.scale for trait in TRAITS], np.int64)
DECLINES = np.array([trait.decline for trait in TRAITS], np.float64)
FADINGS = np.array([trait.fading for trait in TRAITS], np.float64)
PRIORS = np.array([trait.prior for trait in TRAITS], np.float64)
# A level twice as high is twice as much of something; not so where values may be negative.
HAS_RATIO = np.array([trait.unit != "score" and trait.scale is not Scale.SIGNED_LOG for trait in TRAITS])
