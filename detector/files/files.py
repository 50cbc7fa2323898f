"""Read files of interactions as they would be produced to Kafka.

`reading_of` decides between a log that is sorted (`files.reading`) and a stream that keeps its order (`files.stream`).
The other two functions read a log in one go.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from detector.files.declared import Declared
from detector.files.output import STANDARD, writing
from detector.files.problem import InputError
from detector.files.reading import Reading, Show
from detector.files.rows import LINE_BYTES_MAX, produced
from detector.files.spill import Spill
from detector.files.stream import Stream

__all__ = [
    "LINE_BYTES_MAX",
    "STANDARD",
    "FileRecord",
    "InputError",
    "read_batches",
    "read_records",
    "reading_of",
    "writing",
]
_ALL_ROWS = Declared(keep_far=True)


class FileRecord(NamedTuple):
    """A record of a file.

    Parameters
    ----------
    path
        The file as it was named; `-` is the standard input.
    line
        Line on which the record ends, from 1; of a JSON array the number of the element.
    value
        The JSON bytes as they would be produced to Kafka.

    """

    path: str
    line: int
    value: bytes


@contextmanager
def reading_of(
    paths: Sequence[str],
    declared: Declared,
    *,
    now_s: float,
    until_s: float | None = None,
    spills: Sequence[Spill] = (),
    show: Show = lambda _what, _share: None,
    note: Callable[[str], None] = lambda _: None,
) -> Iterator[Reading | Stream]:
    """Open files as one log, sorted if they can be read again; arguments as of `Reading`.

    Parameters
    ----------
    note
        Takes a line about how the files are read.

    Raises
    ------
    InputError
        For a file that is missing or cannot be used.
    """
    if not spills and len(paths) == 1 and (declared.in_order or paths[0] == STANDARD):
        yield Stream(paths[0], declared, note, show)
        return
    with Reading(paths, declared, now_s=now_s, until_s=until_s, spills=spills, show=show) as reading:
        reading.sort()
        for line in reading.notes():
            note(line)
        yield reading


def read_batches(paths: Sequence[str], declared: Declared = _ALL_ROWS) -> Iterator[list[bytes]]:
    """Read the values of files in the order of time, many at a time.

    An item may be a line of JSON: `rows.produced` makes of it what would be produced; a blank one is no record.

    Raises
    ------
    InputError
        For a file that is missing or cannot be used.
    """
    with reading_of(paths, declared, now_s=time.time()) as reading:
        yield from reading.batches()


def read_records(paths: Sequence[str], declared: Declared = _ALL_ROWS) -> Iterator[FileRecord]:
    """Read the records of files one by one, in the order of time.

    Raises
    ------
    InputError
        As `read_batches`.
    """
    first = 0
    with reading_of(paths, declared, now_s=time.time()) as reading:
        for batch in reading.batches():
            for number, line in enumerate(batch, first):
                if value := produced(line.strip()):
                    yield FileRecord(*reading.place(number), value[:LINE_BYTES_MAX])
            first += len(batch)
