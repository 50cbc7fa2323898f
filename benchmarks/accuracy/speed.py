"""What an interaction costs in the kernels: one core, a million orders of fifty thousand clients, in random order."""

import time
from collections.abc import Iterator

import numpy as np
from numba import njit

from benchmarks.accuracy.logs import SESSION_DAYS, Floats, Ints, Row, untaught
from detector.core import rhythm, trend
from detector.core.clock import DAY_S
from detector.core.layout import Records, new_trends
from detector.core.signals import NUMBER

CLIENTS, EVENTS, ROUNDS = 50_000, 1_000_000, 5
SPAN_S = 3 * 365 * DAY_S
SIGNALS = ("contact_rate", "order_rate", "order_value")


@njit
def learn(silences: Records, segments: Records, trends: Records, client: Ints, at_s: Floats, amount: Floats) -> None:
    """What an order means to its client: a contact, its rhythm, and its value."""
    for i in range(len(at_s)):
        silence = silences[client[i]]
        first = 3 * client[i]
        if silence.last_s > 0:
            days = (at_s[i] - silence.last_s) / DAY_S
            trend.learn_value(trends[first], at_s[i], days)
            trend.learn_value(trends[first + 1], at_s[i], days)
        trend.learn_value(trends[first + 2], at_s[i], amount[i])
        rhythm.learn_contact(silence, segments[0], at_s[i], SESSION_DAYS)
        for k in range(3):
            trend.crossed(trends[first + k], segments[0].budget)


def rows() -> Iterator[Row]:
    """The fastest of some rounds, which is the one least disturbed by others."""
    rng = np.random.Generator(np.random.PCG64(1))
    client = rng.integers(0, CLIENTS, EVENTS)
    at_s = 1.5e9 + np.sort(rng.uniform(0, SPAN_S, EVENTS))
    amount = np.exp(rng.normal(5, 0.6, EVENTS))
    seconds = []
    for count in (1000, *[EVENTS] * ROUNDS):  # the first compiles
        state = untaught(CLIENTS, 1.0)
        trends = new_trends([NUMBER[signal] for signal in SIGNALS] * CLIENTS)
        began = time.thread_time()
        learn(*state, trends, client[:count], at_s[:count], amount[:count])
        seconds.append(time.thread_time() - began)
    nanoseconds = min(seconds[1:]) / EVENTS * 1e9
    yield Row(
        f"kernels, one core: an order with its silence, deadline and {len(SIGNALS)} trends",
        "<= 400 ns an event",
        f"{nanoseconds:.0f} ns",
        nanoseconds <= 400,
    )
