"""How times are written, the range that they lie in, and what a number that is no time probably is."""

import re
from typing import Any, Final

from schemas.ids import ROUNDED

AT_MIN_S: Final = 631_152_000.0  # 1990-01-01T00:00:00Z: what is earlier comes from empty columns and dead clocks.
AHEAD_MAX_S: Final = 86_400.0  # Clocks run ahead and time zones get mixed up, by at most a day.
YEAR_1_S: Final = -62_135_596_800.0  # A due date must be a date: from year 1 ...
YEAR_9999_S: Final = 253_402_300_799.0  # ... to the last second of year 9999.
SERIAL_DAY_MIN: Final = 32_874.0  # 1990-01-01 in days since 1899-12-30, as spreadsheets count them ...
SERIAL_DAY_MAX: Final = 73_050.0  # ... and 2099-12-31. As seconds these numbers lie in the first day of 1970.

# RFC 3339 with its own two liberties: a space for the "T", and capital letters only. Offset and seconds are obligatory.
# The colon of the offset is not: Shopify, Salesforce and strftime write +0100, which can mean nothing else.
RFC3339: Final = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ]"
    r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])$"
)
AT_RULE: Final = "Input should be RFC 3339 with an offset, or finite seconds since 1970 as a number"
DUE_RULE: Final = "Input should be RFC 3339 with an offset, or seconds since 1970 as a number, in the years 1 to 9999"
RANGE_RULE: Final = "should not be before 1990, nor more than a day after the record was written"

_MILLISECONDS_MIN, _MICROSECONDS_MIN, _NANOSECONDS_MIN, _NANOSECONDS_MAX = 1e11, 1e14, 1e17, 1e20
_is_number = re.compile(r"^[+-]?[0-9]+([.,][0-9]+)?$").search
_is_rounded = re.compile(ROUNDED).search
_has_no_offset = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?$").search


def time_hint(value: Any) -> str:  # noqa: ANN401 (whatever JSON can hold)
    """Return what a value that is no valid time looks like, and what to do about it; an empty text if nobody can say.

    The hint describes a class of values. It holds nothing of the value itself.

    >>> time_hint(45720)
    "looks like a spreadsheet's number of a day (45720 is 2025-03-04); write it as RFC 3339"
    >>> time_hint("2025-03-04T10:15:30"), time_hint("yesterday")
    ('has no offset: add Z for UTC, or such as +01:00', '')
    """
    if isinstance(value, str):
        text = value.strip()
        if _is_rounded(text):
            return (
                "looks like a number that a spreadsheet rounded (such as 1.74E+09), so its last digits are lost; "
                "format the column as a date or as text and export it again"
            )
        if _has_no_offset(text):
            return "has no offset: add Z for UTC, or such as +01:00"
        if not _is_number(text):
            return ""
        return _magnitude_hint(float(text.replace(",", "."))) or "is a number in quotes: write it without them"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _magnitude_hint(value) if is_number else ""


def is_serial_day(seconds: float) -> bool:
    """Check whether a number of seconds is rather a spreadsheet's number of a day."""
    return SERIAL_DAY_MIN <= seconds <= SERIAL_DAY_MAX


def _magnitude_hint(number: float) -> str:
    if is_serial_day(number):
        return "looks like a spreadsheet's number of a day (45720 is 2025-03-04); write it as RFC 3339"
    for least, most, unit, divisor in (
        (_MILLISECONDS_MIN, _MICROSECONDS_MIN, "milliseconds", "1,000"),
        (_MICROSECONDS_MIN, _NANOSECONDS_MIN, "microseconds", "1,000,000"),
        (_NANOSECONDS_MIN, _NANOSECONDS_MAX, "nanoseconds", "1,000,000,000"),
    ):
        if least <= number < most:
            return f"looks like {unit} since 1970; write seconds (divide it by {divisor})"
    return ""
