"""Which sources of a shard are paused: those that are far ahead of the others, until the others have caught up."""

from collections.abc import Mapping
from typing import NamedTuple


class Changes(NamedTuple):
    """The sources to pause and to resume now."""

    pause: set[str]
    resume: set[str]


class Pauses:
    """The paused sources of one shard. Pausing has hysteresis, so that a source does not flicker at the bound.

    Parameters
    ----------
    waiting_max
        A source is paused above so many waiting records, and resumed below half of them.

    Examples
    --------
    >>> pauses = Pauses(waiting_max=100)
    >>> pauses.update({"emails": 101, "orders": 0})
    Changes(pause={'emails'}, resume=set())
    >>> pauses.update({"emails": 50, "orders": 0}), pauses.update({"emails": 49, "orders": 0})
    (Changes(pause=set(), resume=set()), Changes(pause=set(), resume={'emails'}))
    """

    def __init__(self, waiting_max: int) -> None:
        self._waiting_max = waiting_max
        self._paused: set[str] = set()

    def update(self, waiting: Mapping[str, int]) -> Changes:
        """Take the numbers of waiting records by source; return what has to change."""
        pause = {source for source, count in waiting.items() if count > self._waiting_max} - self._paused
        resume = {source for source, count in waiting.items() if count < self._waiting_max / 2} & self._paused
        self._paused = (self._paused | pause) - resume
        return Changes(pause, resume)
