"""How long a shard of a killed worker is without one that works on it, and what that time is made of."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

Entry = dict[str, Any]


class TakeOver(NamedTuple):
    """From a kill -9 to the first commit of the heir, in seconds."""

    total_s: float
    assigned_s: float
    """Until the group has noticed and handed the shard out again."""
    restored_s: float
    """From there until its state is back."""
    committed_s: float
    """From there until the first commit."""


def longest(killed_at: Iterable[tuple[float, set[int]]], entries: list[Entry]) -> TakeOver | None:
    """Find the longest one.

    Parameters
    ----------
    killed_at
        When workers were killed, and which shards they had.
    entries
        What all workers logged.
    """
    found = [one for at_s, shards in killed_at for shard in shards for one in _take_over(at_s, shard, entries)]
    return max(found, default=None)


def _take_over(at_s: float, shard: int, entries: list[Entry]) -> Iterator[TakeOver]:
    """Follow a shard to the first worker that was at work on it; there is none if the run ended before."""
    at_work_s = min((one for one in _times(entries, "shard at work", shard) if one > at_s), default=None)
    if at_work_s is not None:
        restored_s = max(one for one in _times(entries, "shard restored", shard) if one <= at_work_s)
        assigned_s = max(one for one in _times(entries, "shards assigned", shard) if one <= restored_s)
        yield TakeOver(at_work_s - at_s, assigned_s - at_s, restored_s - assigned_s, at_work_s - restored_s)


def _times(entries: list[Entry], event: str, shard: int) -> Iterator[float]:
    for entry in entries:
        if entry["event"] == event and shard in (entry.get("shard"), *entry.get("shards", ())):
            yield datetime.fromisoformat(entry["timestamp"]).timestamp()
