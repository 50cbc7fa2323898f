"""One client's story while it is told: who it is, what becomes of it, what was written down, and its stream."""

import math
from dataclasses import dataclass

import numpy as np

from detector.simulate.client import Client
from detector.simulate.diary import Diary
from detector.simulate.fate import Course


@dataclass
class Story:
    """What the functions that tell of a contact need to know."""

    client: Client
    course: Course
    diary: Diary
    rng: np.random.Generator
    out_of_office_share: float
    heard_s: int | None = None
    """Instant of the last contact."""
    thread_id: str | None = None
    """The last thread of mails with this client."""

    def chance(self, probability: float) -> bool:
        """Draw whether something happens."""
        return self.rng.random() < probability

    def around(self, median: float, spread: float = 0.5) -> float:
        """Draw a log-normal value; `spread` is the standard deviation of its logarithm."""
        return median * math.exp(self.rng.normal(0, spread))

    def thread(self) -> str:
        """Give the last thread, or a first one."""
        self.thread_id = self.thread_id or self.diary.new_thread()
        return self.thread_id
