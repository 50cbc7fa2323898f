"""An index of the rows of a text: the time and the place of each, 16 bytes a row.

It is made in one pass that reads no more of a row than its time, and is what sorting by time needs in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.core.primitives.hashing import Integers
from detector.files.declared import Declared
from detector.files.encodings import is_utf8
from detector.files.opening import Progress
from detector.files.table import Line, Table, declared_separator, separator_of
from detector.files.text import BLOCK_BYTES, Chunk, Text, chunks
from detector.files.times import Floats, times_of_cells, times_of_lines

_LINE_BREAK = 10
_TEXT_SAMPLE_BYTES: Final = 64 * 1024
_HEADER_LINES_MAX: Final = 20
_ROWS_AT_ONCE: Final = 5_000

Lines32 = npt.NDArray[np.uint32]


class RowIndex(NamedTuple):
    """The rows of a text, in its own order.

    Parameters
    ----------
    at_s
        Their times as they stand; NaN = none is readable.
    starts
        Where each begins, and where the text ends.
    lines
        The line on which each ends; None = each is one line, and the first of them is `first_line`.
    first_line
        The line of the first row, from 1.
    """

    at_s: Floats
    starts: Integers
    lines: Lines32 | None
    first_line: int

    def line(self, row: int) -> int:
        """Return the line on which a row ends."""
        return self.first_line + row if self.lines is None else int(self.lines[row])


class NotUtf8Error(Exception):
    """A text that was taken for UTF-8 is none; holds some of its lines that are not ASCII."""

    def __init__(self, sample: bytes) -> None:
        super().__init__("not UTF-8")
        self.sample = sample


class Utf8Check:
    """Looks at a text while it is read, and keeps some of its lines that are not ASCII."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._bytes = 0

    def look(self, data: bytes) -> None:
        """Look at complete lines.

        Raises
        ------
        NotUtf8Error
            If they are not UTF-8.
        """
        if data.isascii():
            return
        valid = is_utf8(data)
        if self._bytes < _TEXT_SAMPLE_BYTES or not valid:
            for line in data.split(b"\n"):
                if not line.isascii() and self._bytes < 2 * _TEXT_SAMPLE_BYTES:
                    self._lines.append(line)
                    self._bytes += len(line)
        if not valid:
            raise NotUtf8Error(b"\n".join(self._lines))


@dataclass
class _Columns:
    """The columns of an index while it grows."""

    at_s: list[Floats] = field(default_factory=list)
    starts: list[Integers] = field(default_factory=list)
    lines: list[Lines32] = field(default_factory=list)

    def append(self, at_s: Floats, starts: Integers, lines: Lines32 | None = None) -> None:
        self.at_s.append(at_s)
        self.starts.append(starts)
        if lines is not None:
            self.lines.append(lines)

    def index(self, first_line: int, end: int) -> RowIndex:
        starts = np.concatenate([np.zeros(0, np.int64), *self.starts, np.array([end])])
        self.starts.clear()
        lines = np.concatenate(self.lines) if self.lines else None
        return RowIndex(np.concatenate([np.empty(0), *self.at_s]), starts, lines, first_line)


def blocks_of(text: Text, start: int) -> Iterator[bytes]:
    """Read a text from a place on."""
    while block := text.bytes_at(start, BLOCK_BYTES):
        yield block
        start += len(block)


def index_of_lines(text: Text, declared: Declared, check: Utf8Check | None, progress: Progress) -> RowIndex:
    """Index one JSON value a line."""
    columns = _Columns()
    for chunk in chunks(blocks_of(text, text.start), text.start):
        progress(len(chunk.data))
        if check:
            check.look(chunk.data)
        stops = np.flatnonzero(np.frombuffer(chunk.data, np.uint8) == _LINE_BREAK)
        if not chunk.data.endswith(b"\n"):
            stops = np.append(stops, len(chunk.data))
        starts = np.concatenate([[0], stops[:-1] + 1])
        columns.append(times_of_lines(chunk.data, starts, stops, declared), chunk.offset + starts)
    return columns.index(1, text.size)


def numbered(some: Iterator[Chunk], first: int = 1) -> Iterator[Line]:
    """Number the lines of chunks; a line that was cut has no line break."""
    for chunk in some:
        offset = chunk.offset
        for data in chunk.data.splitlines(keepends=True) if b"\r" not in chunk.data else _split(chunk.data):
            yield Line(first, offset, data)
            offset += len(data)
            first += 1


def _split(data: bytes) -> Iterator[bytes]:
    r"""Split behind `\n` only: a `\r` alone is no end of a line here."""
    start = 0
    while end := data.find(b"\n", start) + 1:
        yield data[start:end]
        start = end
    if start < len(data):
        yield data[start:]


class HeaderLine(NamedTuple):
    """The line that names the columns, with its separator, and where the rows below it begin."""

    data: bytes
    separator: str
    offset: int
    line: int


class Headed(NamedTuple):
    """A table and the place where its rows begin: the offset, and the number of the line."""

    table: Table
    offset: int
    line: int


def header_line(lines: Iterator[Line]) -> HeaderLine | None:
    """Find the line that names the columns; None = there are only blank lines."""
    separator = None
    for line in lines:
        if told := declared_separator(line.data):
            separator = told
            continue
        if not line.data.strip():
            continue
        header, last = line.data, line
        for _ in range(_HEADER_LINES_MAX):
            if header.count(b'"') % 2 == 0 or (more := next(lines, None)) is None:
                break
            header, last = header + more.data, more
        return HeaderLine(header, separator or separator_of(header), last.offset + len(last.data), last.number + 1)
    return None


def header_of(path: str, lines: Iterator[Line], declared: Declared, check: Utf8Check | None) -> Headed | None:
    """Read the line that names the columns of interactions; None = there are only blank lines.

    Raises
    ------
    InputError
        If an obligatory column is missing.
    """
    header = header_line(lines)
    if header is None:
        return None
    if check:
        check.look(header.data)
    return Headed(Table(path, header.data, declared, header.separator), header.offset, header.line)


def index_of_table(
    text: Text, headed: Headed, declared: Declared, check: Utf8Check | None, progress: Progress
) -> RowIndex:
    """Index the rows of a CSV file. Up to the first quote each line is a row; from there on they are put together."""
    columns, line, table = _Columns(), headed.line, headed.table
    column, separator = table.time_column, table.separator.encode()
    some = chunks(_looked_at(blocks_of(text, headed.offset), progress), headed.offset)
    for chunk in some:
        if check:
            check.look(chunk.data)
        if b'"' in chunk.data:
            _index_quoted(_checked(chain([chunk], some), check), line, table, declared, columns)
            break
        rows = chunk.data.split(b"\n")
        if not rows[-1]:
            rows.pop()
        cells = [row.split(separator, column + 1) for row in rows]
        times = times_of_cells([row[column] if len(row) > column else b"" for row in cells], declared)
        sizes = np.fromiter(map(len, rows), np.int64, len(rows)) + 1
        columns.append(
            times, chunk.offset + np.cumsum(sizes) - sizes, np.arange(line, line + len(rows), dtype=np.uint32)
        )
        line += len(rows)
    return columns.index(headed.line, text.size)


def _looked_at(blocks: Iterator[bytes], progress: Progress) -> Iterator[bytes]:
    for block in blocks:
        progress(len(block))
        yield block


def _checked(some: Iterator[Chunk], check: Utf8Check | None) -> Iterator[Chunk]:
    for chunk in some:
        if check:
            check.look(chunk.data)
        yield chunk


def _index_quoted(some: Iterator[Chunk], line: int, table: Table, declared: Declared, columns: _Columns) -> None:
    records = table.records(numbered(some, line))
    column = table.time_column
    while True:
        batch = list(islice(records, _ROWS_AT_ONCE))
        if not batch:
            return
        cells = [row.cells[column].encode() if row.cells and len(row.cells) > column else b"" for row in batch]
        starts = np.array([row.offset for row in batch])
        columns.append(times_of_cells(cells, declared), starts, np.array([row.line for row in batch], np.uint32))
