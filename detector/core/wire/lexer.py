"""The pieces of flat JSON, read by kernels: white space, strings, numbers, literals, and words of a closed set.

Only what is plain is read: printable ASCII without escapes, numbers that are surely rounded as any parser rounds them.
A place in the text is NOT_PLAIN for all else, which is no judgement of it.
"""

import math
from typing import Any

import numpy as np
from numba import njit

from detector.core.primitives.hashing import Text

NOT_PLAIN = -1  # instead of a place in the text
FALSE, TRUE, NULL, QUOTED, FRACTION, INTEGER = range(6)  # what a value is

_SPACE, _TAB, _LINE, _RETURN = b" \t\n\r"
QUOTE, COLON, COMMA, OPEN, CLOSE = b'":,{}'
MINUS, PLUS, POINT, ZERO, NINE = b"-+.09"
_E, _LARGE_E = b"eE"
# Printable ASCII (isprintable alone would take in Latin letters too), but for what ends a string or escapes.
_ORDINARY = np.array([chr(byte).isascii() and chr(byte).isprintable() and byte not in b'"\\' for byte in range(256)])
# A decimal of at most 2**53 units, times or divided by at most 10**22, is rounded once and hence correctly: both are
# exact as floats (Clinger, How to read floating point numbers accurately, 1990).
_UNITS_MAX, _POWER_MAX = 2**53, 22
_POWERS = 10.0 ** np.arange(_POWER_MAX + 1)

Sizes = np.ndarray[Any, np.dtype[np.int64]]


def table(*words: str) -> tuple[Text, Sizes]:
    """Words as kernels compare them: a row of bytes each, and their lengths."""
    width = max(map(len, words))
    rows = [list(word.encode().ljust(width, b"\0")) for word in words]
    return np.array(rows, np.uint8), np.array([len(word) for word in words])


_LITERAL_ROWS, _LITERAL_SIZES = table("false", "true", "null")


@njit(cache=True)
def skip(text: Text, at: int, stop: int) -> int:
    """Pass white space."""
    while at < stop and (text[at] == _SPACE or text[at] == _TAB or text[at] == _LINE or text[at] == _RETURN):
        at += 1
    return at


@njit(cache=True)
def is_word(text: Text, at: int, size: int, rows: Text, row: int) -> bool:
    """Check whether the bytes at a place are a word of a table, given that there are as many."""
    for k in range(size):  # noqa: SIM110 - `all` needs a generator, which Numba does not compile
        if text[at + k] != rows[row, k]:
            return False
    return True


@njit(cache=True)
def word(text: Text, at: int, size: int, rows: Text, sizes: Sizes) -> int:
    """The place of a word among others, or NOT_PLAIN."""
    for k in range(len(sizes)):
        if sizes[k] == size and is_word(text, at, size, rows, k):
            return k
    return NOT_PLAIN


@njit(cache=True)
def end_of_string(text: Text, at: int, stop: int) -> int:
    """Where the closing quote of the string is that begins at a place, or NOT_PLAIN."""
    while at < stop and _ORDINARY[text[at]]:
        at += 1
    return at if at < stop and text[at] == QUOTE else NOT_PLAIN


@njit(cache=True)
def _digits(text: Text, at: int, stop: int, units: int) -> tuple[int, int]:
    """Read digits behind the units so far; -> the units with them, at most one too many, and the place behind."""
    while at < stop and ZERO <= text[at] <= NINE:
        units = units * 10 + int(np.int64(text[at])) - ZERO if units <= _UNITS_MAX else units
        at += 1
    return units, at


@njit(cache=True)
def _number(text: Text, at: int, stop: int) -> tuple[int, float, int]:
    """Read a number of JSON; -> whether it is whole, its value, and the place behind it or NOT_PLAIN."""
    negative = text[at] == MINUS
    begin = at + negative
    units, at = _digits(text, begin, stop, 0)
    if at == begin or (text[begin] == ZERO and at > begin + 1):
        return INTEGER, 0.0, NOT_PLAIN
    kind, power = INTEGER, 0
    if at < stop and text[at] == POINT:
        begin = at + 1
        units, at = _digits(text, begin, stop, units)
        if at == begin:
            return INTEGER, 0.0, NOT_PLAIN
        kind, power = FRACTION, begin - at
    if at < stop and (text[at] == _E or text[at] == _LARGE_E):
        at += 1
        sign = -1 if at < stop and text[at] == MINUS else 1
        begin = at + (at < stop and (text[at] == MINUS or text[at] == PLUS))
        exponent, at = _digits(text, begin, stop, 0)
        if at == begin:
            return INTEGER, 0.0, NOT_PLAIN
        kind, power = FRACTION, power + sign * exponent
    minus_zero = negative and units == 0  # 0 to some parsers, and -0.0 to others
    if units > _UNITS_MAX or abs(power) > _POWER_MAX or minus_zero:
        return INTEGER, 0.0, NOT_PLAIN
    value = units * _POWERS[power] if power >= 0 else units / _POWERS[-power]
    return kind, -value if negative else value, at


@njit(cache=True)
def value(text: Text, at: int, stop: int) -> tuple[int, float, int]:
    """Read a value that is neither object nor array; -> what it is, its number, and the place behind or NOT_PLAIN."""
    if at >= stop:
        return NULL, math.nan, NOT_PLAIN
    if text[at] == QUOTE:
        end = end_of_string(text, at + 1, stop)
        return QUOTED, math.nan, NOT_PLAIN if end < 0 else end + 1
    if text[at] == MINUS or ZERO <= text[at] <= NINE:
        return _number(text, at, stop)
    for literal in range(len(_LITERAL_SIZES)):
        size = _LITERAL_SIZES[literal]
        if stop - at >= size and is_word(text, at, size, _LITERAL_ROWS, literal):
            return literal, 1.0 if literal == TRUE else 0.0, at + size
    return NULL, math.nan, NOT_PLAIN
