"""Look at a file once and describe what is in it, in bounded memory.

Every row is counted and its time is read. What takes longer (columns, clients, words) is looked at in all rows of the
first 32 MB, and in a part of the rest.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final

import numpy as np
from pydantic_core import from_json

from detector.core.primitives.hashing import Integers
from detector.files.declared import Declared
from detector.files.encodings import guessed_encoding
from detector.files.index import NotUtf8Error, Utf8Check, header_line, numbered
from detector.files.inspection.clients import CLIENTS_MAX, Clients, clients_of, text_of
from detector.files.inspection.columns import Column
from detector.files.inspection.span import Span, TimeForms, span_of
from detector.files.opening import Opened, open_file
from detector.files.reading import Show, size_of
from detector.files.table import NAMES, Record, columns_of, records_of
from detector.files.text import Chunk, Form, chunks, form_of, normalised
from detector.files.times import Floats, times_of_cells, times_of_lines

ALL_BYTES: Final = 32 * 1024 * 1024
"""Up to here every row is looked at."""
_ONE_OF: Final = 8  # behind that, one of so many blocks
_COLUMNS_MAX: Final = 200
_WORDS_MAX: Final = 50
_ROWS_AT_ONCE: Final = 2000
_RECENT_DAYS: Final = 45


@dataclass
class Inspection:
    """What is in a file.

    Parameters
    ----------
    path, form
        The file, and how it is written.
    separator
        Between cells; None = it is JSON.
    rows, rows_looked_at
        How many there are, and how many of them were looked at in full.
    broken
        Rows that no reader understands.
    columns
        In the order of the file; of JSON, the names of the objects.
    span, clients
        Times and clients; None = no column with them was found.
    time_column
        Where the times were found.
    words
        How often which pair of direction and kind occurs.
    currencies
        How often which currency occurs.
    units, offsets, without_offset
        In which forms times are written.
    headers_repeated
        Rows that name the columns again.
    """

    path: str
    form: Form
    separator: str | None = None
    rows: int = 0
    rows_looked_at: int = 0
    broken: int = 0
    columns: dict[str, Column] = field(default_factory=dict)
    columns_left_out: int = 0
    span: Span | None = None
    clients: Clients | None = None
    time_column: str | None = None
    words: Counter[str] = field(default_factory=Counter)
    currencies: Counter[str] = field(default_factory=Counter)
    units: dict[str, int] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    without_offset: int = 0
    headers_repeated: int = 0

    def options(self) -> dict[str, str]:
        """Return the options that a command needs to read the file, with the reason of each."""
        options = {}
        if self.form.guessed:
            options[f"--encoding {self.form.encoding}"] = "the file is not UTF-8, and reads like this"
        for unit, count in self.units.items():
            if 2 * count > self.rows_looked_at:
                options[f"--times-in {unit}"] = "the times are numbers that look like this unit"
        amount = self.columns.get("amount")
        if amount and "number with a decimal comma" in amount.type:
            options["--decimal-comma"] = "amounts are written 1.013,50"
        return options

    def is_recent(self, now_s: float) -> bool:
        """Check whether the last row is so new that silences can be watched up to now."""
        if self.span is None or self.span.last is None:
            return False
        return now_s - datetime.fromisoformat(self.span.last).timestamp() < _RECENT_DAYS * 86_400

    def as_json(self) -> dict[str, Any]:
        """Return all of it as values of JSON."""
        values = {**vars(self), "form": asdict(self.form), "span": self.span and self.span._asdict()}
        values["clients"] = self.clients and asdict(self.clients)
        values["columns"] = [
            {
                "name": column.name,
                "type": column.type,
                "empty_share": round(column.empty_share, 4),
                "distinct": len(column.distinct),
                "example": column.example,
            }
            for column in self.columns.values()
        ]
        return values


def inspect(
    path: str, declared: Declared, *, opened: Opened | None = None, show: Show = lambda _what, _share: None
) -> Inspection:
    """Look at a file; `opened` is what was made of it, if that is to be looked at instead.

    Raises
    ------
    InputError
        If it is missing or no text.
    """
    try:
        return _Look(path, declared, None, show, opened).inspection
    except NotUtf8Error as error:
        return _Look(path, declared, guessed_encoding(error.sample) or "cp1252", show).inspection


class _Look:
    """One pass over a file."""

    def __init__(
        self, path: str, declared: Declared, guessed: str | None, show: Show, opened: Opened | None = None
    ) -> None:
        self._declared, self._now_s, self._forms = declared, time.time(), TimeForms()
        self._clients, self._all_clients = Counter[str](), True
        self._at_s: list[Floats] = []
        self._offsets: list[Integers] = []  # of a table, where each row begins; of blocks not looked at, the block
        self._separator, self._time_place = b",", 0
        self._check = Utf8Check() if guessed is None else None
        self._done, self._size, self._show = 0, size_of(path), show
        with ExitStack() as files:
            opened = opened or open_file(path, files, self._count)
            form = form_of(path, opened, declared)
            if guessed:
                form = replace(form, encoding=guessed, guessed=True)
            self.inspection = Inspection(path, form)
            pieces = self._checked(chunks(normalised(path, opened, form)))
            if form.shape == "csv":
                self._look_at_table(path, pieces)
            else:
                self._look_at_lines(pieces)
        self._finish()

    def _count(self, size: int) -> None:
        self._done += size
        self._show("looking at the file", min(self._done / self._size, 1.0) if self._size else None)

    def _checked(self, pieces: Iterator[Chunk]) -> Iterator[Chunk]:
        for chunk in pieces:
            if self._check and self.inspection.form.encoding == "utf-8":
                self._check.look(chunk.data)
            yield chunk

    # JSON

    def _look_at_lines(self, pieces: Iterator[Chunk]) -> None:
        for number, chunk in enumerate(pieces):
            stops = np.flatnonzero(np.frombuffer(chunk.data, np.uint8) == ord("\n"))
            if not chunk.data.endswith(b"\n"):
                stops = np.append(stops, len(chunk.data))
            starts = np.concatenate([[0], stops[:-1] + 1])
            self._at_s.append(times_of_lines(chunk.data, starts, stops, self._declared))
            self.inspection.rows += len(starts)
            if chunk.offset < ALL_BYTES or number % _ONE_OF == 0:
                self._look_at_objects(chunk.data.split(b"\n"))
        self.inspection.time_column = "at"

    def _look_at_objects(self, lines: Sequence[bytes]) -> None:
        rows: list[dict[str, str]] = []
        for line in lines:
            if not line.strip():
                continue
            try:
                fields = from_json(line, cache_strings="keys")
            except ValueError:
                fields = None
            if not isinstance(fields, dict):
                self.inspection.broken += 1
                continue
            if "specversion" in fields and isinstance(fields.get("data"), dict):
                fields = {"at": fields.get("time"), **fields["data"]}
            rows.append({name: text_of(value) for name, value in fields.items()})
        self._look_at_rows(rows)

    def _look_at_rows(self, rows: Sequence[dict[str, str]]) -> None:
        names = dict.fromkeys(name for row in rows for name in row)
        for name in names:
            if column := self._column(name):
                column.add([row.get(name, "") for row in rows])
        for name, column in self.inspection.columns.items():
            if name not in names:
                column.absent(len(rows))
        wanted = ("client_id", "direction", "kind", "currency", "at")
        clients, directions, kinds, currencies, times = ([row.get(name, "") for row in rows] for name in wanted)
        self._look_at_fields(len(rows), clients, directions, kinds, currencies, times)

    # CSV

    def _look_at_table(self, path: str, pieces: Iterator[Chunk]) -> None:
        lines = numbered(self._without_skipped(pieces))
        header = header_line(lines)
        if header is None:
            return
        self.inspection.separator = NAMES[header.separator]
        self._separator = header.separator.encode()
        columns = columns_of(path, header.data, header.separator)
        place = {name: i for i, name in reversed(list(enumerate(columns)))}
        for name in columns:
            self._column(name)
        records = records_of(lines, header.separator)
        while True:
            batch = list(islice(records, _ROWS_AT_ONCE))
            if not batch:
                break
            readable = [record for record in batch if record.cells is not None]
            self.inspection.broken += len(batch) - len(readable)
            self._look_at_records(columns, place, readable)

    def _look_at_records(self, columns: list[str], place: dict[str, int], records: list[Record]) -> None:
        rows, offsets, width = [], [], len(columns)
        for record in records:
            row = [cell.strip() for cell in record.cells or ()]
            if row == columns:
                self.inspection.headers_repeated += 1
            elif any(row):
                rows.append(row)
                offsets.append(record.offset)
        self.inspection.broken += sum(len(row) > width for row in rows)
        cells = list(zip(*(row[:width] + [""] * (width - len(row)) for row in rows), strict=True)) or [()] * width
        for name, column in self.inspection.columns.items():
            column.add(cells[place[name]])
        blank = [""] * len(rows)
        time_column = self._time_column(columns)
        self._time_place = place.get(time_column or "", len(columns))
        times = list(cells[place[time_column]]) if time_column else blank
        clients, directions, kinds, currencies = (
            list(cells[place[name]]) if name in place else blank
            for name in ("client_id", "direction", "kind", "currency")
        )
        self._at_s.append(times_of_cells([cell.encode() for cell in times], self._declared))
        self._offsets.append(np.array(offsets, np.int64))
        self.inspection.rows += len(rows)
        self._look_at_fields(len(rows), clients, directions, kinds, currencies, times)

    def _time_column(self, columns: Sequence[str]) -> str | None:
        if self.inspection.time_column is None:
            timed = [column for column in self.inspection.columns.values() if column.type.startswith(("time", "date"))]
            fullest = [column.name for column in sorted(timed, key=lambda column: column.empty_share)]
            self.inspection.time_column = "at" if "at" in columns else next(iter(fullest), None)
        return self.inspection.time_column

    def _without_skipped(self, pieces: Iterator[Chunk]) -> Iterator[Chunk]:
        """Pass on the blocks that are looked at in full; of the others the rows are counted and their times read."""
        for number, chunk in enumerate(pieces):
            if chunk.offset < ALL_BYTES or number % _ONE_OF == 0 or b'"' in chunk.data:
                yield chunk
                continue
            rows = [row for row in chunk.data.split(b"\n") if row.strip()]
            self.inspection.rows += len(rows)
            column = self._time_place
            cells = [row.split(self._separator, column + 1) for row in rows]
            times = [row[column] if len(row) > column else b"" for row in cells]
            self._at_s.append(times_of_cells(times, self._declared))
            self._offsets.append(np.full(len(rows), chunk.offset))

    # Both

    def _look_at_fields(
        self,
        rows: int,
        clients: Sequence[str],
        directions: Sequence[str],
        kinds: Sequence[str],
        currencies: Sequence[str],
        times: Sequence[str],
    ) -> None:
        inspection = self.inspection
        inspection.rows_looked_at += rows
        if len(self._clients) < CLIENTS_MAX:
            self._clients.update(client for client in clients if client)
        else:
            self._all_clients = False
        _count(inspection.words, (f"{way} {kind}".strip() for way, kind in zip(directions, kinds, strict=True)))
        _count(inspection.currencies, currencies)
        for cell in filter(None, times):
            self._forms.add(cell)

    def _column(self, name: str) -> Column | None:
        columns = self.inspection.columns
        if name not in columns:
            if len(columns) >= _COLUMNS_MAX:
                self.inspection.columns_left_out += 1
                return None
            columns[name] = Column(name)
        return columns[name]

    def _finish(self) -> None:
        inspection = self.inspection
        is_complete = self._all_clients and inspection.rows_looked_at >= inspection.rows
        inspection.clients = clients_of(self._clients, is_complete=is_complete)
        inspection.units = dict(self._forms.units)
        inspection.offsets = dict(self._forms.offsets)
        inspection.without_offset = self._forms.without_offset
        at_s = np.concatenate([np.empty(0), *self._at_s])
        if self._offsets:
            at_s = at_s[np.argsort(np.concatenate(self._offsets), kind="stable")]
        if inspection.time_column:
            inspection.span = span_of(at_s, self._now_s, len(self._clients))


def _count(counts: Counter[str], words: "Iterator[str] | Sequence[str]") -> None:
    """Count words of a small set; when there are too many different ones, those that are new are one."""
    for word, count in Counter(filter(None, words)).items():
        counts[word if word in counts or len(counts) < _WORDS_MAX else "(others)"] += count
