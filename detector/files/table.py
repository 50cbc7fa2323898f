"""Read CSV: which character separates the cells, what the columns are called, and rows as interactions.

A row that cannot be read (a stray quote, too many cells, bytes that are not UTF-8) is passed on as it stands; the rows
around it are not affected.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from detector.files.cells import converters
from detector.files.declared import Declared
from detector.files.problem import InputError
from detector.files.rows import LINE_BYTES_MAX, encode, identified
from schemas.interaction import FIELDS, VALUE_BYTES_MAX

OBLIGATORY: Final = ("client_id", "kind", "at", "direction")
SEPARATORS: Final = (",", ";", "\t", "|")
NAMES: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_EXCEL_SEPARATOR: Final = b"sep="  # a first line by which Excel is told
_COLUMNS_NAMED_MAX: Final = 8

csv.field_size_limit(LINE_BYTES_MAX)


class Line(NamedTuple):
    """A line of a file with its number, from 1, and the place where it begins."""

    number: int
    offset: int
    data: bytes


class Record(NamedTuple):
    """A row as it stands in the file: the line on which it ends, where it begins, its bytes, and its cells.

    The cells are None for a row that no reader of CSV understands.
    """

    line: int
    offset: int
    data: bytes
    cells: list[str] | None


class Table:
    """The header of a CSV file, and how its rows are read.

    Parameters
    ----------
    path
        Name of the file, for messages.
    header
        The line with the names of the columns, and lines before it that are none.
    declared
        What the user says of the cells.
    """

    def __init__(self, path: str, header: bytes, declared: Declared, separator: str | None = None) -> None:
        self.separator = separator or separator_of(header)
        self.columns = columns_of(path, header, self.separator)
        _demand_columns(path, self.columns)
        self.headers_repeated = 0  # rows that name the columns again, as files put behind each other do
        convert = converters(declared)
        self._converters = [convert.get(name, str) for name in self.columns]
        self._has_id = "event_id" in self.columns
        self._separator = self.separator.encode()

    @property
    def time_column(self) -> int:
        """The place of the column with the times."""
        return self.columns.index("at")

    def time_cell(self, data: bytes) -> bytes:
        """Return the cell with the time of a row without quotes; empty if the row ends before it."""
        cells = data.split(self._separator, self.time_column + 1)
        return cells[self.time_column] if len(cells) > self.time_column else b""

    def records(self, lines: Iterable[Line]) -> Iterator[Record]:
        """Put lines together to rows."""
        return records_of(lines, self.separator)

    def value(self, row: bytes) -> bytes:
        """Return a row as it would be produced; empty if no cell of it is filled."""
        row = row.strip(b"\r\n")
        try:
            cells = self._cells(row)
        except (csv.Error, UnicodeDecodeError):
            return row[:LINE_BYTES_MAX]
        if len(cells) > len(self.columns) or len(row) >= LINE_BYTES_MAX:
            return row[:LINE_BYTES_MAX]
        if cells[:1] == self.columns[:1] and cells == self.columns:
            self.headers_repeated += 1
            return b""
        return self._value(cells)

    def _cells(self, row: bytes) -> list[str]:
        text = row.decode()
        cells = next(csv.reader((text,), delimiter=self.separator, strict=True), []) if '"' in text else None
        return [cell.strip() for cell in (text.split(self.separator) if cells is None else cells)]

    def _value(self, cells: Sequence[str]) -> bytes:
        filled = zip(self.columns, self._converters, cells, strict=False)
        fields: dict[str, Any] = {name: convert(cell) for name, convert, cell in filled if cell}
        if not fields:
            return b""
        event = fields if self._has_id and "event_id" in fields else identified(fields)
        value = encode(event)
        if len(value) <= VALUE_BYTES_MAX:
            return value
        return encode({name: field for name, field in event.items() if name in FIELDS})


def records_of(lines: Iterable[Line], separator: str) -> Iterator[Record]:
    """Put lines together to rows, whatever the columns are."""
    source = _Lines(lines)
    reader = csv.reader(source, delimiter=separator, strict=True)
    while (line := source.take()) is not None:
        if b'"' not in line.data:
            yield Record(*line, line.data.decode("utf-8", "replace").rstrip("\r\n").split(separator))
            continue
        source.give_back(line)
        source.taken.clear()
        try:
            cells = next(reader)
        except (csv.Error, StopIteration):
            # A quote that is never closed takes in the lines below it: only its own line is lost to it.
            first, *others = source.taken
            source.give_back(*others)
            yield Record(*first, None)
        else:
            first = source.taken[0]
            data = b"".join(part.data for part in source.taken)
            yield Record(source.taken[-1].number, first.offset, data, cells)


def separator_of(header: bytes) -> str:
    """Find which character separates the names of the columns: the one that leaves most of them whole.

    >>> separator_of(b"client_id;kind;at;direction")
    ';'
    """
    text = header.decode("utf-8", "replace")

    def names(separator: str) -> tuple[int, int]:
        cells = [cell.strip().strip('"') for cell in text.split(separator)]
        return sum(name in cells for name in OBLIGATORY), len(cells)

    return max(SEPARATORS, key=names)


def declared_separator(line: bytes) -> str | None:
    """Return the separator that a first line `sep=;` declares to Excel, or None."""
    text = line.strip(b"\r\n")
    if text.lower().startswith(_EXCEL_SEPARATOR) and len(text) == len(_EXCEL_SEPARATOR) + 1:
        return text[-1:].decode("utf-8", "replace")
    return None


def columns_of(path: str, header: bytes, separator: str) -> list[str]:
    """Read the names of the columns.

    Raises
    ------
    InputError
        If the line has quotes that are not CSV's.
    """
    text = header.decode("utf-8", "replace").rstrip("\r\n")
    try:
        return [name.strip() for name in next(csv.reader((text,), delimiter=separator, strict=True), [])]
    except csv.Error as error:
        raise InputError(f"the first line of {path} is not CSV: {error}; correct its quotes") from None


def _demand_columns(path: str, columns: list[str]) -> None:
    missing = [name for name in OBLIGATORY if name not in columns]
    if missing and any(any(character.isdigit() for character in name) for name in columns):
        raise InputError(
            f"{path} has no column {', '.join(missing)}; its first line looks like data:"
            f" put a line above it that names the columns, with {', '.join(OBLIGATORY)} among them"
        )
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing)}; its first line should name the columns"
            f" and they should include {', '.join(OBLIGATORY)}. It names {_listed(columns)}"
        )
    if repeated := [name for name in columns if name and columns.count(name) > 1]:
        raise InputError(f"{path} has the column {repeated[0]!r} more than once; rename or remove one")


def _listed(columns: Sequence[str]) -> str:
    listed = ", ".join(name[:40] for name in columns[:_COLUMNS_NAMED_MAX])
    return listed + (f" and {len(columns) - _COLUMNS_NAMED_MAX} more" if len(columns) > _COLUMNS_NAMED_MAX else "")


class _Lines:
    """Lines for a reader of CSV, which remembers those of the current row."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines, self._returned = iter(lines), deque[Line]()
        self.taken: list[Line] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.take()
        if line is None:
            raise StopIteration
        self.taken.append(line)
        return line.data.decode("utf-8", "replace")

    def take(self) -> Line | None:
        """Return the next line, or None at the end."""
        return self._returned.popleft() if self._returned else next(self._lines, None)

    def give_back(self, *lines: Line) -> None:
        """Put these lines back, before all others."""
        self._returned.extendleft(reversed(lines))
