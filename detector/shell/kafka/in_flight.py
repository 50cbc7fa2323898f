"""How many records are on their way from the consumer to the shards, and waiting until there are few enough of them.

Faust bounds what waits in its streams by messages, which are chunks of thousands of records here, and where its bound
is reached it lifts the pauses of sources that are ahead. So we count records, and never let Faust's bound be reached.
"""

import asyncio
from contextlib import suppress


class Underway:
    """A count of records that lets the one who adds wait for those who take.

    Parameters
    ----------
    most
        Above so many, there is no room.
    """

    def __init__(self, most: int) -> None:
        self._most, self._count = most, 0
        self._changed = asyncio.Event()

    def add(self, records: int) -> None:
        """So many more were handed over."""
        self._count += records

    def take(self, records: int) -> None:
        """A shard has read so many, which may have been handed over before `clear`."""
        self._count = max(self._count - records, 0)
        self._changed.set()

    def clear(self) -> None:
        """All that was on its way has been dropped."""
        self.take(self._count)

    async def can_take_segment(self, seconds_max: float) -> bool:
        """Tell whether there is room, after waiting for something to be taken if there is not."""
        if self._count > self._most:
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), seconds_max)
        return self._count <= self._most
