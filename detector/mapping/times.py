"""Times as tools write them, read into the one spelling that the contract takes: RFC 3339 with an offset.

A reader returns None for what is no time. A time without an offset is in the zone of the reader; the first of the two
where an hour occurs twice. A date alone is noon: noon exists on every day and in every zone.
"""

import email.utils
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Final, TypeAlias

from detector.mapping.errors import PlaceError, Trail

Reader: TypeAlias = Callable[[object], str | None]

YEAR_MIN: Final = 1990  # the contract's: what is earlier comes from empty columns and dead clocks
NOON: Final = 12
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS: Final = {"s": 1_000_000, "ms": 1000, "us": 1, "ns": 0}
DATE_CHARACTERS: Final = len("2025-03-04")
WITH_OFFSET_CHARACTERS: Final = len("2025-03-04T10:15:30+01:00")
EARLIEST: Final = str(YEAR_MIN)
SECOND_CHARACTERS: Final = len("2025-03-04 10:15:30")
UNITS: Final = ("rfc3339", "rfc2822", "s", "ms", "us", "ns", "epoch", "days")

_OFFSET: Final = re.compile(r"\s*(?:(?P<sign>[+-]\d\d):?(?P<minutes>\d\d)|(?:Z|UTC|GMT))$", re.IGNORECASE)
_DIGITS: Final = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,9})?", re.ASCII)
_HAS_TIME: Final = re.compile(r"%[HIMScXs]")


def reader(unit: str, zone: tzinfo, trail: Trail) -> Reader:
    """Return the reader of a unit: one of `UNITS`, or a format of strptime.

    Raises
    ------
    PlaceError
        If it is neither.
    """
    if unit == "rfc3339":
        return partial(rfc3339, zone=zone)
    if unit == "rfc2822":
        return partial(rfc2822, zone=zone)
    if unit in MICROSECONDS:
        return lambda value: since_1970(value, unit)
    if unit == "epoch":
        return by_magnitude
    if unit == "days":
        return lambda value: _days(value, zone)
    if "%" not in unit:
        raise PlaceError(trail, f"unknown unit {unit!r}; known are {', '.join(UNITS)} and formats such as '%d.%m.%Y'")
    try:
        datetime.strptime("", unit)  # noqa: DTZ007 (only whether the format is one)
    except ValueError as error:
        if "bad directive" in str(error) or "stray" in str(error):
            raise PlaceError(trail, f"{unit!r} is no format of strptime: {error}") from None
    has_time = _HAS_TIME.search(unit) is not None
    return lambda value: _formatted(value, unit, zone, has_time=has_time)


def rfc3339(value: object, zone: tzinfo) -> str | None:
    """Read ISO text with or without an offset.

    Examples
    --------
    >>> rfc3339("2025-03-14 18:02:11 -0400", UTC)
    '2025-03-14T18:02:11-04:00'
    >>> rfc3339("2025-03-14", UTC)
    '2025-03-14T12:00:00+00:00'

    """
    if not isinstance(value, str):
        return None
    text = value.strip()
    # Python reads more than tools write ("20250304", "2025-W10"), and an id should not pass for a time.
    if len(text) < DATE_CHARACTERS or text[4] != "-" or text[7] != "-":
        return None
    if len(text) == WITH_OFFSET_CHARACTERS and text[SECOND_CHARACTERS] == " ":
        text = f"{text[:10]}T{text[11:19]}{text[20:23]}:{text[23:]}"  # 2025-03-14 18:02:11 -0400
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return _otherwise(text, zone)
    # What the contract takes stays as it is written: to format it again would take longer than to read it.
    if len(text) == WITH_OFFSET_CHARACTERS and text[22] == ":" and text[SECOND_CHARACTERS] in "+-" and text >= EARLIEST:
        return text
    return written(at, zone, has_time=len(text) > DATE_CHARACTERS)


def _otherwise(text: str, zone: tzinfo) -> str | None:
    """Read ISO text whose offset is spelled otherwise: after a space, without a colon, as UTC."""
    spelled = _OFFSET.sub(_respelled, text)
    if spelled == text:
        return None
    try:
        return written(datetime.fromisoformat(spelled), zone)
    except ValueError:
        return None


def _respelled(found: re.Match[str]) -> str:
    return f"{found['sign']}:{found['minutes']}" if found["sign"] else "+00:00"


def written(at: datetime, zone: tzinfo, *, has_time: bool = True) -> str | None:
    """Write a time as the contract takes it; a naive one is in `zone`."""
    if at.year < YEAR_MIN:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone) if has_time else at.replace(hour=NOON, tzinfo=zone)
    offset = at.utcoffset()
    if offset is not None and offset.seconds % 60:  # the contract's offsets have minutes only
        try:
            at = at.astimezone(UTC)
        except OverflowError:
            return None
    return at.isoformat()


def rfc2822(value: object, zone: tzinfo) -> str | None:
    """Read the time of a mail's `Date`: `Tue, 4 Mar 2025 10:15:30 +0000`."""
    if not isinstance(value, str):
        return None
    try:
        at = email.utils.parsedate_to_datetime(value.strip())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # RFC 5322: -0000 is UTC, of which nothing is said about the place.
    return written(at, UTC if "-0000" in value else zone)


def since_1970(value: object, unit: str) -> str | None:
    """Read a number of seconds, milliseconds, microseconds or nanoseconds since 1970, as number or text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = repr(value) if isinstance(value, float) else str(value).strip()
    if not _DIGITS.fullmatch(text):
        return None
    whole, _, fraction = text.partition(".")
    try:
        if unit == "ns":
            since = timedelta(microseconds=int(whole) // 1000)
        else:
            factor = MICROSECONDS[unit]
            since = timedelta(microseconds=int(whole) * factor + int(float(f"0.{fraction or 0}") * factor + 0.5))
        return written(EPOCH + since, UTC)
    except OverflowError:
        return None


def by_magnitude(value: object) -> str | None:
    """Read a number since 1970 whose unit is seen from its size: from 1990 to 2200 the units do not overlap."""
    try:
        size = abs(float(value)) if isinstance(value, int | float | str) else 0.0
    except ValueError:
        return None
    unit = next((unit for unit, least in (("ns", 1e17), ("us", 1e14), ("ms", 1e11), ("s", 1e8)) if size >= least), None)
    return since_1970(value, unit) if unit else None


def _days(value: object, zone: tzinfo) -> str | None:
    """Read a number of days since 1970: a date alone."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    try:
        return written((EPOCH + timedelta(days=value)).replace(tzinfo=None), zone, has_time=False)
    except OverflowError:
        return None


def _formatted(value: object, form: str, zone: tzinfo, *, has_time: bool) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.strptime(value.strip(), form)  # noqa: DTZ007 (the zone follows)
    except ValueError:
        return None
    return written(at, zone, has_time=has_time)


def instant(text: str) -> float:
    """Return seconds since 1970 of a time that a reader has written."""
    return datetime.fromisoformat(text).timestamp()
