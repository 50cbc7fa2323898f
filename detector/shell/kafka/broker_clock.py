"""What time it is: the machine's clock, compared with the broker's.

A shard's clock decides when a silence is over its deadline, and it never goes back. So a machine's clock that jumps
ahead (after a suspend, or by a wrong setting) must not drive it. The broker stamps the records that it appends, and the
monotonic clock measures the time that has passed since. If the machine's clock differs from that sum by more than a
bound, the sum is used instead, and the caller should have the broker stamp another record.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ClockPolicy:
    """How far the machine's clock may be from the broker's."""

    drift_s_max: float


class WallClock:
    """The time that a shard goes by. Time is an argument: `wall_s` is the machine's clock, `monotonic_s` its other.

    Parameters
    ----------
    policy
        How far the clocks may be apart.

    Examples
    --------
    >>> clock = WallClock(ClockPolicy(drift_s_max=60))
    >>> clock.sync(broker_s=1000.0, monotonic_s=5.0)
    >>> clock.now_s(wall_s=1010.5, monotonic_s=15.0)
    1010.5
    >>> clock.now_s(wall_s=90000.0, monotonic_s=15.0), clock.has_drifted(wall_s=90000.0, monotonic_s=15.0)
    (1010.0, True)
    """

    def __init__(self, policy: ClockPolicy) -> None:
        self._policy = policy
        self._ahead_s: float | None = None  # how far the broker's clock is ahead of the monotonic clock

    def sync(self, broker_s: float, monotonic_s: float) -> None:
        """Record the broker's clock as it was at a moment of the monotonic clock, or just before."""
        self._ahead_s = broker_s - monotonic_s

    def now_s(self, wall_s: float, monotonic_s: float) -> float:
        """Return the machine's clock if it is near the broker's, else what the broker's clock must show by now."""
        if self._ahead_s is None or not self.has_drifted(wall_s, monotonic_s):
            return wall_s
        return self._ahead_s + monotonic_s

    def has_drifted(self, wall_s: float, monotonic_s: float) -> bool:
        """Check whether the machine's clock is too far from the broker's; never true before the first `sync`."""
        return self.drift_s(wall_s, monotonic_s) > self._policy.drift_s_max

    def drift_s(self, wall_s: float, monotonic_s: float) -> float:
        """Compute how far the two clocks are apart."""
        return 0.0 if self._ahead_s is None else abs(wall_s - (self._ahead_s + monotonic_s))
