"""The job that every system does, and how it says how far it is: all that the systems share.

Per client: a count, the last contact and an exponentially weighted mean gap. An alert when a gap exceeds six means,
from the eighth gap on. Standard library only, because each system runs in an environment of its own.
"""

import os
import time
from typing import NamedTuple

FADING = 0.3  # weight of the newest gap in the mean, as in river.stats.EWMean
MEANS = 6
GAPS_MIN = 8
KINDS = {"email": "emails", "call": "calls", "order": "orders"}
PARTITIONS = 4


class Rhythm(NamedTuple):
    """What is known of a client."""

    count: int
    last_s: float
    mean_s: float


def exceeds(rhythm: Rhythm, gap_s: float) -> bool:
    """Tell whether this gap is worth an alert; to be asked before it is learned."""
    return rhythm.count >= GAPS_MIN and gap_s > MEANS * rhythm.mean_s


def learned(rhythm: Rhythm | None, at_s: float) -> Rhythm:
    """Take one contact in."""
    if rhythm is None:
        return Rhythm(1, at_s, 0.0)
    gap_s = at_s - rhythm.last_s
    mean_s = gap_s if rhythm.count == 1 else FADING * gap_s + (1 - FADING) * rhythm.mean_s
    return Rhythm(rhythm.count + 1, at_s, mean_s)


def given(name: str) -> str:
    """Read what the benchmark tells a system in its environment."""
    return os.environ[f"BENCH_{name}"]


def sources() -> list[str]:
    """Name the three topics."""
    return [f"{given('DATASET')}.{source}" for source in KINDS.values()]


class Meter:
    """Writes down when how many events had been processed: `seconds count`, a line for every step."""

    def __init__(self) -> None:
        self._file = os.open(given("METER"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._step = int(given("STEP"))
        self._count, self._next = 0, 1

    def add(self, count: int = 1) -> None:
        """Count events."""
        self._count += count
        if self._count >= self._next:
            os.write(self._file, b"%f %d\n" % (time.time(), self._count))
            self._next = (self._count // self._step + 1) * self._step
