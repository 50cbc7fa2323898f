"""How long a shard of a killed worker is without one that works on it, and what that time is made of."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from tests.faults.durable import Stored


class TakeOver(NamedTuple):
    """From a kill -9 to the first commit of the heir, in seconds."""

    total_s: float
    assigned_s: float
    """Until the group has noticed and handed the shard out again."""
    restored_s: float
    """From there until its state is back."""
    committed_s: float
    """From there until the first commit."""


def longest(
    killed_at: Iterable[tuple[float, set[int]]], states: list[Stored], entries: list[dict[str, Any]]
) -> TakeOver | None:
    """Find the longest one.

    Parameters
    ----------
    killed_at
        When workers were killed, and which shards they had.
    states
        The records of the state topic.
    entries
        What all workers logged.
    """
    found = [one for at_s, shards in killed_at for shard in shards for one in _take_over(at_s, shard, states, entries)]
    return max(found, default=None)


def _take_over(at_s: float, shard: int, states: list[Stored], entries: list[dict[str, Any]]) -> Iterator[TakeOver]:
    committed_s = min((one.at_s for one in states if one.partition == shard and one.at_s > at_s + 0.05), default=None)
    if committed_s is None:
        return
    assigned = [_time_of(entry) for entry in entries if shard in entry.get("shards", ())]
    restored = [
        _time_of(entry) for entry in entries if (entry["event"], entry.get("shard")) == ("shard restored", shard)
    ]
    restored_s = max((one for one in restored if at_s < one <= committed_s), default=committed_s)
    assigned_s = max((one for one in assigned if at_s < one <= restored_s), default=restored_s)
    yield TakeOver(committed_s - at_s, assigned_s - at_s, restored_s - assigned_s, committed_s - restored_s)


def _time_of(entry: dict[str, Any]) -> float:
    return datetime.fromisoformat(entry["timestamp"]).timestamp()
