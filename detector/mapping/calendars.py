"""Events of an iCalendar file (RFC 5545): their properties as they are written, with the method of their calendar."""

import re
from collections.abc import Iterator
from typing import IO, Any, Final

from detector.mapping.outcome import Dropped
from detector.mapping.records import LINE_BYTES_MAX, Record, decoded

EVENT_LINES_MAX: Final = 100_000  # a meeting of 10,000 has 20,000 lines
# name *(";" parameter) ":" value; a quoted parameter may hold colons and semicolons
CONTENT: Final = re.compile(
    r"(?P<name>[A-Za-z0-9-]+)(?P<parameters>(?:;[^=;:]+=(?:\"[^\"]*\"|[^\";:,])*(?:,(?:\"[^\"]*\"|[^\";:,])*)*)*):(?P<value>.*)",
    re.DOTALL,
)
PARAMETER: Final = re.compile(r";([^=;:]+)=((?:\"[^\"]*\"|[^\";:])*)")
TOO_LONG: Final = Dropped("invalid", f"an event of more than {EVENT_LINES_MAX} lines")


class Event(dict[str, Any]):
    """Properties of an event; a type of its own, because no record of another tool may pass for one."""


def from_ics(file: IO[bytes]) -> Iterator[Record]:
    """Read the events of one calendar or of several in a row."""
    reading = _Calendar()
    for number, line in _unfolded(file):
        found = CONTENT.match(line)
        if found:
            ended = reading.take(number, found["name"].upper(), found["parameters"], found["value"].strip())
            if ended is not None:
                yield ended


class _Calendar:
    """The calendar, and the event in it, whose lines are being read."""

    def __init__(self) -> None:
        self._inside: list[str] = []
        self._method = ""
        self._event: dict[str, list[dict[str, str]]] = {}
        self._begins = self._lines = 0

    def take(self, number: int, name: str, parameters: str, value: str) -> Record | None:
        """Take a line; return the event that it ends."""
        if name == "BEGIN":
            self._begin(number, value.upper())
        elif name == "END":
            return self._end(value.upper())
        elif self._inside[-1:] == ["VEVENT"]:
            self._lines += 1
            if self._lines <= EVENT_LINES_MAX:
                self._event.setdefault(name, []).append({"value": value, **_parameters(parameters)})
        elif name == "METHOD" and self._inside[-1:] == ["VCALENDAR"]:
            self._method = value.upper()
        return None

    def _begin(self, number: int, component: str) -> None:
        self._inside.append(component)
        if component == "VCALENDAR":
            self._method = ""
        elif component == "VEVENT":
            self._begins, self._event, self._lines = number, {}, 0

    def _end(self, component: str) -> Record | None:
        while self._inside and self._inside.pop() != component:
            pass
        if component != "VEVENT":
            return None
        too_long = self._lines > EVENT_LINES_MAX
        return Record(self._begins, TOO_LONG if too_long else Event(method=self._method, vevent=self._event))


def _parameters(text: str) -> dict[str, str]:
    return {f";{name.upper()}": value.strip('"') for name, value in PARAMETER.findall(text)}


def _unfolded(file: IO[bytes]) -> Iterator[tuple[int, str]]:
    """Join lines that are folded: a line break and one space or tab stand anywhere, even inside of a character."""
    begins, whole = 1, b""
    for number, line in enumerate(iter(lambda: file.readline(LINE_BYTES_MAX), b""), 1):
        bare = line.rstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf" if number == 1 else b"")
        if bare[:1] in (b" ", b"\t"):
            if len(whole) < LINE_BYTES_MAX:
                whole += bare[1:]
            continue
        if whole:
            yield begins, decoded(whole)
        begins, whole = number, bare
    if whole:
        yield begins, decoded(whole)
