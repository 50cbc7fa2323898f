"""The command `inspect`: what is in files, and what to do with them next."""

import json
import shlex
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from detector.cli import output
from detector.cli.inputs import declared_by
from detector.cli.mapped import firm_of, fitting, mapping_of
from detector.cli.options import AsJson, DecimalComma, Encoding, Files, FirmConfig, MapWith, TimesIn

if TYPE_CHECKING:
    from detector.cli.mapped import Mapping
    from detector.files.declared import Declared
    from detector.files.inspection.clients import Clients
    from detector.files.inspection.inspect import Inspection
    from detector.files.inspection.next_step import NextStep
    from detector.files.inspection.span import Span
    from detector.files.reading import Show
    from detector.mapping.firm import Firm

_COLUMNS_SHOWN = 40
_WORDS_SHOWN = 12


def inspect(
    context: typer.Context,
    files: Files,
    encoding: Encoding = None,
    decimal_comma: DecimalComma = False,
    times_in: TimesIn = "s",
    map_with: MapWith = None,
    config: FirmConfig = None,
    as_json: AsJson = False,
) -> None:
    """Look at files of unknown origin: what they are, what is in them, and which command to run next."""
    from detector.files.inspection.next_step import next_step

    declared = declared_by(
        in_order=False, encoding=encoding, decimal_comma=decimal_comma, times_in=times_in, keep_far=False
    )
    mapping = mapping_of(context, map_with, config, files, declared)
    firm = firm_of(context, None)
    found = _looked_at(files, declared, mapping, firm)
    options = {option: why for one in found for option, why in one.options().items()}
    options |= _declared_options(encoding, times_in, decimal_comma=decimal_comma)
    now_s = time.time()
    step = next_step(
        files,
        [list(one.columns) for one in found],
        options,
        preset_of=lambda path: fitting(path, firm),
        is_recent=any(one.is_recent(now_s) for one in found),
        mapped_with=_options_of_mapping(map_with, config),
    )
    if as_json:
        values = {"files": [one.as_json() for one in found], "next": step._asdict()}
        values |= {"mapping": mapping.as_json()} if mapping else {}
        typer.echo(json.dumps(values, ensure_ascii=False))
        return
    output.mapped(mapping, to_stderr=False)
    for one in found:
        _show(one)
    _show_next(step)


def _looked_at_as_it_is(path: str, declared: "Declared", firm: "Firm", show: "Show") -> "Inspection":
    """Look at a file; of one that is no table, such as a maildir, name the preset that reads it."""
    from detector.files.inspection.inspect import inspect as look
    from detector.files.problem import InputError

    try:
        return look(path, declared, show=show)
    except InputError:
        if preset := fitting(path, firm):
            command = f"ghosting inspect {shlex.quote(path)} --map {preset}"
            raise InputError(f"{path} reads like one of {preset}; `{command}` looks at it") from None
        raise


def _looked_at(
    files: Sequence[str], declared: "Declared", mapping: "Mapping | None", firm: "Firm"
) -> "list[Inspection]":
    """Look at the files, or at what a mapping makes of them."""
    from detector.files.inspection.inspect import inspect as look

    with output.progress() as show, ExitStack() as temporary:
        if mapping is None:
            return [_looked_at_as_it_is(path, declared, firm, show) for path in files]
        spills = mapping.spills(temporary, show)
        return [look(spill.path, declared, opened=spill.opened(), show=show) for spill in spills]


def _options_of_mapping(map_with: str | None, config: Path | None) -> str:
    """Return the options of the mapping as they are typed; nothing if there is none."""
    if map_with is None:
        return ""
    return f"--map {shlex.quote(map_with)}" + (f" --config {shlex.quote(str(config))}" if config else "")


def _declared_options(encoding: str | None, times_in: str, *, decimal_comma: bool) -> dict[str, str]:
    """Return the options that were given to this command, which the next one needs too."""
    options = {f"--encoding {encoding}": "as declared"} if encoding else {}
    if times_in != "s":
        options[f"--times-in {times_in}"] = "as declared"
    if decimal_comma:
        options["--decimal-comma"] = "as declared"
    return options


def _show(found: "Inspection") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False, soft_wrap=True)
    table = Table(box=None, show_header=False, title=found.path, title_justify="left", title_style="bold")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts(found):
        table.add_row(name, value)
    console.print(table)
    columns = Table("column", "type", "empty", "different", "looks like", box=None, header_style="bold")
    for column in list(found.columns.values())[:_COLUMNS_SHOWN]:
        distinct = f"{len(column.distinct):,}" if len(column.distinct) < 1000 else "1,000 or more"  # noqa: PLR2004
        columns.add_row(column.name, column.type, f"{column.empty_share:.0%}", distinct, column.example)
    console.print(columns)
    if (more := len(found.columns) + found.columns_left_out - _COLUMNS_SHOWN) > 0:
        console.print(f" and {more:,} columns more")
    for line in _warnings(found):
        console.print(f" ! {line}")
    console.print()


def _facts(found: "Inspection") -> Iterable[tuple[str, str]]:
    from detector.files.source import described

    separator = f", separated by {found.separator}" if found.separator else ""
    yield "format", described(found.form) + separator
    part = f" ({found.rows_looked_at:,} of them looked at in full)" if found.rows_looked_at < found.rows else ""
    yield "rows", f"{found.rows:,}{part}"
    if span := found.span:
        yield "times", f"{span.first} to {span.last}, {span.order}" if span.first else "none is readable"
    if clients := found.clients:
        more = "" if clients.is_complete else " or more"
        yield (
            "clients",
            f"{clients.count:,}{more}; {clients.rows_median:,} rows each (median), {clients.rows_max:,} at most",
        )
    if found.words:
        yield "contacts", _listed(found.words.most_common(_WORDS_SHOWN))
    if found.currencies:
        yield "currencies", _listed(found.currencies.most_common(_WORDS_SHOWN))
    if len(found.offsets) == 1:
        yield "offset of times", next(iter(found.offsets))


def _listed(counts: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{count:,} {word}" for word, count in counts)


def _warnings(found: "Inspection") -> Iterable[str]:
    from detector.cli.inputs import UNITS

    if found.broken:
        yield f"{found.broken:,} rows cannot be read: stray quotes, too many cells, or no JSON; they would be refused"
    if found.headers_repeated:
        yield f"{found.headers_repeated:,} rows name the columns again; they are passed over"
    for unit, count in found.units.items():
        yield f"{count:,} times look like {UNITS[unit]}: --times-in {unit} reads them"
    if found.without_offset:
        yield f"{found.without_offset:,} times have no offset: it is not known whose midnight they count from"
    if len(found.offsets) > 1:
        listed = _listed(sorted(found.offsets.items(), key=lambda one: -one[1])[:_WORDS_SHOWN])
        yield f"times are written with several offsets: {listed}"
    if found.span:
        yield from _warnings_of_times(found.span)
    if found.clients:
        yield from _warnings_of_clients(found.clients)
    for column in found.columns.values():
        if "commas" in column.type:
            yield f"the column {column.name!r} has numbers with commas between thousands: they cannot be read"


def _warnings_of_clients(clients: "Clients") -> Iterable[str]:
    if clients.alike:
        examples = "; ".join(" / ".join(map(repr, group)) for group in clients.alike_examples)
        yield f"{clients.alike:,} groups of client ids look like one another: {examples}"
    if clients.excel_notation:
        yield f"{clients.excel_notation:,} client ids are cut by Excel (4.9E+11): format that column as text"
    if 2 * clients.once > clients.count:
        yield f"{clients.once:,} clients have one row only: no rhythm can be learned of them"


def _warnings_of_times(span: "Span") -> Iterable[str]:
    if span.out_of_order:
        yield f"{span.out_of_order:,} rows are older than a row above them: they are sorted when they are read"
    if span.unreadable:
        yield f"{span.unreadable:,} rows have no time that can be read"
    if span.impossible:
        yield f"{span.impossible:,} times lie before 1990, or more than a day ahead"
    for row, at in span.far:
        yield f"row {row:,} (the header not counted) lies far from all others in time, {at}: refused as mistyped"


def _show_next(step: "NextStep") -> None:
    for line in step.why:
        typer.echo(line)
    typer.echo(f"next: {step.command}" if step.command else "next: change the files as above, and inspect them again")
