"""Interactions that were made of a file of another tool: lines of JSON in a temporary file without a name.

They are read as the lines of any other file. Where one of them is named, it is by the place of its record in the file.
"""

import io
from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import BinaryIO, Final, NamedTuple, cast

from detector.files.opening import Opened
from detector.files.text import spilled

_ROWS_AT_ONCE: Final = 5_000


class Spill(NamedTuple):
    """The interactions of a file.

    Parameters
    ----------
    path
        The file that they were made of.
    file
        One of them a line; it disappears when it is closed.
    lines
        Per interaction, the line of the record that it was made of; 4 bytes each.
    """

    path: str
    file: BinaryIO
    lines: "array[int]"

    def opened(self) -> Opened:
        """Return it as a file that was opened, to be read from its beginning."""
        self.file.seek(0)
        return Opened("plain", cast("io.BufferedReader", self.file))


def spill_of(path: str, values: Iterable[tuple[int, bytes]], files: ExitStack) -> Spill:
    """Write interactions into a temporary file.

    Parameters
    ----------
    path
        The file that they are made of.
    values
        The line of the record, and the interaction as JSON without a line break.
    files
        Closes the temporary file.

    Raises
    ------
    InputError
        If the disk is too small.
    """
    lines = array("I")
    return Spill(path, spilled(path, _blocks(values, lines), files), lines)


def _blocks(values: Iterable[tuple[int, bytes]], lines: "array[int]") -> Iterator[bytes]:
    remaining = iter(values)
    while rows := list(islice(remaining, _ROWS_AT_ONCE)):
        lines.extend(line for line, _ in rows)
        yield b"".join(value + b"\n" for _, value in rows)
