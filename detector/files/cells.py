"""Convert the cells of a table to the values of an interaction.

What cannot be converted stays text, for the reader to refuse with a reason.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic_core import from_json

from detector.files.declared import Declared

Convert = Callable[[str], Any]

_TRUTHS: Final = {"true": True, "false": False, "1": True, "0": False}
_NUMBERS: Final = ("duration_s", "amount", "sentiment")
_TIMES: Final = ("at", "due_at")
_OFFSET_WITHOUT_COLON: Final = re.compile(r"[0-9][+-][0-9]{4}$")
_DECIMAL_COMMA: Final = re.compile(r"[+-]?[0-9]{1,3}(?:[. \u00a0\u202f'][0-9]{3})*(?:,[0-9]+)?|[+-]?[0-9]+(?:,[0-9]+)?")


def converters(declared: Declared) -> Mapping[str, Convert]:
    """Return how the cells of each field are converted; a field that is not listed is text."""
    number = _or_text(_number_with_comma if declared.decimal_comma else _number)
    return {
        "length": _or_text(_whole_number),
        **dict.fromkeys(_NUMBERS, number),
        **dict.fromkeys(_TIMES, _time(declared)),
        **dict.fromkeys(("automated", "substantive"), _truth),
        "attributes": _or_text(from_json),
    }


def _or_text(convert: Convert) -> Convert:
    def converted(cell: str) -> Any:  # noqa: ANN401 (JSON)
        try:
            return convert(cell)
        except ValueError:
            return cell

    return converted


def _number(cell: str) -> float:
    if "_" in cell:
        raise ValueError("a number to Python only")
    return float(cell)


def _number_with_comma(cell: str) -> float:
    """Read a number that has a comma before its fraction, and points or blanks between its thousands.

    >>> _number_with_comma("1.013,50"), _number_with_comma("-7"), _number_with_comma("0,5")
    (1013.5, -7.0, 0.5)
    """
    if not _DECIMAL_COMMA.fullmatch(cell):
        raise ValueError("no number with a decimal comma")
    return float(re.sub(r"[^0-9,+-]", "", cell).replace(",", "."))


def _whole_number(cell: str) -> int:
    if "_" in cell:
        raise ValueError("a number to Python only")
    return int(cell)


def _time(declared: Declared) -> Convert:
    """Return the conversion of times: numbers in the declared unit, and offsets with the colon that RFC 3339 wants."""

    def converted(cell: str) -> float | str:
        # 1.74E+09 is how a spreadsheet writes a time of which it lost the last digits.
        if "T" not in cell and "e" not in cell.lower():
            try:
                return declared.seconds(_number(cell))
            except ValueError:
                pass
        return f"{cell[:-2]}:{cell[-2:]}" if _OFFSET_WITHOUT_COLON.search(cell) and ":" in cell else cell

    return converted


def _truth(cell: str) -> bool | str:
    return _TRUTHS.get(cell.lower(), cell)
