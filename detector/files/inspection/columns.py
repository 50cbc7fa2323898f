"""Describe the columns of a file: what type their cells have, how many are empty, and what one looks like."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from detector.files.likeness import unit_of

DISTINCT_MAX: Final = 1000
_LOOKED_AT_ONCE: Final = 200  # cells of a batch whose type is judged
_EXAMPLE_CHARACTERS_MAX: Final = 40
_TRUTHS: Final = frozenset({"true", "false", "yes", "no"})
_SCIENTIFIC: Final = re.compile(r"[0-9](\.[0-9]+)?E[+-]?[0-9]+", re.IGNORECASE)
_DECIMAL_COMMA: Final = re.compile(r"[+-]?[0-9]{1,3}([. ][0-9]{3})*,[0-9]{1,2}|[+-]?[0-9]+,[0-9]{1,2}")
_THOUSANDS: Final = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_DATE: Final = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([T ].*)?")


def masked(cell: str) -> str:
    """Return what a cell looks like without what it says.

    >>> masked("Anna@Shop.example"), masked("2025-03-04T10:15:30Z")
    ('Xxxx@Xxxx.xxxxxxx', '9999-99-99X99:99:99X')
    """
    shape = "".join(
        "9" if character.isdigit() else ("X" if character.isupper() else "x") if character.isalpha() else character
        for character in cell[:_EXAMPLE_CHARACTERS_MAX]
    )
    return shape if len(cell) <= _EXAMPLE_CHARACTERS_MAX else f"{shape}..."


def type_of(cell: str) -> str:
    """Name the type of a cell that is not empty.

    >>> [type_of(cell) for cell in ("12", "1,50", "1,013.50", "2025-03-04T10:15:30Z", "2025-03-04", "4.9E+11")]
    ['number', 'number with a decimal comma', 'number with commas', 'time', 'date', 'number in Excel notation']
    >>> [type_of(cell) for cell in ("1741082400000", "45720.5", "Anna", "true", "2025-03-04T10:15:30+0000")]
    ['time in ms', 'number', 'text', 'truth', 'time']
    """
    if cell.lower() in _TRUTHS:
        return "truth"
    if _SCIENTIFIC.fullmatch(cell):
        return "number in Excel notation"
    try:
        float(cell)
    except ValueError:
        pass
    else:
        return "time in ms" if unit_of(cell) == "ms" and "." not in cell else "number"
    if _THOUSANDS.fullmatch(cell):
        return "number with commas"
    if _DECIMAL_COMMA.fullmatch(cell):
        return "number with a decimal comma"
    return _time_type(cell) or "text"


def _time_type(cell: str) -> str | None:
    try:
        at = datetime.fromisoformat(cell)
    except ValueError:
        return "date" if _DATE.fullmatch(cell) else None
    if at.tzinfo:
        return "time"
    return "time without an offset" if ":" in cell else "date"


@dataclass
class Column:
    """What is known of a column so far.

    Parameters
    ----------
    name
        As its header has it.
    cells, filled
        How many cells were looked at, and how many of them are not empty.
    types
        How many of some of the cells are of which type.
    distinct
        Some of the values, to count them; once there are DISTINCT_MAX no more are kept.
    example
        A cell that is not empty, masked.
    """

    name: str
    cells: int = 0
    filled: int = 0
    types: Counter[str] = field(default_factory=Counter)
    distinct: set[str] = field(default_factory=set)
    example: str = ""

    def add(self, cells: Sequence[str]) -> None:
        """Look at cells."""
        filled = [cell for cell in cells if cell]
        self.cells += len(cells)
        self.filled += len(filled)
        if len(self.distinct) < DISTINCT_MAX:
            self.distinct.update(filled[:DISTINCT_MAX])
        step = max(1, len(filled) // _LOOKED_AT_ONCE)
        self.types.update(map(type_of, filled[::step]))
        if filled and not self.example:
            self.example = masked(filled[0])

    def absent(self, rows: int) -> None:
        """Count rows that do not have the column, as objects of JSON may lack a name."""
        self.cells += rows

    @property
    def type(self) -> str:
        """The type of most cells, and the next one if it is not rare."""
        if not self.types:
            return "empty"
        (first, _), *others = self.types.most_common(2)
        often = [name for name, count in others if count > self.types.total() / 20]
        return " or ".join([first, *often])

    @property
    def empty_share(self) -> float:
        """Share of the cells that are empty."""
        return 1 - self.filled / self.cells if self.cells else 1.0
