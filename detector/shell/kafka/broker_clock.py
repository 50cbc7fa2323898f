"""What time it is: the machine's clock, held to the broker's.

A shard's clock decides when a silence is over its deadline, and cannot be turned back. So a machine's clock that jumps
ahead (after a suspend, by a wrong setting) must not drive it. The broker stamps what it appends; the time that has
passed since then is measured by the monotonic clock. Where the machine's clock is further from that than a bound, it
is not believed, and whoever asks should have the broker stamp something again.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClockPolicy:
    """How far the machine's clock may be from the broker's."""

    apart_s_max: float


class WallClock:
    """The time that may be believed. Time is an argument: `wall_s` is the machine's clock, `monotonic_s` its other.

    Parameters
    ----------
    policy
        How far the clocks may be apart.

    Examples
    --------
    >>> clock = WallClock(ClockPolicy(apart_s_max=60))
    >>> clock.agree(broker_s=1000.0, monotonic_s=5.0)
    >>> clock.now_s(wall_s=1010.5, monotonic_s=15.0)
    1010.5
    >>> clock.now_s(wall_s=90000.0, monotonic_s=15.0), clock.is_doubted(wall_s=90000.0, monotonic_s=15.0)
    (1010.0, True)
    """

    def __init__(self, policy: ClockPolicy) -> None:
        self._policy = policy
        self._ahead_s: float | None = None  # of the monotonic clock, the broker's

    def agree(self, broker_s: float, monotonic_s: float) -> None:
        """Take note of the broker's clock as it was at a moment of the monotonic clock, or just before."""
        self._ahead_s = broker_s - monotonic_s

    def now_s(self, wall_s: float, monotonic_s: float) -> float:
        """Give the machine's clock if it is near the broker's, else the broker's as it must be by now."""
        if self._ahead_s is None or not self.is_doubted(wall_s, monotonic_s):
            return wall_s
        return self._ahead_s + monotonic_s

    def is_doubted(self, wall_s: float, monotonic_s: float) -> bool:
        """Tell whether the machine's clock is too far from the broker's; never, if the broker told none."""
        return self.apart_s(wall_s, monotonic_s) > self._policy.apart_s_max

    def apart_s(self, wall_s: float, monotonic_s: float) -> float:
        """How far the two are apart."""
        return 0.0 if self._ahead_s is None else abs(wall_s - (self._ahead_s + monotonic_s))
