"""Rows of a CSV file as interactions, and the ids of events that have none.

A row that cannot be read (a stray quote, too many cells, bytes that are not UTF-8) is passed on as it stands; the rows
around it are not affected.
"""

import csv
import json
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic_core import from_json

Row = tuple[int, bytes, dict[str, Any] | None]
"""Line on which it ends, value as it would be produced, and its fields if they were looked at."""

OBLIGATORY: Final = ("client_id", "kind", "at", "direction")
TRUTHS: Final = {"true": True, "false": False, "1": True, "0": False}
EVENT_IDS: Final = uuid.UUID("5a3f0e58-54c0-5d0f-9a3f-6a1d5b0f2f2e")
"""Namespace of the ids that are made from content. To change it makes every event a new one."""

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class InputError(Exception):
    """A file that cannot be used: one line that says the remedy."""


def from_csv(path: str, lines: Iterable[tuple[int, bytes]], bytes_max: int) -> Iterator[Row]:
    """Read a header and rows.

    Parameters
    ----------
    path
        Name of the file, for messages.
    lines
        Numbered, with their line breaks.
    bytes_max
        A row that is longer is passed on as it stands; `lines` may have cut it.
    """
    source = _Lines(lines)
    csv.field_size_limit(bytes_max)
    rows = csv.reader(source, strict=True)
    header = _header(path, rows)
    converters = [_CONVERTERS.get(name, str) for name in header]
    has_id = "event_id" in header
    while True:
        source.taken.clear()
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            # A quote that is never closed takes in the lines below it: only its own line is lost to it.
            yield source.give_back()
            continue
        raw = source.raw()
        if len(row) > len(header) or len(raw) >= bytes_max:
            yield source.number, raw, None
        elif any(row):
            cells = zip(header, converters, row, strict=False)
            fields = {name: convert(cell) for name, convert, cell in cells if cell}
            try:
                value = encode(fields if has_id and "event_id" in fields else identified(fields))
            except UnicodeEncodeError:
                yield source.number, raw, None
            else:
                yield source.number, value, fields


class _Lines:
    """Lines as text, which remembers those of the current row."""

    def __init__(self, lines: Iterable[tuple[int, bytes]]) -> None:
        self._lines = iter(lines)
        self._returned = deque[tuple[int, bytes]]()
        self.taken: list[tuple[int, bytes]] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, line = self._returned.popleft() if self._returned else next(self._lines)
        self.taken.append((number, line))
        self.number = number
        return line.decode("utf-8", "surrogateescape")  # to encode it again fails, and that is noticed

    def raw(self) -> bytes:
        """The lines of the row as they stand in the file."""
        return b"".join(line for _, line in self.taken).strip()

    def give_back(self) -> Row:
        """Keep the first line of the row, and read the others again."""
        (number, line), *others = self.taken
        self._returned.extendleft(reversed(others))
        return number, line.strip(), None


def _header(path: str, rows: Iterator[list[str]]) -> Sequence[str]:
    try:
        header = [name.strip() for name in next(rows)]
    except csv.Error as error:
        raise InputError(f"the first line of {path} is not CSV: {error}; correct its quotes") from None
    if missing := [name for name in OBLIGATORY if name not in header]:
        raise InputError(
            f"{path} has no column {', '.join(missing)}; its first line should name the columns, separated by commas,"
            f" and they should include {', '.join(OBLIGATORY)}"
        )
    if repeated := [name for name in header if header.count(name) > 1]:
        raise InputError(f"{path} has the column {repeated[0]!r} more than once; rename or remove one")
    return header


def _or_text(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """Leave what cannot be converted as text, for the reader to refuse with a reason."""

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


def _whole_number(cell: str) -> int:
    if "_" in cell:
        raise ValueError("a number to Python only")
    return int(cell)


def _time(cell: str) -> float | str:
    # 1.74E+09 is how a spreadsheet writes a time of which it lost the last digits.
    return cell if "T" in cell or "e" in cell.lower() else _number(cell)


def _truth(cell: str) -> bool | str:
    return TRUTHS.get(cell.lower(), cell)


_CONVERTERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "length": _or_text(_whole_number),
    **dict.fromkeys(("duration_s", "amount", "sentiment"), _or_text(_number)),
    **dict.fromkeys(("at", "due_at"), _or_text(_time)),
    **dict.fromkeys(("automated", "substantive"), _truth),
    "attributes": _or_text(from_json),
}


def identified(fields: dict[str, Any]) -> dict[str, Any]:
    """Give an event an id made from its content, in any order of its fields: the same content is the same event."""
    content = {name: value for name, value in fields.items() if value is not None}
    return {"event_id": str(uuid.uuid5(EVENT_IDS, _canonical(content))), **content}


def produced(line: bytes) -> bytes:
    """Give a line of JSON as it would be produced: with an event id. What is none, or has one, stays as it is."""
    if _has_id(line):
        return line
    try:
        fields = from_json(line)
    except ValueError:
        return line
    if not isinstance(fields, dict) or "specversion" in fields or fields.get("event_id") is not None:
        return line
    return encode(identified(fields))


def _has_id(line: bytes) -> bool:
    """Say without parsing whether a flat object has an event id; in a string these quotes would be escaped."""
    return line.rfind(b"{") == 0 and (b'"event_id":"' in line or b'"event_id": "' in line)


def encode(fields: dict[str, Any]) -> bytes:
    """Write an event as it is produced."""
    return _compact(fields).encode()
