"""What a shard's task runs on without Faust: a consumer that is handed no records, and a calendar."""

import math
import time

from detector.shell.kafka.faust_transport import ChunkConsumer
from detector.shell.kafka.in_flight import InFlight

START_S = 1_704_067_200.0
LIFE_SECONDS_MAX = 60


class Source(ChunkConsumer):
    """Stands for Faust's consumer: says whether the sources are read to their end."""

    def __init__(self, ends):
        self._ends = ends
        self.in_flight = InFlight(1000)

    def read_to_end_at(self, tp, read_to):
        """Give now, if there is nothing more to read."""
        return time.monotonic() if read_to >= self._ends.get(tp.topic, math.inf) else None

    async def read_from(self, offsets):
        """Everything is handed over from the start."""

    def pause_partitions(self, tps):
        """Nothing is fetched here."""

    resume_partitions = pause_partitions
