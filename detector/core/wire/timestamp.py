"""A time as RFC 3339 writes it, read by a kernel: the pattern of the contract, from 1970 on."""

import math

import numpy as np
from numba import njit

from detector.core.primitives.hashing import Text
from detector.core.wire.lexer import COLON, MINUS, NINE, NOT_PLAIN, PLUS, POINT, ZERO

_T, _Z, _SPACE = b"TZ "
_YEAR_MIN = 1970  # earlier times are left to the calendar of Python
_MICROSECONDS, _FRACTION_DIGITS_MAX, _FRACTION_DIGITS_KEPT = 1_000_000, 9, 6
_DAYS_BEFORE = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365])  # a month, in a common year


@njit(cache=True)
def _two(text: Text, at: int, most: int) -> int:
    """Return the number that two digits are, if it is at most `most`; else NOT_PLAIN."""
    if not (ZERO <= text[at] <= NINE and ZERO <= text[at + 1] <= NINE):
        return NOT_PLAIN
    number = (int(np.int64(text[at])) - ZERO) * 10 + (int(np.int64(text[at + 1])) - ZERO)
    return number if number <= most else NOT_PLAIN


@njit(cache=True)
def _day_number(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a date of the Gregorian calendar, or NOT_PLAIN if there is no such date."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12:  # noqa: PLR2004 - months
        return NOT_PLAIN
    length = _DAYS_BEFORE[month] - _DAYS_BEFORE[month - 1] + (leap and month == 2)  # noqa: PLR2004 - February
    if year < _YEAR_MIN or not 1 <= day <= length:
        return NOT_PLAIN
    before = year - 1
    leap_days = before // 4 - before // 100 + before // 400 - 477  # of which 477 are before 1970
    after_february = leap and month > 2  # noqa: PLR2004
    return (year - 1970) * 365 + leap_days + int(_DAYS_BEFORE[month - 1]) + after_february + day - 1


@njit(cache=True)
def _offset_s(text: Text, at: int, stop: int) -> tuple[bool, int]:
    """Read the offset that ends a time, Z or hours and minutes; return whether it is one, and its seconds.

    The colon between hours and minutes may be missing.
    """
    if stop - at == 1 and text[at] == _Z:
        return True, 0
    with_colon = stop - at == 6 and text[at + 3] == COLON  # noqa: PLR2004 - +01:00
    if not (with_colon or stop - at == 5) or (text[at] != PLUS and text[at] != MINUS):  # noqa: PLR2004 - +0100
        return False, 0
    hours, minutes = _two(text, at + 1, 23), _two(text, stop - 2, 59)
    seconds = hours * 3600 + minutes * 60
    return hours >= 0 and minutes >= 0, -seconds if text[at] == MINUS else seconds


@njit(cache=True)
def epoch_s(text: Text, at: int, stop: int) -> float:
    """Return the epoch seconds, to the microsecond, of a time in RFC 3339 (the contract's pattern), or NaN."""
    if stop - at < 20:  # noqa: PLR2004 - 2025-03-04T10:15:30Z
        return math.nan
    century, year, month, day = (
        _two(text, at, 99),
        _two(text, at + 2, 99),
        _two(text, at + 5, 12),
        _two(text, at + 8, 31),
    )
    hours, minutes, seconds = _two(text, at + 11, 23), _two(text, at + 14, 59), _two(text, at + 17, 59)
    if min(century, year, month, day, hours, minutes, seconds) < 0:
        return math.nan
    dashes = text[at + 4] == MINUS and text[at + 7] == MINUS
    colons = text[at + 13] == COLON and text[at + 16] == COLON
    days = _day_number(century * 100 + year, month, day)
    if not (dashes and colons and (text[at + 10] == _T or text[at + 10] == _SPACE)) or days < 0:
        return math.nan
    at += 19
    micros = 0
    if text[at] == POINT:
        begin = at + 1
        at = begin
        while at < stop and ZERO <= text[at] <= NINE:
            if at - begin < _FRACTION_DIGITS_KEPT:
                micros = micros * 10 + (int(np.int64(text[at])) - ZERO)
            at += 1
        if not 1 <= at - begin <= _FRACTION_DIGITS_MAX:
            return math.nan
        for _ in range(at - begin, _FRACTION_DIGITS_KEPT):
            micros *= 10
    is_offset, offset_s = _offset_s(text, at, stop)
    if not is_offset:
        return math.nan
    whole_s = days * 86_400 + hours * 3600 + minutes * 60 + seconds - offset_s
    return (whole_s * _MICROSECONDS + micros) / _MICROSECONDS  # as Python: one division of whole numbers
