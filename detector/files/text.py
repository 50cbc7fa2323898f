"""Turn what a file holds into lines of UTF-8: its encoding, its line breaks, and JSON that is not one object a line.

A file that is all that already is read where it lies. Everything else is written once into a temporary file, which has
no name and disappears with the process, because rows are read again in the order of their times.
"""

import codecs
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import BinaryIO, Final, Literal, NamedTuple

from detector.files.declared import Declared
from detector.files.encodings import UTF8, UTF8_MARK, checked, encoding_by_mark, guessed_encoding, is_utf8
from detector.files.json_values import ARRAY, OBJECTS, one_value_a_line
from detector.files.opening import Opened, damage_named
from detector.files.problem import InputError
from detector.files.rows import LINE_BYTES_MAX

BLOCK_BYTES: Final = 1024 * 1024
SAMPLE_BYTES: Final = 128 * 1024
DISK_FREE_BYTES_MIN: Final = 512 * 1024 * 1024
"""So much of the disk is left to others when a temporary file grows."""

Shape = Literal["csv", "json lines", "json array", "json objects"]


@dataclass(frozen=True)
class Form:
    r"""How a file is written.

    Parameters
    ----------
    packing
        plain, gzip or zip.
    encoding
        Python's name.
    line_break
        `\r` if only that stands between lines; else `\n`, with or without `\r` before it.
    shape
        CSV, or one of three ways to write JSON.
    guessed
        Whether the encoding was found by what reads like text.
    """

    packing: str
    encoding: str
    line_break: str
    shape: Shape
    guessed: bool = False

    @property
    def is_lines_of_utf8(self) -> bool:
        """Check whether the bytes can be read as they are."""
        lines = self.shape in ("csv", "json lines") and self.line_break == "\n"
        return lines and self.encoding == UTF8


def form_of(path: str, opened: Opened, declared: Declared) -> Form:
    """Find out how a file is written, by its beginning.

    Raises
    ------
    InputError
        If it is no text.
    """
    with damage_named(path):
        sample = _sample(opened)
    encoding = checked(declared.encoding) if declared.encoding else None
    encoding = encoding_by_mark(path, sample) or encoding or UTF8
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample).removeprefix("\ufeff")
    line_break = "\r" if "\r" in text and "\n" not in text else "\n"
    return Form(opened.packing, encoding, line_break, _shape(text))


def _sample(opened: Opened) -> bytes:
    """Look at the first bytes without taking them away."""
    return opened.bytes.peek(SAMPLE_BYTES)[:SAMPLE_BYTES]


def _shape(text: str) -> Shape:
    text = text.lstrip()
    if text.startswith("["):
        return "json array"
    if not text.startswith("{"):
        return "csv"
    return "json objects" if text.splitlines()[0].strip() == "{" else "json lines"


def normalised(path: str, opened: Opened, form: Form) -> Iterator[bytes]:
    """Read a file as blocks of UTF-8 in lines, without a byte order mark; blocks are cut anywhere."""
    with damage_named(path):
        blocks = _decoded(iter(lambda: opened.bytes.read1(BLOCK_BYTES), b""), form.encoding)
        if form.line_break == "\r":
            blocks = (block.replace(b"\r", b"\n") for block in blocks)
        if form.shape == "json array":
            blocks = one_value_a_line(blocks, ARRAY)
        elif form.shape == "json objects":
            blocks = one_value_a_line(blocks, OBJECTS)
        yield from blocks


def _decoded(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    if encoding == UTF8:
        mark = UTF8_MARK
        for block in blocks:
            yield block.removeprefix(mark)
            mark = b""
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for block in blocks:
        yield decoder.decode(block).removeprefix("\ufeff").encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


class Text(NamedTuple):
    """A file as lines of UTF-8 on disk: the file itself from behind its mark on, or a temporary one."""

    path: str
    file: BinaryIO
    start: int
    form: Form

    @property
    def size(self) -> int:
        """How many bytes the file has, its mark included."""
        return os.fstat(self.file.fileno()).st_size

    def bytes_at(self, start: int, size: int) -> bytes:
        """Read some bytes."""
        with damage_named(self.path):
            return os.pread(self.file.fileno(), size, start)


def text_of(path: str, opened: Opened, form: Form, files: ExitStack) -> Text:
    """Return a file as lines of UTF-8 on disk."""
    if form.is_lines_of_utf8 and form.packing == "plain" and opened.bytes.seekable():
        marked = opened.bytes.peek(len(UTF8_MARK)).startswith(UTF8_MARK)
        file = files.enter_context(open(path, "rb", buffering=0))  # noqa: PTH123, SIM115 - closed by the stack
        return Text(path, file, len(UTF8_MARK) if marked else 0, form)
    return Text(path, spilled(path, normalised(path, opened, form), files), 0, form)


def spilled(path: str, blocks: Iterable[bytes], files: ExitStack) -> BinaryIO:
    """Write blocks into a temporary file without a name; `path` is the file that they come from."""
    file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed by the stack
    folder = tempfile.gettempdir()
    for block in blocks:
        if shutil.disk_usage(folder).free - len(block) < DISK_FREE_BYTES_MIN:
            raise InputError(f"{path} does not fit into {folder} when it is unpacked; let TMPDIR name a larger disk")
        file.write(block)
    file.flush()
    return file


def transcoded(text: Text, sample: bytes, files: ExitStack) -> Text | None:
    """Return a file that proved not to be UTF-8 in the encoding that its lines are judged to be in.

    Parameters
    ----------
    text
        The file, taken for UTF-8.
    sample
        Lines of it that are not ASCII.
    files
        Closes what is opened.

    Returns
    -------
    Text or None
        None if more of the lines are UTF-8 than not: only some are damaged, and those are refused.
    """
    lines = sample.split(b"\n")
    if 2 * sum(map(is_utf8, lines)) > len(lines):
        return None
    encoding = guessed_encoding(sample)
    if encoding is None:
        raise InputError(f"{text.path} is not UTF-8 text; say how it is encoded: --encoding cp1252")
    form = replace(text.form, encoding=encoding, guessed=True)
    blocks = iter(lambda: text.file.read(BLOCK_BYTES), b"")
    text.file.seek(text.start)
    return Text(text.path, spilled(text.path, _decoded(blocks, encoding), files), 0, form)


class Chunk(NamedTuple):
    """Complete lines of a text and where they begin; of a line that is too long only its beginning, alone."""

    offset: int
    data: bytes


def chunks(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Chunk]:
    """Cut blocks behind line breaks. Memory is bounded, however long a line is."""
    rest = b""
    skipping = False  # the rest of a line that was cut
    for block in blocks:
        data = rest + block if rest else block
        rest = b""
        if skipping:
            end = data.find(b"\n") + 1
            offset += end or len(data)
            if not end:
                continue
            data, skipping = data[end:], False
        cut = data.rfind(b"\n") + 1
        if cut:
            yield Chunk(offset, data[:cut])
        rest = data[cut:]
        offset += cut
        if len(rest) > LINE_BYTES_MAX:
            yield Chunk(offset, rest[:LINE_BYTES_MAX])
            offset, rest, skipping = offset + len(rest), b"", True
    if rest:
        yield Chunk(offset, rest)
