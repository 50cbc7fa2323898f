"""Records of files as other tools write them: CSV in its dialects, NDJSON, a JSON array, form lines, mail, calendars.

Each record comes with its line. What cannot be read is a record too, so that numbers stay right and nothing is lost in
silence. Memory is bounded by the longest record, and that by `LINE_BYTES_MAX`.
"""

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, Final, NamedTuple
from urllib.parse import parse_qsl

import orjson

from detector.mapping.errors import MappingError
from detector.mapping.outcome import Dropped
from detector.mapping.text import Number

LINE_BYTES_MAX: Final = 4 * 1024 * 1024  # Kafka takes 1 MB; a webhook of an order with 5,000 lines has three.
CELL_CHARACTERS_MAX: Final = 1024 * 1024
DOCUMENT_BYTES_MAX: Final = 512 * 1024 * 1024  # a JSON array is parsed as a whole
PEEK_BYTES: Final = 64 * 1024
GZIP_MAGIC: Final = b"\x1f\x8b"
UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
DELIMITERS: Final = ";,\t|"
FIELDS_LINE: Final = b"#Fields:"
FORM: Final = re.compile(rb"[A-Za-z_][\w.%-]*=[^&\s;,]*(?:&[A-Za-z_][\w.%-]*=[^&\s]*)+\s*$")

PAGES: Final = ("results", "orders", "records", "data")  # HubSpot, Shopify and WooCommerce, Salesforce, Stripe
PAGE: Final = re.compile(rb'\{\s*"(?:results|orders|records)"\s*:\s*\[')

TOO_LONG: Final = Dropped("invalid", f"longer than {LINE_BYTES_MAX} bytes")
NOT_JSON: Final = Dropped("invalid", "not JSON, or nested too deeply")
NOT_CSV: Final = Dropped("invalid", "a row with a stray quote, or a cell that is too long")
TOO_WIDE: Final = Dropped("invalid", "more cells than the header has columns")


class Record(NamedTuple):
    """A record of a file.

    Parameters
    ----------
    line
        Line on which it begins, from 1; of a JSON array the place in it.
    value
        Bytes of JSON, a parsed object, or `Dropped` for what cannot be read.

    """

    line: int
    value: Any


def parse_json(raw: bytes) -> object:
    """Parse JSON quickly; floats lose their text, which `parse_exactly` keeps."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return parse_exactly(raw)


def parse_exactly(raw: bytes) -> object:
    """Parse JSON so that every number keeps its text; also NaN and half emojis, which the quick parser refuses."""
    try:
        return json.loads(raw.decode("utf-8", "replace"), parse_float=Number, parse_int=Number, parse_constant=str)
    except (ValueError, RecursionError):
        return NOT_JSON


def read(path: Path, *, columns: list[str] | None = None, wanted: frozenset[str] | None = None) -> Iterator[Record]:
    """Read the records of a file, or of a maildir, by what it holds.

    Parameters
    ----------
    path
        The file; plain or gzip.
    columns
        Names of the columns of a CSV that has no header.
    wanted
        Columns of a CSV to read, if not all.

    Raises
    ------
    MappingError
        If it cannot be opened.
    """
    from detector.mapping import calendars, mailboxes  # noqa: PLC0415 (few files are mail)

    if path.is_dir():
        yield from mailboxes.from_maildir(path)
        return
    with _opened(path) as file:
        kind = kind_of(file, columns)
        if kind == "mbox":
            yield from mailboxes.from_mbox(file)
        elif kind == "ics":
            yield from calendars.from_ics(file)
        elif kind == "array":
            yield from _from_array(file, path)
        else:
            readers: dict[str, Callable[[Iterator[tuple[int, bytes]]], Iterator[Record]]] = {
                "json": _from_json,
                "form": _from_form,
                "log": _from_log,
                "csv": lambda lines: from_csv(lines, columns, wanted),
            }
            yield from readers[kind](_lines(file))


def kind_of(file: IO[bytes], columns: list[str] | None = None) -> str:
    """Return what a file holds, by its beginning: mbox, ics, array, json, form, log or csv."""
    start = file.peek(PEEK_BYTES)[:PEEK_BYTES].removeprefix(codecs.BOM_UTF8).lstrip()  # type: ignore[attr-defined]
    first = start.split(b"\n", 1)[0]
    if columns is not None:
        return "csv"
    if start.startswith(b"From "):
        return "mbox"
    if first.strip().upper() == b"BEGIN:VCALENDAR":
        return "ics"
    if start[:1] in (b"[", b"{"):
        return "array" if start[:1] == b"[" else _object_or_lines(start)
    if start.startswith(b"#") and FIELDS_LINE in start:
        return "log"
    return "form" if FORM.match(first) else "csv"


def _object_or_lines(start: bytes) -> str:
    """Check whether a text is NDJSON, and not one JSON object that is printed over several lines."""
    first = start.split(b"\n", 1)[0].strip()
    return "array" if first == b"{" or PAGE.match(start) else "json"


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, and tell what is wrong with it in one line."""
    try:
        with io.BufferedReader(path.open("rb", buffering=0), PEEK_BYTES) as file:
            start = file.peek(2)[:2]
            if start == GZIP_MAGIC:
                with gzip.GzipFile(fileobj=file) as unzipped:
                    yield io.BufferedReader(unzipped, PEEK_BYTES)
            elif start in UTF_16:
                yield io.BufferedReader(io.BytesIO(file.read().decode("utf-16", "replace").encode()))
            else:
                yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise MappingError(f"{path} is damaged gzip ({error}); fetch it again") from None
    except OSError as error:
        raise MappingError(f"{path} cannot be opened: {error.strerror}") from None


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Number the lines; of one that is too long only its beginning is kept, without the line break."""
    number = 0
    while line := file.readline(LINE_BYTES_MAX):
        number += 1
        yield number, line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        while len(line) == LINE_BYTES_MAX and not line.endswith(b"\n"):
            line = file.readline(LINE_BYTES_MAX)


def _is_cut(line: bytes) -> bool:
    return len(line) == LINE_BYTES_MAX and not line.endswith(b"\n")


def decoded(line: bytes) -> str:
    """Decode UTF-8, else cp1252: what Windows writes that is not UTF-8 nearly never looks like it."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        pass
    try:
        return line.decode("cp1252")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _from_json(lines: Iterator[tuple[int, bytes]]) -> Iterator[Record]:
    for number, line in lines:
        text = line.strip()
        if text:
            yield Record(number, TOO_LONG if _is_cut(line) else text)


def form_of(body: bytes) -> dict[str, str]:
    """Read a form body: `name=value&name=value`."""
    return dict(parse_qsl(decoded(body).strip(), keep_blank_values=True, errors="replace"))


def _from_form(lines: Iterator[tuple[int, bytes]]) -> Iterator[Record]:
    for number, line in lines:
        if _is_cut(line):
            yield Record(number, TOO_LONG)
        elif line.strip():
            yield Record(number, form_of(line))


def _from_array(file: IO[bytes], path: Path) -> Iterator[Record]:
    """Read the elements of a JSON array, or of a page of an API (`{"orders": [...]}`)."""
    raw = file.read(DOCUMENT_BYTES_MAX + 1)
    if len(raw) > DOCUMENT_BYTES_MAX:
        raise MappingError(
            f"{path} is a JSON document of more than {DOCUMENT_BYTES_MAX} bytes; write one object per line"
        )
    # Exactly at once: its elements have no text of their own to go back to.
    found = parse_exactly(raw.removeprefix(codecs.BOM_UTF8))
    if isinstance(found, dict):
        page = next((name for name in PAGES if isinstance(found.get(name), list) and "id" not in found), None)
        found = found[page] if page else [found]
    for place, value in enumerate(found if isinstance(found, list) else [found], 1):
        yield Record(place, value)


class _Text:
    """Lines as text, which remembers those of the current row."""

    def __init__(self, lines: Iterator[tuple[int, bytes]]) -> None:
        self._lines = lines
        self._returned = deque[tuple[int, bytes]]()
        self.taken: list[tuple[int, bytes]] = []

    def __iter__(self) -> Iterator[str]:
        # A generator, because the csv module asks for every line, and a method would cost twice as much.
        returned, lines = self._returned, self._lines
        while (line := returned.popleft() if returned else next(lines, None)) is not None:
            self.taken.append(line)
            yield decoded(line[1])

    def give_back(self) -> int:
        """Read all but the first line of the row again: a stray quote must not take in the lines below it."""
        first, *others = self.taken
        self._returned.extendleft(reversed(others))
        return first[0]

    def again(self) -> None:
        """Read the last line again."""
        self._returned.appendleft(self.taken.pop())


def from_csv(
    lines: Iterator[tuple[int, bytes]], columns: list[str] | None = None, wanted: frozenset[str] | None = None
) -> Iterator[Record]:
    """Read rows under a header, or under the names that are given; the delimiter is seen from the first line."""
    source = _Text(lines)
    delimiter, header = _beginning(source, columns)
    if header is None:
        return
    csv.field_size_limit(CELL_CHARACTERS_MAX)
    rows = csv.reader(source, delimiter=delimiter)
    width = len(header)
    cells_of = _cells(header, wanted)
    while True:
        source.taken.clear()
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield Record(source.give_back(), NOT_CSV)
            continue
        if row:
            line = source.taken[0][0]
            if len(row) == width:
                yield Record(line, cells_of(row))  # nearly all rows
            else:
                too_wide = len(row) > width and any(row[width:])
                yield Record(line, TOO_WIDE if too_wide else dict(zip(header, row, strict=False)))


def _cells(header: list[str], wanted: frozenset[str] | None) -> Callable[[list[str]], dict[str, str]]:
    """Return the function that names the cells of a row; of a wide table only those that are wanted."""
    places = [place for place, name in enumerate(header) if wanted is None or name in wanted]
    if len(places) < 2 or len(places) == len(header):  # noqa: PLR2004 (of one place itemgetter makes no tuple)
        return lambda row: dict(zip(header, row, strict=False))
    names, pick = [header[place] for place in places], itemgetter(*places)
    return lambda row: dict(zip(names, pick(row), strict=False))


def _beginning(source: _Text, columns: list[str] | None) -> tuple[str, list[str] | None]:
    """Read what stands before the rows: `sep=;`, blank lines, the header."""
    for text in source:
        if not text.strip():
            continue
        if text.lower().startswith("sep=") and len(text.strip()) <= len("sep=;"):
            delimiter = text[4:5]
            return delimiter, _header(source, delimiter, columns)
        source.again()
        delimiter = _delimiter(text)
        return delimiter, _header(source, delimiter, columns)
    return ",", None


def _header(source: _Text, delimiter: str, columns: list[str] | None) -> list[str] | None:
    if columns is not None:
        return columns
    row = next(csv.reader(source, delimiter=delimiter), None)
    return None if row is None else [name.strip() for name in row]


def _delimiter(text: str) -> str:
    """Return the delimiter that stands most often outside of quotes."""
    bare = re.sub(r'"(?:[^"]|"")*"', "", text)
    return max(DELIMITERS, key=bare.count)


def _from_log(lines: Iterator[tuple[int, bytes]]) -> Iterator[Record]:
    """Read a log of W3C's kind, as Exchange writes it: comments begin with #, and one of them names the fields."""
    header: list[str] = []
    for number, line in lines:
        if line.startswith(b"#"):
            if line.startswith(FIELDS_LINE):
                header = [name.strip() for name in decoded(line[len(FIELDS_LINE) :]).strip().split(",")]
        elif _is_cut(line):
            yield Record(number, TOO_LONG)
        elif line.strip():
            try:
                row = next(csv.reader([decoded(line).rstrip("\r\n")]))
            except csv.Error:
                yield Record(number, NOT_CSV)
                continue
            yield Record(number, dict(zip(header, row, strict=False)))
