"""Numbers as tools write them: English, German, in minor units, and durations."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from detector.mapping.text import Number

CHARACTERS_MAX: Final = 40  # 10^15 with its commas and decimals is shorter; a cell of megabytes is no number
LARGE: Final = 1e300  # no sum or product of amounts is infinite
ENGLISH: Final = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?", re.ASCII)
GERMAN: Final = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)?(?:,\d+)?", re.ASCII)
JSON: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
CLOCK: Final = re.compile(r"(\d{1,4}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
CODE_LETTERS: Final = 3
SIGNS: Final = {"€": "EUR"}

# ISO 4217: digits behind the decimal mark, where they are not two.
ISO_4217: Final[Mapping[str, int]] = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"), 0),
    **dict.fromkeys(("PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


def number(value: object, *, german: bool = False) -> float | int | None:
    """Read a number, or None.

    Examples
    --------
    >>> number("1,000.00"), number("1,5"), number("1.190,00", german=True), number(12), number(True)
    (1000.0, None, 1190.0, 12, None)

    """
    kind = type(value)
    if kind is float or kind is int:
        return value if abs(value) < LARGE else None  # type: ignore[arg-type, return-value]  # not NaN either
    if type(value) is str:
        if not german and len(value) < CHARACTERS_MAX and value.isascii() and value.replace(".", "", 1).isdigit():
            return float(value)  # nearly all numbers, three times as fast
        return _parsed(value.strip(), GERMAN if german else ENGLISH, german=german)
    if isinstance(value, Number):
        return _parsed(value, JSON)
    return None


def _parsed(text: str, form: re.Pattern[str], *, german: bool = False) -> float | None:
    if len(text) > CHARACTERS_MAX or not form.fullmatch(text):
        return None
    plain = text.replace(".", "").replace(",", ".") if german else text.replace(",", "")
    try:
        read = float(plain)
    except ValueError:  # nothing, or a sign alone
        return None
    return read if abs(read) < LARGE else None


def to_units(value: float, digits: int) -> float:
    """Return an amount in units of the currency from one in minor units."""
    return float(value / 10**digits)


def to_minor(value: float, digits: int) -> int:
    """Return an amount in minor units from one in units, without the error of binary fractions."""
    return int((Decimal(repr(value)) * 10**digits).to_integral_value())


def currency(value: object) -> str | None:
    """Return a currency as three capitals, or None.

    Examples
    --------
    >>> currency("usd"), currency("€"), currency("dollars")
    ('USD', 'EUR', None)

    """
    if not isinstance(value, str) or len(value) > CHARACTERS_MAX:
        return None
    if len(value) == CODE_LETTERS and value.isascii() and value.isalpha():
        return value.upper()
    text = value.strip()
    text = SIGNS.get(text, text)
    return text.upper() if len(text) == CODE_LETTERS and text.isascii() and text.isalpha() else None


def clock(value: object) -> int | None:
    """Read `hh:mm` or `hh:mm:ss` as seconds.

    Examples
    --------
    >>> clock("00:15"), clock("01:00:05"), clock("90")
    (900, 3605, None)

    """
    found = CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3] or 0) if found else None
