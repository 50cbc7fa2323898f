"""Reads the state of a shard back from its state topic."""

from typing import Final

from detector.core.engine.shard import Shard
from detector.shell.config.settings import Settings
from detector.shell.kafka.client import started
from detector.shell.kafka.reader import Reader

_FETCH_BYTES_MAX: Final = 8 << 20


async def restore(settings: Settings, partition: int, shard: Shard) -> int:
    """Load everything that the state topic holds of a shard; -> how many records that was.

    Raises
    ------
    UnknownLayoutError
        If a record is damaged, or of a layout that nobody knows.
    """
    count = 0
    reader = Reader(settings, [settings.state_topic], [partition], fetch_bytes_max=_FETCH_BYTES_MAX)
    async with started(reader):
        async for batch in reader.to_end():
            shard.load((record.key, record.value) for record in batch.records)
            count += len(batch.records)
    shard.restore(())
    return count
