"""One file that can be read in any order: its text on disk, its table if it has columns, and the index of its rows."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from detector.core.primitives.hashing import Integers
from detector.files.declared import Declared
from detector.files.encodings import UTF8
from detector.files.index import (
    Headed,
    NotUtf8Error,
    RowIndex,
    Utf8Check,
    blocks_of,
    header_of,
    index_of_lines,
    index_of_table,
    numbered,
)
from detector.files.opening import Opened, Progress, damage_named
from detector.files.rows import LINE_BYTES_MAX, in_seconds
from detector.files.spill import Spill
from detector.files.table import Table
from detector.files.text import Form, Text, chunks, form_of, text_of, transcoded

_RANGE_BYTES_MAX: Final = 32 * 1024 * 1024
_RANGE_SHARE_MIN: Final = 4  # at least a quarter of what is read at once should be wanted
_NEAR_BYTES: Final = 4096  # rows this near to each other are read together


@dataclass(frozen=True)
class Source:
    """A file whose rows can be read in any order."""

    text: Text
    table: Table | None
    index: RowIndex
    declared: Declared

    def without_times(self) -> "Source":
        """Return the source without the times of its rows, which nobody needs once they are in order."""
        return replace(self, index=self.index._replace(at_s=np.empty(0)))

    def rows(self, numbers: Integers) -> list[bytes]:
        """Read some rows as they stand, in the order of their numbers."""
        starts = self.index.starts[numbers]
        sizes = np.minimum(self.index.starts[numbers + 1] - starts, LINE_BYTES_MAX)
        begin, end = int(starts.min()), int((starts + sizes).max())
        if end - begin <= min(_RANGE_BYTES_MAX, max(_NEAR_BYTES, _RANGE_SHARE_MIN * int(sizes.sum()))):
            data, places = self.text.bytes_at(begin, end - begin), (starts - begin).tolist()
            return [data[place : place + size] for place, size in zip(places, sizes.tolist(), strict=True)]
        return self._scattered_rows(starts, sizes)

    def values(self, rows: Sequence[bytes]) -> list[bytes]:
        """Return rows as they would be produced, or as lines of JSON; empty for a row that is no record."""
        if self.table is not None:
            return list(map(self.table.value, rows))
        return list(rows) if self.declared.times_in == "s" else [in_seconds(row, self.declared) for row in rows]

    def lines(self) -> Iterator[list[bytes]]:
        """Read all lines of JSON in the order of the file, many at a time."""
        for chunk in chunks(blocks_of(self.text, self.text.start), self.text.start):
            lines = chunk.data.split(b"\n")
            if not lines[-1]:
                lines.pop()
            yield self.values(lines)

    def _scattered_rows(self, starts: Integers, sizes: Integers) -> list[bytes]:
        """Read rows that lie far from each other: neighbours at once, in the order of the disk."""
        order = np.argsort(starts)
        gaps = starts[order][1:] - (starts + sizes)[order][:-1]
        rows = [b""] * len(starts)
        for group in np.split(order, np.flatnonzero(gaps > _NEAR_BYTES) + 1):
            begin, last = int(starts[group[0]]), group[-1]
            data = self.text.bytes_at(begin, int(starts[last] + sizes[last]) - begin)
            for i in group.tolist():
                place = int(starts[i]) - begin
                rows[i] = data[place : place + int(sizes[i])]
        return rows


def source_of(path: str, opened: Opened, declared: Declared, files: ExitStack, progress: Progress) -> Source:
    """Index a file; one that is not lines of UTF-8 on disk is written into a temporary file first.

    Raises
    ------
    InputError
        If it cannot be used.
    """
    form = form_of(path, opened, declared)
    text = text_of(path, opened, form, files)
    try:
        return _indexed(text, declared, Utf8Check(), progress)
    except NotUtf8Error as error:
        other = transcoded(text, error.sample, files)
        return _indexed(other or text, declared, None, lambda _: None)


def source_of_spill(spill: Spill, declared: Declared, progress: Progress) -> Source:
    """Index interactions that were made of a file; their lines are those of the records that they were made of."""
    text = Text(spill.path, spill.file, 0, Form("plain", UTF8, "\n", "json lines"))
    source = _indexed(text, declared, None, progress)
    return replace(source, index=source.index._replace(lines=np.array(spill.lines, np.uint32)))


def _indexed(text: Text, declared: Declared, check: Utf8Check | None, progress: Progress) -> Source:
    with damage_named(text.path):
        if text.form.shape != "csv":
            return Source(text, None, index_of_lines(text, declared, check, progress), declared)
        headed: Headed | None = header_of(
            text.path, numbered(chunks(blocks_of(text, text.start), text.start)), declared, check
        )
        if headed is None:
            return Source(text, None, RowIndex(np.empty(0), np.array([text.size]), None, 1), declared)
        return Source(text, headed.table, index_of_table(text, headed, declared, check, progress), declared)


def described(form: Form) -> str:
    r"""Describe in a few words how a file is written.

    >>> described(Form("gzip", "utf-8", "\n", "json lines"))
    'json lines, utf-8, gzip'
    """
    packing = "" if form.packing == "plain" else f", {form.packing}"
    return f"{form.shape}, {form.encoding}{packing}"
