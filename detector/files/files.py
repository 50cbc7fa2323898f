"""Files of interactions, read as they would be produced to Kafka: CSV or NDJSON, plain or gzip, in order of time.

What cannot be read as an interaction is passed on as it stands, for the reader to refuse with a reason. Only a file
that cannot be used at all is an error.
"""

import gzip
import heapq
import io
import itertools
import sys
import time
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from pydantic_core import from_json

from detector.files import rows
from detector.files.rows import InputError
from schemas.times import AHEAD_MAX_S

__all__ = ["STANDARD", "FileRecord", "InputError", "Lines", "read_batches", "read_records", "writing"]

STANDARD: Final = "-"
"""Standard input, or output."""
LINE_BYTES_MAX: Final = 500_000
"""What is longer is cut. It is refused either way, and with its key it still fits into a message of Kafka (1 MB)."""
READ_BYTES: Final = 256 * 1024
BATCH_RECORDS: Final = 5000
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"  # of Excel
JSON_BEGINS: Final = (b"{", b"[")
GZIP_MAGIC: Final = b"\x1f\x8b"
NO_TIME: Final = float("-inf")


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


class Lines:
    """From the number of a record that `read_batches` gave to its file and line.

    Parameters
    ----------
    paths
        The files that are read.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths, self._numbers = paths, {path: number for number, path in enumerate(paths)}
        self._files, self._lines = array("H"), array("Q")

    def note(self, record: FileRecord) -> None:
        """Take down where the next record came from. Without any notes, every line was a record."""
        self._files.append(self._numbers[record.path])
        self._lines.append(record.line)

    def __getitem__(self, number: int) -> tuple[str, int]:
        """Give the file and the line, from 1."""
        if not self._lines:
            return self._paths[0], number + 1
        return self._paths[self._files[number]], self._lines[number]


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
    merged = len(paths) > 1
    with ExitStack() as files:
        # All are opened first: a file that is missing is told before hours of work, not after.
        opened = [_records(path, _open(path, progress, files), timed=merged) for path in paths]
        for _, record in heapq.merge(*opened, key=itemgetter(0)) if merged else opened[0]:
            yield record


def read_batches(
    paths: Sequence[str], *, progress: Callable[[int], None] | None = None, lines: Lines | None = None
) -> Iterator[Sequence[bytes]]:
    """Read the values of files, many at a time: as `read_records`, but a single file of JSON comes as its lines are.

    `rows.produced` makes of a line what would be produced; an empty one is no record. `lines` is told where they are.

    Raises
    ------
    InputError
        As `read_records`.
    """
    if len(paths) == 1:
        with ExitStack() as files:
            file = _open(paths[0], progress, files)
            with _damage_told(paths[0]):
                # A beginning of nothing but blank lines is left to the reader of lines, which finds out.
                if file.peek(1).removeprefix(BYTE_ORDER_MARK).lstrip()[:1] in JSON_BEGINS:  # type: ignore[attr-defined]
                    yield from _blocks(file)
                    return
            yield from _batched((record for _, record in _records(paths[0], file, timed=False)), lines)
    else:
        yield from _batched(read_records(paths, progress=progress), lines)


def _batched(records: Iterator[FileRecord], lines: Lines | None) -> Iterator[list[bytes]]:
    while some := list(itertools.islice(records, BATCH_RECORDS)):
        if lines is not None:
            for record in some:
                lines.note(record)
        yield [record.value for record in some]


def _blocks(file: IO[bytes]) -> Iterator[list[bytes]]:
    """Read lines as many as lie in a block; of one that is too long only its beginning is kept."""
    rest, mark = b"", BYTE_ORDER_MARK
    while block := file.read(READ_BYTES):
        lines = (rest + block.removeprefix(mark)).split(b"\n")
        mark = b""
        lines[0] = lines[0][:LINE_BYTES_MAX]  # the others are shorter than a block
        rest = lines.pop()
        yield lines
    if rest:
        yield [rest]


@contextmanager
def _damage_told(path: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} is damaged gzip ({error}); fetch it again") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _records(path: str, file: IO[bytes], *, timed: bool) -> Iterator[tuple[float, FileRecord]]:
    """Put the running maximum of the event times before each record; one without a time comes where it stands."""
    latest, latest_possible = NO_TIME, time.time() + AHEAD_MAX_S
    with _damage_told(path):
        for line, value, fields in _rows(path, _numbered(file), timed=timed):
            # A time that will be refused must not hold up the rest of the file until all others are through.
            if fields is not None and latest < (at := _seconds(fields.get("at"))) <= latest_possible:
                latest = at
            yield latest, FileRecord(path, line, value[:LINE_BYTES_MAX])


def _numbered(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Number the lines. Of one that is too long only its beginning is kept, so that memory is bounded."""
    number = 0
    while line := file.readline(LINE_BYTES_MAX):
        number += 1
        yield number, line
        while len(line) == LINE_BYTES_MAX and not line.endswith(b"\n"):
            line = file.readline(LINE_BYTES_MAX)


def _rows(path: str, lines: Iterator[tuple[int, bytes]], *, timed: bool) -> Iterator[rows.Row]:
    for number, line in lines:
        first = line.removeprefix(BYTE_ORDER_MARK)
        if first.strip():
            head = itertools.chain([(number, first)], lines)
            if first.lstrip()[:1] in JSON_BEGINS:
                return _from_json(head, timed=timed)
            _demand_text(path, first)
            return rows.from_csv(path, head, LINE_BYTES_MAX)
    return iter(())


def _demand_text(path: str, header: bytes) -> None:
    try:
        header.decode()
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text; convert it, for instance with iconv") from None


def _from_json(lines: Iterator[tuple[int, bytes]], *, timed: bool) -> Iterator[rows.Row]:
    for number, line in lines:
        text = line.strip()
        if not text:
            continue
        if not timed:
            yield number, rows.produced(text), None
            continue
        try:
            fields = from_json(text, cache_strings="keys")
        except ValueError:
            fields = None
        if isinstance(fields, dict) and "specversion" in fields:  # a CloudEvent: its time is in the envelope
            data = fields.get("data")
            fields = {"at": fields.get("time"), **(data if isinstance(data, dict) else {})}
        yield number, rows.produced(text), fields if isinstance(fields, dict) else None


def _seconds(at: object) -> float:
    """Read a time as well as the order of files needs it; the reader judges it."""
    if isinstance(at, str):
        try:
            read = datetime.fromisoformat(at)
            return read.timestamp() if read.tzinfo else NO_TIME
        except (ValueError, OverflowError):
            return NO_TIME
    if isinstance(at, (int, float)):
        try:
            return float(at)
        except OverflowError:
            return NO_TIME
    return NO_TIME


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
    counted = io.BufferedReader(_Counting(file, progress), READ_BYTES) if progress else file
    try:
        zipped = counted.peek(len(GZIP_MAGIC))[: len(GZIP_MAGIC)] == GZIP_MAGIC  # type: ignore[attr-defined]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    # A buffer around gzip's own, whose readline is Python.
    return io.BufferedReader(gzip.GzipFile(fileobj=counted), READ_BYTES) if zipped else counted


class _Output(io.FileIO):
    """A file that tells in one line that it cannot be written; with a buffer around it, when the buffer is emptied."""

    def __init__(self, path: str, file: Path | int) -> None:
        self._path = path
        try:
            super().__init__(file, "wb", closefd=isinstance(file, Path))
        except OSError as error:
            raise self._problem(error) from None

    def write(self, data: Any) -> int:  # noqa: ANN401 (a buffer, which has no type in 3.11)
        try:
            return super().write(data)
        except BrokenPipeError:  # whoever read it has seen enough: the command line ends quietly
            raise
        except OSError as error:
            raise self._problem(error) from None

    def _problem(self, error: OSError) -> InputError:
        return InputError(f"{self._path} cannot be written: {error.strerror}")


@contextmanager
def writing(path: str) -> Iterator[IO[bytes]]:
    """Write a file that appears when it is complete, so that a failure leaves what was there; `-` is standard output.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    target = Path(path)
    if path == STANDARD or (target.exists() and not target.is_file()):
        # Standard output, a pipe or /dev/null is written to, not replaced.
        with io.BufferedWriter(_Output(path, sys.stdout.fileno() if path == STANDARD else target)) as out:
            yield out
        return
    part = target.with_name(f"{target.name}.part")
    try:
        with io.BufferedWriter(_Output(path, part)) as out:
            yield out
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
