"""The engine alone, in this process: nanoseconds for an event from its bytes to its effects, for so many clients.

    engine.py CLIENTS SEGMENTS EVENTS      prints JSON

Every client is known before the clock starts. Each batch of 20,000 events is one day's and comes from 1,000 clients
drawn at random: so the number of rows that a batch changes and the daily refits weigh the same, and what differs is the
size of the tables. The best of three rounds counts.
"""

import gc
import json
import sys
import time

import numpy as np

from detector.core.engine.intake import Intake
from detector.core.engine.shard import Policy, Shard
from detector.core.wire.records import columns_of
from record import Record

EVENTS_PER_DAY = 20_000
BEGINNING_S = 1_000_000_000.0
CHUNK, CHUNKS = 5_000, 4  # as the worker's defaults
ACTIVE = 1_000
ROUNDS = 3
SOURCE = "emails"


def records(clients: list[int], segments: int, first: int) -> list[Record]:
    """Give one event for each of the clients, in this order."""
    step_s = 86_400 / EVENTS_PER_DAY
    return [
        Record(
            number,
            b"client-%07d" % client,
            b'{"event_id":"event-%09d","client_id":"client-%07d","kind":"email","at":%.3f,"direction":"inbound",'
            b'"channel":"email","segment":"segment-%02d","length":123}'
            % (number, client, BEGINNING_S + number * step_s, client % segments),
        )
        for number, client in enumerate(clients, first)
    ]


def read(shard: Shard, intake: Intake, read_in: list[Record]) -> None:
    """Read records as the worker does: so many chunks, then one advance."""
    for start in range(0, len(read_in), CHUNK * CHUNKS):
        for chunk in range(start, min(start + CHUNK * CHUNKS, len(read_in)), CHUNK):
            intake.read(SOURCE, columns_of(read_in[chunk : chunk + CHUNK]), time.time())
        shard.advance(shard.front_s(SOURCE))


def main() -> None:
    """Measure."""
    clients, segments, events = map(int, sys.argv[1:])
    gc.set_threshold(500_000, 20, 100)  # as the worker
    shard = Shard(Policy(sources=(SOURCE,)))
    intake = Intake(shard, {SOURCE: SOURCE}, 0, 1)
    read(shard, intake, records(list(range(clients)), segments, 0))
    random = np.random.default_rng(1)
    done, seconds = clients, []
    for _ in range(1 + ROUNDS):  # the first one warms up
        visited: list[int] = []
        while len(visited) < events:
            active = random.choice(clients, ACTIVE, replace=False)
            visited += random.choice(active, EVENTS_PER_DAY).tolist()
        measured = records(visited, segments, done)
        done += len(measured)
        began = time.perf_counter()
        read(shard, intake, measured)
        seconds.append((time.perf_counter() - began) / len(measured))
    print(json.dumps({"ns": 1e9 * min(seconds[1:])}))


main()
