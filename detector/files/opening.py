"""Open files and take off what they are packed in: gzip, or a zip of one file.

What comes out is bytes of text. How they are encoded and laid out is the business of `files.text`.
"""

import gzip
import io
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, cast

from detector.files.formats import GZIP, HEAD_BYTES, ZIP, member_of, refuse_other_formats
from detector.files.output import STANDARD
from detector.files.problem import InputError

READ_BYTES: Final = 256 * 1024
EXPANSION_MAX: Final = 200
"""So many times its packed size may a file become; event logs become 10 to 50 times larger."""
EXPANSION_FREE_BYTES: Final = 256 * 1024 * 1024  # below this nobody is harmed, however small it was packed

Progress = Callable[[int], None]


class Opened(NamedTuple):
    """A file that was opened: `packing` is plain, gzip or zip; `bytes` is the content without it."""

    packing: str
    bytes: "io.BufferedReader[Any]"


def open_file(path: str, files: ExitStack, progress: Progress | None = None) -> Opened:
    """Open a file and unpack it; `progress` is called with the bytes read from disk since its last call.

    Raises
    ------
    InputError
        If it is missing or of a format that is not read.
    """
    try:
        file: IO[bytes] = sys.stdin.buffer if path == STANDARD else files.enter_context(Path(path).open("rb"))  # noqa: SIM115
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; correct the path") from None
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror}") from None
    counting = _Counting(file, progress or (lambda _: None))
    counted = io.BufferedReader(counting, READ_BYTES)
    try:
        head = counted.peek(HEAD_BYTES)[:HEAD_BYTES]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    refuse_other_formats(path, head)
    if head.startswith(GZIP):
        return _bounded(path, "gzip", cast("IO[bytes]", gzip.GzipFile(fileobj=counted)), counting)
    if head.startswith(ZIP):
        return _bounded(path, "zip", _unzipped(path, counted, files), counting)
    return Opened("plain", counted)


def _unzipped(path: str, file: "io.BufferedReader[Any]", files: ExitStack) -> IO[bytes]:
    if not file.seekable():
        raise InputError(f"{path} is a zip, which cannot be read from a pipe; name the file, or unpack it first")
    try:
        archive = files.enter_context(zipfile.ZipFile(file))
        return files.enter_context(archive.open(member_of(path, archive)))
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise InputError(f"{path} is a damaged zip, or one of another kind ({error}); fetch it again") from None


@contextmanager
def damage_named(path: str) -> Iterator[None]:
    """Turn errors of reading into one line that names the file."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path} is damaged gzip ({error}); fetch it again") from None
    except zipfile.BadZipFile as error:
        raise InputError(f"{path} is a damaged zip ({error}); fetch it again") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


class _Counting(io.RawIOBase):
    """A file that counts how much of it was read, before it is unpacked: that is what its size compares with."""

    def __init__(self, file: IO[bytes], progress: Progress) -> None:
        self._file, self._progress = file, progress
        self.read_bytes = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (a buffer, which has no type in 3.11)
        chunk = self._file.read1(len(buffer))  # type: ignore[attr-defined] # what has come, without waiting for more
        buffer[: len(chunk)] = chunk
        self.read_bytes += len(chunk)
        self._progress(len(chunk))
        return len(chunk)


class _Bounded(io.RawIOBase):
    """Unpacked bytes, which end with an error when they become too many for what they were packed in."""

    def __init__(self, path: str, file: IO[bytes], packed: _Counting) -> None:
        self._path, self._file, self._packed, self._bytes = path, file, packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (a buffer, which has no type in 3.11)
        chunk = self._file.read1(len(buffer))  # type: ignore[attr-defined] # what has come, without waiting for more
        buffer[: len(chunk)] = chunk
        self._bytes += len(chunk)
        if self._bytes > max(EXPANSION_FREE_BYTES, EXPANSION_MAX * self._packed.read_bytes):
            raise InputError(
                f"{self._path} becomes more than {EXPANSION_MAX} times as large when it is unpacked, as no log does;"
                " unpack it by hand if you trust it"
            )
        return len(chunk)


def _bounded(path: str, packing: str, file: IO[bytes], packed: _Counting) -> Opened:
    return Opened(packing, io.BufferedReader(_Bounded(path, file, packed), READ_BYTES))
