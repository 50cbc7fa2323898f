"""Opening hours, and moving an instant into them.

Instants are wall-clock seconds in the firm's time zone, counted from the midnight that begins a Monday: day // 7 is
the week, day % 7 the weekday, and summer time does not exist until `event_log` records an event.
"""

from dataclasses import dataclass

DAY_S = 86_400
HOUR_S = 3_600
SATURDAY = 5
WEEK_DAYS = 7


def is_weekend(day: int) -> bool:
    """Return whether a day is a Saturday or a Sunday."""
    return day % WEEK_DAYS >= SATURDAY


@dataclass(frozen=True)
class Hours:
    """Weekdays from `opens_s` until before `closes_s`, in seconds after midnight."""

    opens_s: int
    closes_s: int

    def instant(self, day: int, fraction: float) -> int:
        """Return the instant at a fraction of the hours of a day."""
        return day * DAY_S + self.opens_s + int(fraction * (self.closes_s - self.opens_s))

    def at_or_after(self, instant_s: int) -> int:
        """Return the instant itself if open, else one in the first open hour after it."""
        day, second = divmod(instant_s, DAY_S)
        # The minute is kept, so that work left overnight is not all done at the stroke of eight.
        if second >= self.closes_s:
            day, second = day + 1, self.opens_s + second % HOUR_S
        elif second < self.opens_s:
            second = self.opens_s + second % HOUR_S
        while is_weekend(day):
            day += 1
        return day * DAY_S + second

    def at_or_before(self, instant_s: int) -> int:
        """Return the instant itself if open, else one in the last open hour before it."""
        day, second = divmod(instant_s, DAY_S)
        if second < self.opens_s:
            day, second = day - 1, self.closes_s - HOUR_S + second % HOUR_S
        elif second >= self.closes_s:
            second = self.closes_s - HOUR_S + second % HOUR_S
        while is_weekend(day):
            day -= 1
        return day * DAY_S + second


OFFICE = Hours(8 * HOUR_S, 18 * HOUR_S)
EVENING = Hours(18 * HOUR_S, 22 * HOUR_S)
