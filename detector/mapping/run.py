"""Map records one after the other, and count what came of them: the entry for replays, learning and producing.

`map_records` takes any iterator of records, so that another reader of files can be put in front of it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from detector.mapping import records
from detector.mapping.library import Preset
from detector.mapping.mapper import Mapper
from detector.mapping.outcome import DROPPED, Command, Dropped, Gap, Interaction, Result
from detector.mapping.records import Record
from detector.mapping.text import InexactError

FORM_TYPE: Final = "application/x-www-form-urlencoded"
ELEMENTS_MAX: Final = 1000  # HubSpot posts 100 at once
TOO_MANY: Final = Dropped("invalid", f"a list of more than {ELEMENTS_MAX} elements")


class Mapped(NamedTuple):
    """What became of one record.

    Parameters
    ----------
    number
        Number of the record, from 1.
    line
        Line on which it begins.
    result
        Its interactions, or why there is none.

    """

    number: int
    line: int
    result: Result


class Posted(NamedTuple):
    """What became of a posted record, and its bytes: of an element of a list its own."""

    result: Result
    raw: bytes


@dataclass
class Totals:
    """What became of all records so far."""

    records: int = 0
    interactions: int = 0
    commands: int = 0
    gaps: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def count(self, result: Result) -> None:
        """Count one record."""
        self.records += 1
        if isinstance(result, list):
            self.interactions += len(result)
        elif isinstance(result, Dropped):
            self.dropped[result.reason] += 1
        elif isinstance(result, Command):
            self.commands += 1
        else:
            self.gaps += 1


def map_value(mapper: Mapper, value: object) -> Result:
    """Map one record: bytes of JSON, a parsed object, or what a reader could not read."""
    if isinstance(value, bytes):
        try:
            parsed = records.parse_json(value)
            return parsed if isinstance(parsed, Dropped) else mapper.map(parsed)
        except InexactError:
            return mapper.map_parsed(records.parse_exactly(value))
    return value if isinstance(value, Dropped) else mapper.map_parsed(value)


def map_record(mapper: Mapper, value: bytes | None) -> Result:
    """Map one record of a topic: JSON, or a form; None is a tombstone."""
    if value is None:
        return DROPPED["tombstone"]
    return map_value(mapper, records.form_of(value) if records.FORM.match(value) else value)


def map_body(mapper: Mapper, body: bytes, headers: Mapping[str, str]) -> list[Posted]:
    """Map what was posted by a webhook: JSON, a list of JSON whose elements are mapped one by one, or a form.

    Parameters
    ----------
    mapper
        Of the tool that posted it.
    body
        What was posted.
    headers
        The headers of the request, names in small letters; some tools name the kind of event there and nowhere else.
    """
    if headers.get("content-type", "").startswith(FORM_TYPE):
        return [Posted(mapper.map_parsed({"headers": headers, "body": records.form_of(body)}), body)]
    parsed = records.parse_json(body)
    if isinstance(parsed, list) and len(parsed) > ELEMENTS_MAX:
        return [Posted(TOO_MANY, body)]
    try:
        return _map_elements(mapper.map, parsed, body, headers)
    except InexactError:
        return _map_elements(mapper.map_parsed, records.parse_exactly(body), body, headers)


def _map_elements(
    map_one: Callable[[object], Result], parsed: object, body: bytes, headers: Mapping[str, str]
) -> list[Posted]:
    if isinstance(parsed, Dropped):
        return [Posted(parsed, body)]
    if not isinstance(parsed, list):
        return [Posted(map_one({"headers": headers, "body": parsed}), body)]
    return [Posted(map_one({"headers": headers, "body": element}), orjson.dumps(element)) for element in parsed]


def map_records(source: Iterable[Record], mapper: Mapper, totals: Totals | None = None) -> Iterator[Mapped]:
    """Map records in their order; `totals`, if given, counts them."""
    for number, (line, value) in enumerate(source, 1):
        result = mapper.map_parsed(value) if type(value) is dict else map_value(mapper, value)
        if totals is not None:
            totals.count(result)
        yield Mapped(number, line, result)


def map_file(path: Path, preset: Preset, totals: Totals | None = None) -> Iterator[Mapped]:
    """Map the records of a file, or of a maildir.

    Parameters
    ----------
    path
        The file.
    preset
        From `library.load`.
    totals
        Counts what came of the records, if given.

    Raises
    ------
    MappingError
        If the file cannot be opened.
    """
    return map_records(records.read(path, columns=preset.columns, wanted=preset.wanted), preset.mapper, totals)


def interactions(path: Path, preset: Preset, totals: Totals | None = None) -> Iterator[tuple[int, Interaction]]:
    """Return the interactions of a file with the line of their record; `totals` counts what else there was."""
    for mapped in map_file(path, preset, totals):
        if isinstance(mapped.result, list):
            for interaction in mapped.result:
                yield mapped.line, interaction


def as_json(mapped: Mapped) -> dict[str, object]:
    """Return the object that `ghosting map --json` prints for a record."""
    number, line, result = mapped
    out: dict[str, object] = {"record": number}
    if isinstance(result, Dropped):
        return {**out, "dropped": result.reason, "why": result.why, "line": line}
    if isinstance(result, list):
        return {**out, "interactions": result, "line": line}
    return {**out, "gap" if isinstance(result, Gap) else "command": result.fields, "line": line}
