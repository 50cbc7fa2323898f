"""How much is taken at once: requests in a second, and bytes of bodies that are held at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager


class TokenBucket:
    """A rate, with a burst of a second's worth. Time is an argument.

    Examples
    --------
    >>> bucket = TokenBucket(2)
    >>> [bucket.take(0.0) for _ in range(3)], bucket.take(0.6)
    ([True, True, False], True)
    """

    def __init__(self, per_second: float) -> None:
        self._per_second = self._tokens = per_second
        self._filled_s: float | None = None

    def take(self, now_s: float) -> bool:
        """Return whether one more may pass now, by a monotonic clock."""
        since_s = 0.0 if self._filled_s is None else now_s - self._filled_s
        self._filled_s = now_s
        self._tokens = min(self._tokens + since_s * self._per_second, self._per_second)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class BytesHeld:
    """The bytes of all bodies that are held at the same time.

    Examples
    --------
    >>> held = BytesHeld(10)
    >>> with held.reserve(8) as is_first_taken, held.reserve(8) as is_second_taken:
    ...     is_first_taken, is_second_taken, held.count
    (True, False, 8)
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max, self.count = bytes_max, 0

    @contextmanager
    def reserve(self, size: int) -> Iterator[bool]:
        """Reserve bytes for the time of the block; -> whether there is room."""
        if self.count + size > self._bytes_max:
            yield False
            return
        self.count += size
        try:
            yield True
        finally:
            self.count -= size
