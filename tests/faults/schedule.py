"""What goes wrong, and when: drawn from a seed, so that it can be repeated."""

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Literal, NamedTuple

Kind = Literal[
    "kill",  # kill -9 of a worker; its supervisor starts another one
    "kill in restore",  # just after it was assigned shards, with the broker's answers held back
    "kill in commit",  # with the broker's answers held back, while it works
    "term",  # SIGTERM; another one is started
    "zombie",  # SIGSTOP for longer than the session timeout, then SIGCONT
    "node",  # kill -9 of a Kafka node, and its restart
    "cut",  # connections are broken off, and refused for a while
    "stall",  # connections say nothing for a while
    "add",  # one more worker
    "remove",  # one worker less
    "burst",  # many interactions at once
]
WEIGHTS: dict[Kind, int] = {
    "kill": 4,
    "kill in restore": 2,
    "kill in commit": 2,
    "term": 3,
    "zombie": 2,
    "node": 2,
    "cut": 3,
    "stall": 2,
    "add": 1,
    "remove": 1,
    "burst": 3,
}


class Fault(NamedTuple):
    """One thing that goes wrong: after a pause, for a while, and which of those that it may strike."""

    kind: Kind
    pause_s: float
    lasts_s: float
    choice: int


class Schedule(NamedTuple):
    """All of a run."""

    seed: int
    nodes: int
    workers: int
    faults: list[Fault]

    def kinds(self) -> Counter[str]:
        """Count the faults by kind."""
        return Counter(fault.kind for fault in self.faults)


def drawn(seed: int, session_s: float, *, nodes: int | None = None, faults: int = 6) -> Schedule:
    """Draw a schedule.

    >>> drawn(7, 6.0) == drawn(7, 6.0), drawn(7, 6.0) == drawn(8, 6.0)
    (True, False)
    """
    chance = Random(seed)
    drawn_nodes = chance.choices((1, 3), (4, 1))[0]
    size, workers = nodes or drawn_nodes, chance.choice((2, 3))
    return Schedule(seed, size, workers, list(_faults(chance, session_s, faults)))


def _faults(chance: Random, session_s: float, count: int) -> Iterator[Fault]:
    kinds, weights = zip(*WEIGHTS.items(), strict=True)
    for _ in range(count):
        kind: Kind = chance.choices(kinds, weights)[0]
        longest_s = session_s + 3 if kind == "zombie" else session_s * 1.5 if kind in ("cut", "stall") else 3.0
        shortest_s = session_s + 1 if kind == "zombie" else 0.0
        yield Fault(kind, chance.uniform(0.1, 5.0), chance.uniform(shortest_s, longest_s), chance.randrange(1 << 16))
