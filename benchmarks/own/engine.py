"""The engine alone, in this process: nanoseconds for an event from its bytes to its effects, for so many clients.

    engine.py CLIENTS SEGMENTS EVENTS      prints JSON

Every client is known before the clock starts. 20,000 events a day, so that the daily refits weigh the same whatever the
number of clients.
"""

import gc
import json
import sys
import time

import numpy as np
from record import Record

from detector.core.intake import Intake
from detector.core.shard import Policy, Shard

EVENTS_PER_DAY = 20_000
BEGINNING_S = 1_000_000_000.0
CHUNK, CHUNKS = 5_000, 4  # as the worker's defaults
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
            intake.take_in(SOURCE, read_in[chunk : chunk + CHUNK], time.time())
        shard.advance({SOURCE: shard.front_s(SOURCE)})


def main() -> None:
    """Measure."""
    clients, segments, events = map(int, sys.argv[1:])
    gc.set_threshold(500_000, 20, 100)  # as the worker
    shard = Shard(Policy(sources=(SOURCE,)))
    intake = Intake(shard, {SOURCE: SOURCE}, 0, 1)
    read(shard, intake, records(list(range(clients)), segments, 0))
    visited = np.random.default_rng(1).integers(0, clients, 2 * events).tolist()
    read(shard, intake, records(visited[:events], segments, clients))
    measured = records(visited[events:], segments, clients + events)
    began = time.perf_counter()
    read(shard, intake, measured)
    seconds = time.perf_counter() - began
    print(json.dumps({"ns": 1e9 * seconds / events}))


main()
