"""One client's scenario while it is played: the client, its course, its event log, and its random numbers."""

import math
from dataclasses import dataclass

import numpy as np

from detector.simulate.client import Client
from detector.simulate.event_log import EventLog
from detector.simulate.firm import FadingSignal
from detector.simulate.hours import DAY_S
from detector.simulate.outcome import Course


@dataclass
class Scenario:
    """What the functions that play a contact need to know."""

    client: Client
    course: Course
    event_log: EventLog
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

    def decline(self, signal: FadingSignal, at_s: int) -> float:
        """Return how far a signal of the client has faded at an instant, from 0 to 1."""
        return self.course.decline(signal, at_s // DAY_S)

    def thread(self) -> str:
        """Return the last thread, or begin a first one."""
        self.thread_id = self.thread_id or self.event_log.new_thread()
        return self.thread_id
