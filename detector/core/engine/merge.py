"""Event-time order across the sources of a shard.

Within a source the order of its offsets holds: the merge key of a record is the latest event time of its source so
far. Across sources records are released in the order of their keys (ties: source order, then offset) up to the
frontier, the instant before which nothing can come any more. What waits is kept as columns, not as an object per
record. Rejections wait among the records, because each must become durable together with the position behind it.
"""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from detector.core.layout import ELSEWHERE, INTERACTION, Batch
from detector.core.wire.reroute import Rerouted

Ids = np.ndarray[Any, np.dtype[np.uint8]]


class Released(NamedTuple):
    """What the frontier releases: interactions in order with their ids, rejections, and rerouted records."""

    batch: Batch
    ids: Ids
    rejected: list[bytes]
    rerouted: list[Rerouted]


class Position(NamedTuple):
    """How far a source is applied."""

    offset: int
    key_s: float


class Feed:
    """One source of a shard: the records that were read and wait for their turn."""

    def __init__(self, source: int) -> None:
        self._source = source
        self.read_to = -1
        self.key_s = -math.inf  # of the last record read
        self._applied_key_s = -math.inf
        self._waiting: deque[tuple[Batch, Ids]] = deque()
        self._rejected: deque[tuple[int, bytes]] = deque()
        self.rerouted: dict[int, Rerouted] = {}  # by offset; their turn is kept by an interaction that is ELSEWHERE

    def resume(self, position: Position) -> None:
        """Continue behind a durable position."""
        self.read_to, self.key_s = position
        self._applied_key_s = position.key_s

    def append(self, batch: Batch, ids: Ids, rejected: Sequence[tuple[int, bytes]], read_to: int, now_s: float) -> None:
        """Queue records.

        The time at which a record was written bounds its merge key, so that one clock that is ahead does not hold up
        its whole source. Where `key_s` does not say it, `now_s` does.
        """
        self._rejected.extend(rejected)
        self.read_to = max(self.read_to, read_to)
        if len(batch):
            written_s = np.where(batch["key_s"] > 0, batch["key_s"], now_s)
            batch["key_s"] = np.maximum(np.maximum.accumulate(np.minimum(batch["at_s"], written_s)), self.key_s)
            batch["source"] = self._source
            self.key_s = float(batch["key_s"][-1])
            self._waiting.append((batch, ids))

    @property
    def waiting(self) -> int:
        """Interactions that wait."""
        return sum(len(batch) for batch, _ in self._waiting)

    @property
    def position(self) -> Position:
        """The last offset with no record waiting up to it, and the merge key that was applied last."""
        return Position(
            int(self._waiting[0][0]["offset"][0]) - 1 if self._waiting else self.read_to, self._applied_key_s
        )

    def release(self, frontier_s: float) -> Iterator[tuple[Batch, Ids]]:
        """Release interactions before the frontier, each batch with the bytes that hold its ids."""
        while self._waiting:
            batch, ids = self._waiting.popleft()
            ready = int(np.searchsorted(batch["key_s"], frontier_s))
            if ready:
                self._applied_key_s = float(batch["key_s"][ready - 1])
                yield batch[:ready], ids
            if ready < len(batch):
                self._waiting.appendleft((batch[ready:], ids))
                return

    def release_rejected(self) -> Iterator[bytes]:
        """Release rejections whose earlier records have all been released."""
        while self._rejected and self._rejected[0][0] <= self.position.offset:
            yield self._rejected.popleft()[1]


class Merge:
    """The feeds of a shard, in source order."""

    def __init__(self, sources: Sequence[str]) -> None:
        self.feeds: Mapping[str, Feed] = {source: Feed(n) for n, source in enumerate(sources)}

    def release(self, frontier_s: float) -> Released:
        """Release what lies before the frontier, in order."""
        parts = [part for feed in self.feeds.values() for part in feed.release(frontier_s)]
        rejected = [one for feed in self.feeds.values() for one in feed.release_rejected()]
        if not parts:
            return Released(np.empty(0, INTERACTION), np.empty(0, np.uint8), rejected, [])
        batch = np.concatenate([batch for batch, _ in parts])
        ids = _together(batch, parts)
        order = np.argsort(batch["key_s"], kind="stable")  # stable: ties stay in source order, then offset order
        batch, rerouted = batch[order], []
        ours = batch["row"] != ELSEWHERE
        feeds = list(self.feeds.values())
        for source, offset in batch[~ours][["source", "offset"]].tolist():
            rerouted.append(feeds[source].rerouted.pop(offset))
        return Released(batch if ours.all() else batch[ours], ids, rejected, rerouted)


def _together(batch: Batch, parts: Sequence[tuple[Batch, Ids]]) -> Ids:
    """Join the ids of the parts of a batch, and set in the batch where each id is now."""
    texts, end, first = [], 0, 0
    for part, ids in parts:
        start = int(part["id_start"].min())
        text = ids[start : int((part["id_start"] + part["id_size"]).max())]
        batch["id_start"][first : first + len(part)] += end - start
        texts.append(text)
        end, first = end + len(text), first + len(part)
    return np.concatenate(texts)
