"""Where in a TOML text a key stands: its parser does not say, and a message without a line is half a message."""

import re
from typing import Final

from detector.mapping.errors import MappingError, PlaceError, Trail

_HEADER: Final = re.compile(r"^\s*\[(\[)?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_QUOTES: Final = "\"' "


def line_of(text: str, trail: Trail) -> int:
    r"""Return the line, from 1, of the last key of a trail that can be found.

    Examples
    --------
    >>> line_of('tool = "x"\n[[drop]]\nreason = "a"\n[[drop]]\nreasn = "b"', ("drop", 1, "reasn"))
    5

    """
    lines = text.splitlines()
    start, end, rest = _section(lines, trail)
    line = start
    for key in (step for step in rest if isinstance(step, str)):
        wanted = re.compile(rf"""(?:^|[\s{{,.])["']?{re.escape(key)}["']?\s*[=.]""")
        found = next((number for number in range(line, end) if wanted.search(lines[number])), None)
        if found is None:
            break
        line = found
    return line + 1


def _section(lines: list[str], trail: Trail) -> tuple[int, int, Trail]:
    """Return the lines of the table that a trail leads to, and what of the trail lies inside of it."""
    counts: dict[tuple[str, ...], int] = {}
    starts: list[tuple[Trail, int]] = [((), 0)]
    for number, line in enumerate(lines):
        if found := _HEADER.match(line):
            names = tuple(name.strip(_QUOTES) for name in found[2].split("."))
            if found[1]:
                counts[names] = counts.get(names, -1) + 1
                for inner in [key for key in counts if key[: len(names)] == names and key != names]:
                    del counts[inner]
            starts.append((_place(names, counts), number))
    best: Trail = ()
    start, following = 0, len(lines)
    for position, (place, number) in enumerate(starts):
        if trail[: len(place)] == place and len(place) >= len(best):
            best, start = place, number
            following = starts[position + 1][1] if position + 1 < len(starts) else len(lines)
    return start, following, trail[len(best) :]


def _place(names: tuple[str, ...], counts: dict[tuple[str, ...], int]) -> Trail:
    place: list[str | int] = []
    for length, name in enumerate(names, 1):
        place.append(name)
        if names[:length] in counts:
            place.append(counts[names[:length]])
    return tuple(place)


def placed(error: PlaceError, text: str, name: str) -> MappingError:
    """Return the error with file and line."""
    return MappingError(f"{name}, line {line_of(text, error.trail)}: {error}")
