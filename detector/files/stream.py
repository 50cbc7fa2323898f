"""Read one stream in its own order: standard input, or a file that the user says is in order.

Nothing is kept, so that what comes in goes out at once. At the first row that goes back in time the user is warned.
"""

from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain, islice
from typing import Final

import numpy as np

from detector.files.declared import Declared
from detector.files.index import header_of, numbered
from detector.files.opening import open_file
from detector.files.reading import FarRow, Show, size_of
from detector.files.rows import in_seconds
from detector.files.table import Record, Table
from detector.files.text import Chunk, chunks, form_of, normalised
from detector.files.times import Floats, times_of_cells, times_of_lines

_ROWS_AT_ONCE: Final = 1000


class Stream:
    """A file that is read once, in its own order.

    Parameters
    ----------
    path
        The file; `-` is the standard input.
    declared
        What the user says of it.
    warn
        Takes a line of text: that a row goes back in time.
    show
        Called with the progress.

    Raises
    ------
    InputError
        If it cannot be used; some of that shows only later.
    """

    def __init__(
        self,
        path: str,
        declared: Declared,
        warn: Callable[[str], None],
        show: Show = lambda _what, _share: None,
    ) -> None:
        self.is_sorted = False
        self.out_of_order = 0
        self._path, self._declared, self._warn, self._show = path, declared, warn, show
        self._files, self._bytes, self._size = ExitStack(), 0, size_of(path)
        self._opened = open_file(path, self._files, self._count_bytes)
        self._table: Table | None = None
        self._lines = array("Q")  # of a table, the line of each item
        self._latest_s, self._count, self._warned = -np.inf, 0, False

    def batches(self) -> Iterator[list[bytes]]:
        """Read all rows, many at a time; a blank item is no record, and its number is counted."""
        with self._files:
            form = form_of(self._path, self._opened, self._declared)
            pieces = chunks(normalised(self._path, self._opened, form))
            yield from self._table_batches(pieces) if form.shape == "csv" else self._line_batches(pieces)

    def place(self, number: int) -> tuple[str, int]:
        """Return the file and the line of an item, by its number from 0."""
        return self._path, self._lines[number] if self._lines else number + 1

    def far(self) -> Iterator[FarRow]:
        """Return no rows: what is far from all others is not known of a stream."""
        return iter(())

    def headers_repeated(self) -> int:
        """Count the rows that were passed over because they name the columns again."""
        return self._table.headers_repeated if self._table else 0

    def _count_bytes(self, count: int) -> None:
        self._bytes += count
        self._show("reading", min(self._bytes / self._size, 1.0) if self._size else None)

    def _line_batches(self, pieces: Iterator[Chunk]) -> Iterator[list[bytes]]:
        for chunk in pieces:
            lines = chunk.data.split(b"\n")
            if not lines[-1]:
                lines.pop()
            sizes = np.fromiter(map(len, lines), np.int64, len(lines))
            starts = np.cumsum(sizes + 1) - sizes - 1
            self._watch(times_of_lines(chunk.data, starts, starts + sizes, self._declared), None)
            yield lines if self._declared.times_in == "s" else [in_seconds(line, self._declared) for line in lines]

    def _table_batches(self, pieces: Iterator[Chunk]) -> Iterator[list[bytes]]:
        lines = numbered(pieces)
        headed = header_of(self._path, lines, self._declared, None)
        if headed is None:
            return
        self._table = headed.table
        records = headed.table.records(lines)
        for first in records:
            rows = list(islice(chain([first], records), _ROWS_AT_ONCE))
            yield self._values(headed.table, rows)

    def _values(self, table: Table, rows: list[Record]) -> list[bytes]:
        column = table.time_column
        cells = [row.cells[column].encode() if row.cells and len(row.cells) > column else b"" for row in rows]
        self._watch(times_of_cells(cells, self._declared), [row.line for row in rows])
        self._lines.extend(row.line for row in rows)
        return [table.value(row.data) for row in rows]

    def _watch(self, at_s: Floats, lines: list[int] | None) -> None:
        """Warn of the first row that goes back in time."""
        times = np.where(np.isnan(at_s), -np.inf, at_s)
        latest = np.maximum.accumulate(np.concatenate([[self._latest_s], times]))
        back = np.flatnonzero((times < latest[:-1]) & ~np.isnan(at_s))
        self.out_of_order += len(back)
        if len(back) and not self._warned:
            self._warned = True
            line = lines[back[0]] if lines else self._count + int(back[0]) + 1
            self._warn(
                f"{self._path}: line {line} is older than a row before it. A stream is read in its own order, so that"
                " older rows count as late; name the file without --in-order to have it sorted"
            )
        self._latest_s, self._count = latest[-1], self._count + len(at_s)
