"""Read the times of many rows at once, only to put rows in order; whether a time is valid is judged by the reader.

A kernel reads what is plain. What it does not know it leaves as NaN, and `seconds_of` looks at those one by one.
"""

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
from numba import njit
from pydantic_core import from_json

from detector.core.primitives.hashing import Integers, Text, joined, text_of
from detector.core.wire.lexer import COLON, FRACTION, INTEGER, OPEN, QUOTE, skip, value
from detector.core.wire.timestamp import epoch_s
from detector.files.declared import Declared

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

_A, _T = b"at"


def times_of_lines(data: bytes, starts: Integers, stops: Integers, declared: Declared) -> Floats:
    """Read the times of lines of JSON, in seconds since 1970; NaN = no time is readable."""
    at_s = np.full(len(starts), np.nan)
    are_numbers = np.zeros(len(starts), np.bool_)
    flat = data.count(b"{") <= len(starts)
    _find_times(text_of(data), starts, stops, flat, at_s, are_numbers)
    if declared.times_in != "s":
        at_s[are_numbers] = [declared.seconds(number) for number in at_s[are_numbers].tolist()]
    for i in np.flatnonzero(np.isnan(at_s)).tolist():
        at_s[i] = seconds_of_line(data[starts[i] : stops[i]], declared)
    return at_s


def seconds_of_line(line: bytes, declared: Declared) -> float:
    """Read the time of one line of JSON: an event, or a CloudEvent with its time in the data or in the envelope."""
    if not line.strip():
        return math.nan
    try:
        fields = from_json(line, cache_strings="keys")
    except ValueError:
        return math.nan
    if isinstance(fields, dict) and "specversion" in fields:
        data = fields.get("data")
        fields = {"at": fields.get("time"), **(data if isinstance(data, dict) else {})}
    return seconds_of(fields.get("at"), declared) if isinstance(fields, dict) else math.nan


def times_of_cells(cells: Sequence[bytes], declared: Declared) -> Floats:
    """Read the times of cells of CSV, in seconds since 1970; NaN = no time is readable."""
    text, ends = joined(cells)
    at_s = np.full(len(cells), np.nan)
    _read_times(text, ends, at_s)
    for i in np.flatnonzero(np.isnan(at_s)).tolist():
        cell = cells[i].decode("utf-8", "replace").strip(' "\t\u00a0')
        try:
            at_s[i] = seconds_of(float(cell), declared)
        except ValueError:
            at_s[i] = seconds_of(cell, declared)
    return at_s


def seconds_of(at: object, declared: Declared) -> float:
    """Read a time from what JSON or a cell holds; NaN = it is none."""
    try:
        if isinstance(at, str):
            moment = datetime.fromisoformat(at)
            return moment.timestamp() if moment.tzinfo else math.nan
        if isinstance(at, (int, float)):
            return declared.seconds(float(at))
    except (ValueError, OverflowError):
        pass
    return math.nan


@njit(cache=True)
def _find_times(
    text: Text,
    starts: Integers,
    stops: Integers,
    flat: bool,  # noqa: FBT001 - Numba knows no keyword-only arguments
    at_s: Floats,
    are_numbers: Truths,
) -> None:
    """Find the name "at" of each object, and read its value; `flat`: none of the objects has another one inside."""
    for i in range(len(starts)):
        stop = stops[i]
        colon = _behind_name(text, starts[i], stop, flat)
        if colon < 0 or colon >= stop or text[colon] != COLON:
            continue
        start = skip(text, colon + 1, stop)
        what, number, end = value(text, start, stop)
        if end > 0 and text[start] == QUOTE:
            at_s[i] = epoch_s(text, start + 1, end - 1)
        elif end > 0 and what in (FRACTION, INTEGER):
            at_s[i], are_numbers[i] = number, True


@njit(cache=True)
def _behind_name(text: Text, k: int, stop: int, flat: bool) -> int:  # noqa: FBT001 - as above
    """Return the place behind the first name "at", or -1: four bytes at a time if nothing else has to be seen."""
    opened = 0
    while k + 3 < stop:
        if flat:
            last = text[k + 3]
            if last != QUOTE and last != _A and last != _T:  # noqa: PLR1714 - a kernel compares faster so
                k += 4
                continue
        elif text[k] == OPEN:
            opened += 1
            if opened > 1:
                return -1  # perhaps a CloudEvent
        if text[k] == QUOTE and text[k + 1] == _A and text[k + 2] == _T and text[k + 3] == QUOTE:
            return skip(text, k + 4, stop)
        k += 1
    return -1


@njit(cache=True)
def _read_times(text: Text, ends: Integers, at_s: Floats) -> None:
    for i in range(len(at_s)):
        at_s[i] = epoch_s(text, ends[i], ends[i + 1])
