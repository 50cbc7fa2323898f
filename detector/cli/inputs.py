"""Files as the commands read them: sorted, or as a stream, with progress and with notes about what was found."""

import base64
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, get_args

import typer

from detector.cli import output

if TYPE_CHECKING:
    from detector.cli.mapped import Mapping
    from detector.files.declared import Declared
    from detector.files.reading import FarRow, Reading
    from detector.files.stream import Stream

_KINDS_MAX: Final = 1000
_KINDS_SHOWN: Final = 5
UNITS: Final = {
    "ms": "milliseconds",
    "us": "microseconds",
    "excel-days": "days as spreadsheets count them",
}


def declared_by(
    *, in_order: bool, encoding: str | None, decimal_comma: bool, times_in: str, keep_far: bool
) -> "Declared":
    """Check and gather what the options of a command say of its files."""
    from detector.files.declared import Declared, TimeUnit

    units: tuple[TimeUnit, ...] = get_args(TimeUnit)
    for unit in units:
        if times_in == unit:
            return Declared(in_order, encoding, decimal_comma, unit, keep_far)
    raise typer.BadParameter(f"{times_in!r} should be {', '.join(units[:-1])} or {units[-1]}")


@contextmanager
def read(
    files: Sequence[str],
    declared: "Declared",
    *,
    now_s: float,
    until_s: float | None = None,
    mapping: "Mapping | None" = None,
) -> Iterator["Reading | Stream"]:
    """Open files, and sort them if they can be read again; notes about them go to standard error.

    With a mapping its interactions are read instead, in the order of their own times.
    """
    from detector.files.files import reading_of

    with output.progress() as show, ExitStack() as temporary:
        spills = mapping.spills(temporary, show) if mapping else ()
        reading = temporary.enter_context(
            reading_of(files, declared, now_s=now_s, until_s=until_s, spills=spills, show=show, note=note)
        )
        yield reading
        if count := reading.headers_repeated():
            note(f"{count} rows that name the columns again were passed over")


def note(line: str) -> None:
    """Print a line about the files to standard error."""
    typer.echo(line, err=True)


def rejection_of(row: "FarRow") -> bytes:
    """Build the rejection of a row that lies far from all others in time."""
    from schemas.rejection import rejection

    return rejection(
        topic=row.path,
        partition=0,
        offset=row.line,
        reason="time_out_of_range",
        detail=row.detail,
        key=None,
        raw=row.value,
    )


def demand_applied(applied: int, mapping: "Mapping | None" = None) -> None:
    """End with exit code 1 if nothing was applied: what came out of it is about nobody."""
    if not applied and mapping and not mapping.interactions:
        note("nothing was applied: the mapping made no interaction of any record")
        raise typer.Exit(1)
    if not applied:
        note("nothing was applied: no row could be read as an interaction; `ghosting inspect FILE` says what is in it")
        raise typer.Exit(1)


class Refused:
    """The kinds of what was refused, each with its first place, and what its times look like."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], str] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._units: Counter[str] = Counter()

    def add(self, rejection: bytes) -> None:
        """Look at the rejection of a row."""
        fields = json.loads(rejection)
        kind = fields["reason"], fields["detail"]
        if kind in self._counts or len(self._counts) < _KINDS_MAX:
            self._counts[kind] += 1
            self._first.setdefault(kind, f"{fields['topic']}, line {fields['offset']}")
        if fields["reason"] in ("time_out_of_range", "invalid_field") and fields["raw_base64"]:
            self._look_at_time(base64.b64decode(fields["raw_base64"]))

    def lines(self) -> Iterator[str]:
        """Return a line for each of the most frequent kinds, and what to declare about times."""
        for (reason, detail), count in self._counts.most_common(_KINDS_SHOWN):
            more = f" (and {count - 1:,} more)" if count > 1 else ""
            yield f"{self._first[reason, detail]}: {detail or reason}{more}"
        for unit, count in self._units.items():
            yield f"{count:,} times look like {UNITS[unit]}: --times-in {unit} reads them"

    def _look_at_time(self, raw: bytes) -> None:
        from detector.files.likeness import unit_of

        try:
            at = json.loads(raw)["at"]
        except (ValueError, LookupError, TypeError):
            return
        if unit := unit_of(at):
            self._units[unit] += 1
