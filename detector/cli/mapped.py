"""`--map`: the files of another tool as interactions, which the commands then read like any others."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

if TYPE_CHECKING:
    from contextlib import ExitStack

    from detector.cli.options import Given
    from detector.files.declared import Declared
    from detector.files.reading import Show
    from detector.files.spill import Spill
    from detector.mapping.firm import Firm
    from detector.mapping.library import Preset
    from detector.mapping.run import Totals

AUTO: Final = "auto"
STANDARD: Final = "-"


class Mapping:
    """The presets that map the files of a command, and what came of the records.

    Parameters
    ----------
    name
        A preset, a mapping file, or `auto`.
    files
        The files.
    firm
        What the firm says of itself.

    Raises
    ------
    InputError
        If a file or the mapping cannot be used.
    """

    def __init__(self, name: str, files: Sequence[str], firm: "Firm") -> None:
        from detector.mapping import detect, library
        from detector.mapping.run import Totals

        self._firm = firm
        self._files: dict[str, tuple[Preset, Totals]] = {}
        presets: dict[str, Preset] = {}
        for path in files:
            _refuse_other_formats(path)
            with mistakes_of_mapping():
                preset = detect.preset_of(Path(path), firm) if name == AUTO else name
                if preset not in presets:
                    presets[preset] = library.load(preset, firm)
            if name == AUTO:
                typer.echo(f"{path}: mapped as {preset}", err=True)
            self._files[path] = presets[preset], Totals()

    @property
    def interactions(self) -> int:
        """How many interactions the files gave."""
        return sum(totals.interactions for _, totals in self._files.values())

    def spills(self, files: "ExitStack", show: "Show") -> "list[Spill]":
        """Map all files, each into a temporary one; what gave nothing is named on standard error."""
        from detector.files.spill import spill_of

        show("mapping the records", None)
        with mistakes_of_mapping():
            spills = [spill_of(path, self._values(path), files) for path in self._files]
            for path, (preset, totals) in self._files.items():
                if not totals.interactions:
                    typer.echo(self._why_nothing(path, preset.name, totals), err=True)
        return spills

    def rows(self) -> Iterator[tuple[str, str]]:
        """Return the lines of a summary."""
        from detector.mapping.outcome import REASONS

        found = self._together()
        yield "records of the tool", f"{found.records:,}"
        yield "  interactions", f"{found.interactions:,}"
        for reason in REASONS:
            if count := found.dropped[reason]:
                yield f"  dropped, {reason}", f"{count:,}"
        for word, count in (("commands", found.commands), ("gaps", found.gaps)):
            if count:
                yield f"  {word}, not used yet", f"{count:,}"

    def as_json(self) -> dict[str, Any]:
        """Return what came of the records as values of JSON."""
        found = self._together()
        return {
            "presets": {path: preset.name for path, (preset, _) in self._files.items()},
            "records": found.records,
            "interactions": found.interactions,
            "dropped": dict(found.dropped),
            "commands": found.commands,
            "gaps": found.gaps,
        }

    def _values(self, path: str) -> Iterator[tuple[int, bytes]]:
        import orjson

        from detector.mapping.run import interactions

        preset, totals = self._files[path]
        for line, interaction in interactions(Path(path), preset, totals):
            yield line, orjson.dumps(interaction)

    def _together(self) -> "Totals":
        from detector.mapping.run import Totals

        each = [totals for _, totals in self._files.values()]
        return Totals(
            sum(totals.records for totals in each),
            sum(totals.interactions for totals in each),
            sum(totals.commands for totals in each),
            sum(totals.gaps for totals in each),
            sum((totals.dropped for totals in each), Counter()),
        )

    def _why_nothing(self, path: str, preset: str, totals: "Totals") -> str:
        """Return what to do with a file that gave no interaction."""
        if not totals.records:
            return f"{path} has no records"
        if other := fitting(path, self._firm, preset):
            count = f"{totals.records:,}"
            return f"{path}: {preset} made nothing of its {count} records; they read like {other}: --map {other}"
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in totals.dropped.most_common())
        return (
            f"{path}: {preset} made no interaction of its {totals.records:,} records (dropped: {reasons or 'none'});"
            f" `ghosting map {preset} --try {path}` shows why, record by record"
        )


def mapping_of(
    context: typer.Context, name: str | None, config: Path | None, files: Sequence[str], declared: "Declared"
) -> Mapping | None:
    """Return how the files of a command are mapped; None = they are of the contract.

    Raises
    ------
    InputError
        If the mapping or the settings of the firm cannot be used.
    """
    if name is None:
        if config is not None:
            raise typer.BadParameter("--config goes with --map; for settings: ghosting --config FILE COMMAND")
        return None
    if declared.encoding or declared.decimal_comma or declared.times_in != "s":
        raise typer.BadParameter("--encoding, --decimal-comma and --times-in do not go with --map: the mapping says it")
    if STANDARD in files:
        raise typer.BadParameter("--map reads files only, not the standard input: write it into one")
    return Mapping(name, files, firm_of(context, config))


def firm_of(context: typer.Context, config: Path | None) -> "Firm":
    """Read what the firm says of itself: in a file of its own, or in the table `map` of the settings file.

    Raises
    ------
    InputError
        If it cannot be used.
    """
    from detector.mapping.config import load
    from detector.mapping.firm import Firm
    from detector.shell.config.load import MAP_TABLE, mapping_secret, settings_file

    given: Given = context.obj
    secret, settings = mapping_secret(), settings_file(given.file)
    with mistakes_of_mapping():
        if config is None and settings:
            return load(settings, secret=secret, table=MAP_TABLE)
        return load(config, secret=secret) if config else Firm(secret=secret)


def fitting(path: str, firm: "Firm", other_than: str | None = None) -> str | None:
    """Return the preset that fits a file, if just one does and it is another than this."""
    from detector.mapping.detect import preset_of
    from detector.mapping.errors import MappingError

    try:
        preset = preset_of(Path(path), firm)
    except (MappingError, ValueError, OSError):
        return None
    return None if preset == other_than else preset


@contextmanager
def mistakes_of_mapping() -> Iterator[None]:
    """Turn an error of a mapping into the one line that a command ends with."""
    from detector.files.problem import InputError
    from detector.mapping.errors import MappingError

    try:
        yield
    except MappingError as error:
        raise InputError(str(error)) from None


def _refuse_other_formats(path: str) -> None:
    """Refuse what no mapping reads, such as a workbook, and name it; a folder may be a maildir."""
    from contextlib import ExitStack

    from detector.files.opening import open_file
    from detector.files.problem import InputError

    if Path(path).is_dir():
        return
    with ExitStack() as files:
        if open_file(path, files).packing == "zip":
            raise InputError(f"{path} is a zip; unpack it first, and name the file in it")
