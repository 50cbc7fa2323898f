"""What an interaction costs in the kernels: one core, a million interactions of many clients, in random order.

All that a live shard does with a batch once it is columns: due transitions, duplicates, contacts, orders and their
values, questions of ours, replies and their times and lengths, deadlines, trends and their thresholds, and effects.
"""

import math
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.accuracy.logs import SESSION_DAYS, Row
from detector.core.clock import DAY_S
from detector.core.engine import apply
from detector.core.incidents.outbox import Rules
from detector.core.layout import INTERACTION, Records
from detector.core.model import segment
from detector.core.state.table import Table
from detector.core.wire.classify import classify
from detector.core.wire.fields import parsed_fields
from schemas.interaction import Interaction

CLIENTS, EVENTS, ROUNDS = 10_000, 1_000_000, 5
START_S, SPAN_S = 1.5e9, 3 * 365 * DAY_S
KINDS: dict[str, tuple[float, Interaction]] = {  # and their shares
    "order": (0.3, {"kind": "order", "direction": "inbound"}),
    "mail": (0.35, {"kind": "email", "direction": "inbound"}),
    "ours": (0.35, {"kind": "email", "direction": "outbound"}),
}


def interactions() -> Records:
    """Draw orders with amounts, mails with lengths, some of them replies to mails of ours."""
    rng = np.random.Generator(np.random.PCG64(1))
    shares = [share for share, _ in KINDS.values()]
    kinds = rng.choice(len(KINDS), EVENTS, p=shares)
    found = np.zeros(EVENTS, INTERACTION).view(np.recarray)
    for number, (_, one) in enumerate(KINDS.values()):
        found[kinds == number] = _event(one)
    found.at_s = found.key_s = START_S + np.sort(rng.uniform(0, SPAN_S, EVENTS))
    found.offset = np.arange(EVENTS)
    found.event = rng.integers(1, 2**62, EVENTS)
    found.row = rng.integers(0, CLIENTS, EVENTS)
    amounts, lengths = np.exp(rng.normal(5, 0.6, EVENTS)), np.exp(rng.normal(6, 0.8, EVENTS))
    found["values"][:, 2] = np.where(kinds == 0, amounts, np.nan)
    found["values"][:, 4] = np.where(kinds == 1, lengths, np.nan)
    return found


def _event(one: Interaction) -> Records:
    """What the kernels see of an interaction of this kind, by the only channel."""
    event = np.zeros(1, INTERACTION).view(np.recarray)
    classify(event[0], parsed_fields({"event_id": "e", "client_id": "c", "at": START_S, **one}), math.inf)
    event.channel = 1
    return event


def seconds(batch: Records) -> tuple[float, int]:
    """Processor time of a batch applied to a table of its own, refitted every tenth; -> and the effects."""
    table = Table(1, 1.0, {}, 0.5, {})
    for client in range(CLIENTS):
        table.row(f"c{client}")
    rules, slots, effects, taken = Rules(SESSION_DAYS, 0, 0.5, 2.5), np.empty(len(batch), np.int64), 0, 0.0
    arrays = table.arrays(len(batch))
    for part in np.array_split(np.arange(len(batch)), 10):
        some, start = batch[part[0] : part[-1] + 1], 0
        began = time.thread_time()
        while start < len(some):
            start = apply.apply(arrays, rules, some, start, slots)
            effects += int(table.effects_used[0])
            table.effects_used[0] = 0
        taken += time.thread_time() - began
        segment.refit(table.segments, 0)
    return taken, effects


def rows() -> Iterator[Row]:
    """The fastest of some rounds, which is the one least disturbed by others."""
    batch = interactions()
    seconds(batch[:1000].copy())  # compiles
    rounds = [seconds(batch.copy()) for _ in range(ROUNDS)]  # kernels complete the batch's values
    nanoseconds = min(taken for taken, _ in rounds) / EVENTS * 1e9
    yield Row(
        f"kernels with everything on, one core: {EVENTS:,} orders, mails and mails of ours, of {CLIENTS:,} clients,"
        f" {rounds[0][1]:,} effects",
        "<= 400 ns an event",
        f"{nanoseconds:.0f} ns",
        nanoseconds <= 400,
    )
