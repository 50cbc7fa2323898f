"""How many records are on their way from the consumer to the shards, and how a fetch waits until there are fewer.

Faust bounds its queues by messages, and a message is a chunk of thousands of records here. Where Faust reaches its
bound, it also resumes partitions that were paused because their source is ahead. So records are counted here, and
Faust's own bound is never reached.
"""

import asyncio
from contextlib import suppress


class InFlight:
    """A count of records: the consumer adds to it, and waits for the shards, which take from it.

    Parameters
    ----------
    records_max
        Above this count nothing more is fetched.
    """

    def __init__(self, records_max: int) -> None:
        self._records_max, self._count = records_max, 0
        self._changed = asyncio.Event()

    def add(self, records: int) -> None:
        """Count records that are handed over."""
        self._count += records

    def take(self, records: int) -> None:
        """Count records that a shard has read. They may have been handed over before the last `clear`."""
        self._count = max(self._count - records, 0)
        self._changed.set()

    def clear(self) -> None:
        """Count nothing any more: everything that was on its way has been dropped."""
        self.take(self._count)

    async def wait_for_capacity(self, seconds_max: float) -> bool:
        """Return whether more may be fetched; if not, wait first until a shard takes records or the time is over."""
        if self._count > self._records_max:
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), seconds_max)
        return self._count <= self._records_max
