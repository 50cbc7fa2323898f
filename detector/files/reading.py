"""Read files of interactions in the order of time, whatever order, format and packing they have.

All files are indexed first (`files.index`), sorted together by each row's own time, and then read in that order. Memory
holds the index, not the rows. A stream cannot be read twice: `files.stream` keeps its order.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic_core import from_json

from detector.core.primitives.hashing import Integers
from detector.files.declared import Declared
from detector.files.far import DAY_S, NONE_FAR, Far, far_rows
from detector.files.index import RowIndex
from detector.files.opening import open_file
from detector.files.output import STANDARD
from detector.files.problem import InputError
from detector.files.source import Source, source_of, source_of_spill
from detector.files.spill import Spill
from detector.files.times import Floats
from schemas.times import AHEAD_MAX_S, AT_MIN_S

BATCH_ROWS: Final = 5000

Show = Callable[[str, float | None], None]
"""Takes what is being done, and the share of it that is done, from 0 to 1; None = that is not known."""
Order = npt.NDArray[np.uint32] | Integers


class FarRow(NamedTuple):
    """A row that lies far from all others in time: where it stands, its value, and what is said of it."""

    path: str
    line: int
    value: bytes
    detail: str


class Reading:
    """Files that are read together, as one log in the order of time.

    Parameters
    ----------
    paths
        CSV or JSON, in any order; each is named once.
    spills
        What was made of the files, one for each, if they are not read themselves.
    declared
        What the user says of them.
    now_s
        The reader's clock: a time more than a day ahead of it is none.
    until_s
        How far the user says that the log reaches; rows up to there are not far.
    show
        Called with the progress.

    Raises
    ------
    InputError
        For a file that is missing or of a format that is not read; later, for one that turns out not to be usable.
    """

    def __init__(
        self,
        paths: Sequence[str],
        declared: Declared = Declared(),  # noqa: B008 - it is frozen
        *,
        now_s: float,
        until_s: float | None = None,
        spills: Sequence[Spill] = (),
        show: Show = lambda _what, _share: None,
    ) -> None:
        if repeated := [path for path in paths if list(paths).count(path) > 1]:
            raise InputError(f"{repeated[0]} is named twice; name each file once")
        self.rows = 0
        self.out_of_order = 0
        self._paths, self._declared, self._now_s, self._until_s, self._show = paths, declared, now_s, until_s, show
        self._files, self._spills = ExitStack(), spills
        self._done, self._size = 0, sum(size_of(path) for path in paths)
        with ExitStack() as opening:
            # All are opened first: a file that is missing is told before hours of work, not after.
            self._opened = [] if spills else [open_file(path, opening) for path in paths]
            self._files = opening.pop_all()
        self.sources: list[Source] = []
        self._order: Order | None = None  # None = the rows as they stand
        self._bases = np.zeros(1, np.int64)  # of each file, the number of its first row among all
        self._far: tuple[Far, list[int]] = NONE_FAR, []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    @property
    def is_sorted(self) -> bool:
        """Whether the batches come in the order of their times; a stream among the files keeps its own."""
        return not self._declared.in_order and STANDARD not in self._paths

    def sort(self) -> None:
        """Index the files and put their rows in order; `rows` and `out_of_order` count what was found."""
        if self._spills:
            self.sources = [source_of_spill(spill, self._declared, self._indexed) for spill in self._spills]
        else:
            self.sources = [
                source_of(path, opened, self._declared, self._files, self._indexed)
                for path, opened in zip(self._paths, self._opened, strict=True)
            ]
        self._bases = np.cumsum([0, *(len(source.index.at_s) for source in self.sources)])
        self.rows = int(self._bases[-1])
        keys = _together([self._keys(source) for source in self.sources])
        if len(keys) and bool((keys[1:] < keys[:-1]).any()):
            self._order = _small(np.argsort(keys, kind="stable"))
        if not self._declared.keep_far and not self._declared.in_order:
            self._set_far_aside()
        for i, source in enumerate(self.sources):
            self.sources[i] = source.without_times()

    def batches(self) -> Iterator[list[bytes]]:
        """Read all rows in order, many at a time: values as they would be produced, or lines of JSON.

        An item that is blank is no record; its number is counted.
        """
        done = 0
        for batch in self._batches():
            yield batch
            done += len(batch)
            self._show("reading", done / max(self.rows, 1))

    def place(self, number: int) -> tuple[str, int]:
        """Return the file and the line of an item of the batches, by its number from 0."""
        return self._place_of_row(number if self._order is None else int(self._order[number]))

    def notes(self) -> Iterator[str]:
        """Describe what the user should know of how the files are read."""
        for source in self.sources:
            if source.text.form.guessed:
                encoding = source.text.form.encoding
                yield f"{source.text.path} is read as {encoding}, by its look; --encoding NAME says otherwise"

    def headers_repeated(self) -> int:
        """Count the rows that were passed over because they name the columns again; known after the batches."""
        return sum(source.table.headers_repeated for source in self.sources if source.table)

    def far(self) -> Iterator[FarRow]:
        """Return the rows that are not among the batches, because they lie far from all others in time."""
        far, rows = self._far
        for i, row in enumerate(rows):
            side, stretch_s = ("before", far.head_s) if i < far.head else ("after", far.tail_s)
            value = self._values_of(np.array([row]))[0]
            detail = f"at: lies {stretch_s / DAY_S:.0f} days {side} all other rows, with nothing between; mistyped?"
            yield FarRow(*self._place_of_row(row), value, detail)

    def _batches(self) -> Iterator[list[bytes]]:
        if self._order is None and len(self.sources) == 1 and self.sources[0].table is None:
            yield from self.sources[0].lines()
            return
        count = self.rows if self._order is None else len(self._order)
        for start in range(0, count, BATCH_ROWS):
            stop = min(start + BATCH_ROWS, count)
            yield self._values_of(np.arange(start, stop) if self._order is None else self._order[start:stop])

    def _values_of(self, rows: Order) -> list[bytes]:
        rows = rows.astype(np.int64)
        if len(self.sources) == 1:
            return self.sources[0].values(self.sources[0].rows(rows))
        values = [b""] * len(rows)
        files = np.searchsorted(self._bases, rows, "right") - 1
        for file in np.unique(files).tolist():
            source, places = self.sources[file], np.flatnonzero(files == file)
            for place, value in zip(
                places.tolist(), source.values(source.rows(rows[places] - self._bases[file])), strict=True
            ):
                values[place] = value
        return values

    def _place_of_row(self, row: int) -> tuple[str, int]:
        file = int(np.searchsorted(self._bases, row, "right")) - 1
        index: RowIndex = self.sources[file].index
        return self._paths[file], index.line(row - int(self._bases[file]))

    def _is_time(self, at_s: Floats) -> npt.NDArray[np.bool_]:
        return (at_s >= AT_MIN_S) & (at_s <= self._now_s + AHEAD_MAX_S)

    def _keys(self, source: Source) -> Floats:
        """Return what the rows of a file are sorted by; a row whose time will be refused stays behind the one above."""
        keys = _filled(source.index.at_s, self._is_time(source.index.at_s))
        if not bool((keys[1:] < keys[:-1]).any()):
            return keys
        latest = np.maximum.accumulate(keys)
        self.out_of_order += int((keys < latest).sum())
        return latest if self._declared.in_order or source.text.path == STANDARD else keys

    def _set_far_aside(self) -> None:
        order: Order = np.arange(self.rows, dtype=np.uint32) if self._order is None else self._order
        at_s = _together([source.index.at_s for source in self.sources])[order]
        timed = np.flatnonzero(self._is_time(at_s))

        def clients_among(places: range) -> int:
            return len(
                {client_of(value) for value in self._values_of(order[timed[places.start : places.stop]])} - {None}
            )

        until_s = -np.inf if self._until_s is None else self._until_s
        far = far_rows(at_s[timed], clients_among, until_s)
        if far.head or far.tail:
            aside = np.concatenate([timed[: far.head], timed[len(timed) - far.tail :]])
            self._far = far, order[aside].tolist()
            self._order = _small(np.delete(order, aside))

    def _indexed(self, size: int) -> None:
        self._done += size
        self._show("looking at the order of the rows", min(self._done / max(self._size, 1), 1.0))


def client_of(value: bytes) -> Any:  # noqa: ANN401 (JSON)
    """Return the client that a value names, or None."""
    try:
        fields = from_json(value)
        return str(fields["client_id"])
    except (ValueError, LookupError, TypeError):
        return None


def _filled(at_s: Floats, is_time: npt.NDArray[np.bool_]) -> Floats:
    """Put the last time that is one in the place of each that is none."""
    if bool(is_time.all()):
        return at_s
    last = np.maximum.accumulate(np.where(is_time, np.arange(len(at_s)), -1))
    return np.where(last < 0, -np.inf, at_s[last])


def _together(columns: Sequence[Floats]) -> Floats:
    """Put columns behind each other; one alone is not copied."""
    return columns[0] if len(columns) == 1 else np.concatenate([np.empty(0), *columns])


def _small(rows: npt.NDArray[Any]) -> Order:
    """Keep numbers of rows in half the memory, if they are small enough."""
    return rows.astype(np.uint32) if len(rows) < 1 << 32 else rows.astype(np.int64)


def size_of(path: str) -> int:
    """Return the bytes of a file on disk; 0 if that is not known."""
    file = Path(path)
    return file.stat().st_size if path != STANDARD and file.is_file() else 0
