"""What the rows share: where the data is, how a figure is told, and clients streamed through the bare kernels."""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detector.backtest.run import Backtest, backtest
from detector.core.clock import NO_TIME_OFF, TimeOff, next_refit_s
from detector.core.engine.shard import Policy
from detector.core.layout import SILENCE, Records, new_segments
from detector.core.model import rhythm
from detector.core.model import segment as population
from detector.files.files import read_batches

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("GHOSTING_DATA", ROOT.parent / "shared" / "data"))
RETAIL = "online_retail_ii.csv.gz"
MESSAGES = "copenhagen_cns.csv.gz"
CDNOW = ROOT / ".cache" / "lifetimes" / "lifetimes" / "datasets" / "CDNOW_master.txt"
SESSION_DAYS = 20 / 24

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Row(NamedTuple):
    """A line of the table; without a goal nothing can be reached."""

    what: str
    goal: str
    measured: str
    reached: bool | None


def found(path: Path, remedy: str) -> Path:
    """Give a file that a row needs, or end with what to do about it."""
    if not path.exists():
        sys.exit(f"accuracy: {path.name} is not there: {remedy}")
    return path


def retail() -> Path:
    """The orders of a shop, 2009-12 to 2011-12: Online Retail II, Chen (2012), UCI, CC BY 4.0."""
    return found(DATA / RETAIL, "set GHOSTING_DATA to the folder that has it")


def judged(batches: Iterable[Sequence[bytes]], budgets: list[float]) -> Backtest:
    """Run a log through a real shard that holds nothing back and knows nothing beforehand."""
    policy = Policy(sources=("log",), learning_gaps_min=0)
    return backtest(batches, policy=policy, budgets=budgets, partitions=1, route=lambda _: "log", now_s=time.time())


def messages() -> Path:
    """Calls and messages of 880 pairs of students, 28 days of 2014: Copenhagen Networks Study, MIT licence."""
    return found(DATA / MESSAGES, "set GHOSTING_DATA to the folder that has it")


def judged_retail(budgets: list[float]) -> Backtest:
    """The same for the shop's orders."""
    return judged(read_batches([str(retail())]), budgets)


class Streamed(NamedTuple):
    """Clients that had their contacts, and what they have in common."""

    silences: Records
    segments: Records

    def refit(self) -> None:
        """Make the table anew of what was learned, as a shard does at midnight."""
        population.refit(self.segments, 0)


def untaught(clients: int, budget: float) -> Streamed:
    """Clients that nobody has heard of, in a segment that has learned nothing."""
    silences: Any = np.zeros(clients, SILENCE).view(np.recarray)
    state = Streamed(silences, new_segments(1))
    state.segments["contact"]["budget"] = budget
    state.refit()
    return state


def streamed(client: Ints, at_s: Floats, budget: float) -> Streamed:
    """Take contacts in, in order of time, with a refit each midnight."""
    state = untaught(int(client.max()) + 1, budget)
    start = 0
    while start < len(at_s):
        stop = int(np.searchsorted(at_s, next_refit_s(float(at_s[start]))))
        _learn(*state, client[start:stop], at_s[start:stop], NO_TIME_OFF)
        state.refit()
        start = stop
    return state


@njit
def _learn(silences: Records, segments: Records, client: Ints, at_s: Floats, off: TimeOff) -> None:
    for i in range(len(at_s)):
        rhythm.learn_contact(silences[client[i]], segments[0].contact, at_s[i], SESSION_DAYS, off)
