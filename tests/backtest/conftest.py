"""Logs that are small enough to judge by hand, and a way to run them."""

import json

import numpy as np
import pytest

from detector.backtest.alarms import Alarms
from detector.backtest.feed import feed
from detector.backtest.run import backtest
from detector.backtest.silences import silences_of
from detector.core.clock import DAY_S
from detector.core.engine.shard import Policy, Shard

START_S = 1_700_000_000.0


@pytest.fixture
def event():
    """Give a function that makes an interaction on a day."""

    def make(client, day, **fields):
        named = {"event_id": f"{client}-{day}", "client_id": client, "kind": "email", "direction": "inbound"}
        return {**named, "at": START_S + day * DAY_S, **fields}

    return make


@pytest.fixture
def read():
    """Give a function that lets shards take in interactions, or lines of a file; what is kept of them is the log."""

    def fed(events, shards=(), route=lambda _: "emails"):
        lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in events]
        shards = shards or [Shard(Policy(("emails",)))]
        return feed([lines], shards, route=route, now_s=START_S + 5000 * DAY_S)

    return fed


@pytest.fixture
def log_of(event, read):
    """Give a function that makes a log of one e-mail per client and day; it ends on the day given."""

    def make(end_day, **days):
        contacts = [event(client, day) for client, at_days in days.items() for day in at_days]
        return read([*contacts, event(next(iter(days)), end_day, direction="outbound")]).log()

    return make


@pytest.fixture
def silences(log_of):
    """Give the silences of two clients in 100 days.

    Ann is heard every ten days up to day 50 and comes back on day 90; Bob is heard every five days up to day 20.
    Ann's silences: 0-10, 10-20, 20-30, 30-40, 40-50, 50-90, 90-. Bob's: 0-5, 5-10, 10-15, 15-20, 20-.
    """
    return silences_of(log_of(100, ann=[0, 10, 20, 30, 40, 50, 90], bob=[0, 5, 10, 15, 20]), 20 / 24)


@pytest.fixture
def alarms():
    """Give a function that makes alarms of (silence, days, false)."""

    def make(*alarms):
        silence, days, false = zip(*alarms, strict=True) if alarms else ((), (), ())
        return Alarms(np.array(silence, np.int64), np.array(days, np.float64), np.array(false, np.bool_))

    return make


@pytest.fixture
def run():
    """Give a function that backtests interactions."""

    def judged(events, budgets=(1.0,), partitions=1, **policy):
        return backtest(
            [[json.dumps(one).encode() for one in events]],
            policy=Policy(**{"sources": ("emails", "orders"), "learning_gaps_min": 0, **policy}),
            budgets=budgets,
            partitions=partitions,
            route=lambda kind: "orders" if kind == "order" else "emails",
            now_s=START_S + 5000 * DAY_S,
        )

    return judged


@pytest.fixture
def firm(event):
    """Give the events of twenty clients that write every three to thirty days for two years, with pauses, and leave."""
    random = np.random.default_rng(7)
    events = []
    for number in range(20):
        mean, left = random.uniform(3, 30), random.uniform(300, 900)
        day = random.uniform(0, mean)
        while day < min(left, 730):
            kind = "order" if random.random() < 0.3 else "email"
            amount = {"amount": 100.0 * number} if kind == "order" else {}
            events.append(event(f"client-{number}", day, kind=kind, **amount))
            day += 1 + random.gamma(3, mean / 3) * (6 if random.random() < 0.05 else 1)
    return sorted(events, key=lambda one: one["at"])
