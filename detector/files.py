"""Files of interactions, read as they would be produced to Kafka: CSV or NDJSON, plain or gzip, in order of time."""

import csv
import gzip
import heapq
import io
import itertools
import json
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

STANDARD: Final = "-"
"""Standard input, or output."""
OBLIGATORY: Final = ("client_id", "kind", "at", "direction")
WHOLE_NUMBERS: Final = frozenset({"length"})
NUMBERS: Final = frozenset({"duration_s", "amount", "sentiment"})
TIMES: Final = frozenset({"at", "due_at"})
BOOLEANS: Final = frozenset({"automated", "substantive"})
TRUTHS: Final = {"true": True, "false": False, "1": True, "0": False}
CELL_CHARACTERS_MAX: Final = 1024 * 1024  # the reader refuses records above 64 KiB, with a reason; csv would stop
GZIP_MAGIC: Final = b"\x1f\x8b"
EVENT_IDS: Final = uuid.UUID("5a3f0e58-54c0-5d0f-9a3f-6a1d5b0f2f2e")
"""Namespace of the ids that are made from content. To change it makes every event a new one."""


class InputError(Exception):
    """A file that cannot be used: one line that says the remedy."""


class FileRecord(NamedTuple):
    """A record of a file.

    Parameters
    ----------
    path
        The file as it was named; `-` is the standard input.
    line
        Line on which the record ends, from 1.
    value
        The JSON bytes as they would be produced to Kafka.

    """

    path: str
    line: int
    value: bytes


def read_records(paths: Sequence[str], *, progress: Callable[[int], None] | None = None) -> Iterator[FileRecord]:
    """Read files and merge them by the running maximum of their event times, each file keeping its own order.

    Parameters
    ----------
    paths
        CSV if the first line is a header, else NDJSON; plain or gzip; `-` is the standard input.
    progress
        Called with the bytes read from disk since its last call.

    Raises
    ------
    InputError
        For a file that is missing or is neither, or that lacks a column.
    """
    if repeated := [path for path in paths if list(paths).count(path) > 1]:
        raise InputError(f"{repeated[0]} is named twice; name each file once")
    with ExitStack() as files:
        # All are opened first: a file that is missing is told before hours of work, not after.
        opened = [_timed(path, _open(path, progress, files)) for path in paths]
        for _, record in heapq.merge(*opened, key=itemgetter(0)):
            yield record


def _timed(path: str, lines: IO[bytes]) -> Iterator[tuple[float, FileRecord]]:
    """Put the running maximum of the event times before each record; one without a time comes where it stands."""
    latest = float("-inf")
    try:
        for line, fields, raw in _rows(path, lines):
            if fields is not None:
                latest = max(latest, _seconds(fields.get("at")))
            yield latest, FileRecord(path, line, raw)
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text; convert it, for instance with iconv") from None
    except (EOFError, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is damaged gzip ({error}); fetch it again") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _rows(path: str, lines: IO[bytes]) -> Iterator[tuple[int, dict[str, Any] | None, bytes]]:
    numbered = enumerate(lines, start=1)
    for number, line in numbered:
        first = line.removeprefix(b"\xef\xbb\xbf")
        if first.strip():
            head = itertools.chain([(number, first)], numbered)
            yield from _from_json(head) if first.lstrip()[:1] in (b"{", b"[") else _from_csv(path, head)


def _from_json(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, dict[str, Any] | None, bytes]]:
    for number, line in lines:
        text = line.strip()
        if not text:
            continue
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError):
            fields = None  # passed on as it is: the reader refuses it and says why
        if not isinstance(fields, dict):
            yield number, None, text
        elif "specversion" in fields:  # a CloudEvent: its id and time are in the envelope
            data = fields.get("data")
            yield number, {"at": fields.get("time"), **(data if isinstance(data, dict) else {})}, text
        elif fields.get("event_id") is None:
            yield number, fields, _encode(_identified(fields))
        else:
            yield number, fields, text


def _from_csv(path: str, lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, dict[str, Any], bytes]]:
    number = 0

    def texts() -> Iterator[str]:
        nonlocal number
        for number, line in lines:  # noqa: B007 - told to the rows below
            yield line.decode("utf-8")

    csv.field_size_limit(CELL_CHARACTERS_MAX)
    rows = csv.reader(texts(), strict=True)
    try:
        header = [name.strip() for name in next(rows)]
        _check_header(path, header)
        for row in rows:
            if len(row) > len(header):
                raise InputError(f"{path} line {number} has more cells than the header; quote cells that hold a comma")
            fields = {name: _convert(name, cell) for name, cell in zip(header, row, strict=False) if cell}
            if fields:
                yield number, fields, _encode(fields if "event_id" in fields else _identified(fields))
    except csv.Error as error:
        raise InputError(f"{path} line {number} is not CSV: {error}; correct its quotes") from None


def _check_header(path: str, header: Sequence[str]) -> None:
    if missing := [name for name in OBLIGATORY if name not in header]:
        raise InputError(
            f"{path} has no column {', '.join(missing)}; its first line should name the columns, separated by commas,"
            f" and they should include {', '.join(OBLIGATORY)}"
        )
    if repeated := [name for name in header if header.count(name) > 1]:
        raise InputError(f"{path} has the column {repeated[0]!r} more than once; rename or remove one")


def _convert(name: str, cell: str) -> Any:  # noqa: ANN401 (JSON)
    """Give a cell the type of its field; what has none stays text, for the reader to refuse with a reason."""
    try:
        if name in WHOLE_NUMBERS:
            return int(cell)
        if name in NUMBERS or (name in TIMES and "T" not in cell.upper()):
            return float(cell)
        if name == "attributes":
            return json.loads(cell)
    except ValueError:
        return cell
    return TRUTHS.get(cell.lower(), cell) if name in BOOLEANS else cell


def _identified(fields: dict[str, Any]) -> dict[str, Any]:
    """Give an event an id made from its content, in any order of its fields: the same content is the same event."""
    content = {name: value for name, value in fields.items() if value is not None}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return {"event_id": str(uuid.uuid5(EVENT_IDS, canonical)), **content}


def _encode(fields: dict[str, Any]) -> bytes:
    # Lone surrogates, which JSON can spell and UTF-8 cannot, are spelled again.
    try:
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(fields, separators=(",", ":")).encode()


def _seconds(at: object) -> float:
    """Read a time as well as the order of files needs it; the reader judges it."""
    if isinstance(at, str):
        try:
            return datetime.fromisoformat(at).timestamp()
        except (ValueError, OverflowError):
            return float("-inf")
    if isinstance(at, (int, float)):
        try:
            seconds = float(at)
        except OverflowError:
            return float("-inf")
        return seconds if seconds == seconds else float("-inf")  # noqa: PLR0124 - NaN is not itself
    return float("-inf")


class _Counting(io.RawIOBase):
    """A file that says how much of it was read, before it is decompressed: that is what its size compares with."""

    def __init__(self, file: IO[bytes], progress: Callable[[int], None]) -> None:
        self._file = file
        self._progress = progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (a buffer, which has no type in 3.11)
        chunk = self._file.read(len(buffer))
        buffer[: len(chunk)] = chunk
        self._progress(len(chunk))
        return len(chunk)


def _open(path: str, progress: Callable[[int], None] | None, files: ExitStack) -> IO[bytes]:
    try:
        file: IO[bytes] = sys.stdin.buffer if path == STANDARD else files.enter_context(Path(path).open("rb"))  # noqa: SIM115
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; correct the path") from None
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror}") from None
    counted = io.BufferedReader(_Counting(file, progress)) if progress else file
    try:
        zipped = counted.peek(len(GZIP_MAGIC))[: len(GZIP_MAGIC)] == GZIP_MAGIC  # type: ignore[attr-defined]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    return gzip.open(counted, "rb") if zipped else counted  # type: ignore[return-value]


@contextmanager
def writing(path: str) -> Iterator[IO[bytes]]:
    """Write a file that appears when it is complete, so that a failure leaves what was there; `-` is standard output.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    if path == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(path)
    special = target.exists() and not target.is_file()  # a pipe or /dev/null is written to, not replaced
    part = target if special else target.with_name(f"{target.name}.part")
    try:
        out = part.open("wb")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with out:
            yield out
        if not special:
            part.replace(target)
    finally:
        if not special:
            part.unlink(missing_ok=True)
