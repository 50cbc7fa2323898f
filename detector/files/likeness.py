"""Recognise numbers that are times in another unit than seconds."""

from typing import Final

from detector.files.declared import TimeUnit

_FIRST_S: Final = 631_152_000  # 1990
_LAST_S: Final = 4_102_444_800  # 2100
_RANGES: Final[tuple[tuple[TimeUnit, float, float], ...]] = (
    ("excel-days", 32_874, 73_051),  # 1990 to 2100, in days since 1899-12-30
    ("ms", _FIRST_S * 1e3, _LAST_S * 1e3),
    ("us", _FIRST_S * 1e6, _LAST_S * 1e6),
)


def unit_of(at: object) -> TimeUnit | None:
    """Return the unit in which a number is a time between 1990 and 2100; None = it is one in seconds, or in no unit.

    >>> unit_of(1741082400000), unit_of(45720), unit_of("45720.5"), unit_of(1741082400)
    ('ms', 'excel-days', 'excel-days', None)
    """
    try:
        number = float(at)  # type: ignore[arg-type] # what is no number is told by the error
    except (TypeError, ValueError, OverflowError):
        return None
    return next((unit for unit, first, last in _RANGES if first <= number < last), None)
