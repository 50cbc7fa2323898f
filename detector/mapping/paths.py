"""Paths into a record: `customer.id`, `results[*].id`, `['Who.Name']`, `lines[0].price`, `*_kept_id`.

A path is parsed once and becomes a function. What a path does not find is None, never an error: tools leave fields out.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from detector.mapping.errors import PlaceError, Trail

Scope: TypeAlias = dict[str, Any]
"""A record, and beside its fields `@` (the item of an `each`) and `@client` (the client found for the interaction)."""
Value: TypeAlias = Callable[[Scope], Any]

ALL: Final = object()  # the step [*]
HEADERS: Final = "headers"  # names of HTTP headers have no case
_STEP: Final = re.compile(
    r"""\[(?:(?P<index>\d+)|(?P<all>\*)|'(?P<one>[^']+)'|"(?P<two>[^"]+)")\]|(?P<key>[^.\[\]]+)"""
)
Step = str | int | object


def parse(text: str, trail: Trail) -> list[Step]:
    """Split a path into keys (str), positions (int) and `ALL`.

    Raises
    ------
    PlaceError
        If it is not a path.

    Examples
    --------
    >>> parse("customer.id", ())
    ['customer', 'id']
    >>> parse("lines[0]['unit price']", ())
    ['lines', 0, 'unit price']

    """
    steps: list[Step] = []
    place = 0
    while place < len(text):
        dotted = bool(steps) and text[place] == "."
        found = _STEP.match(text, place + dotted)
        is_name = bool(found and found["key"])
        # A name stands first or behind a dot, a bracket stands first or behind a step.
        if not found or (is_name is not (dotted or not steps) and (is_name or dotted)):
            raise PlaceError(trail, f"{text!r} is no path: something is wrong at character {place + 1}; {_REMEDY}")
        steps.append(_step(found))
        place = found.end()
    if not steps:
        raise PlaceError(trail, f"an empty path; {_REMEDY}")
    return steps


_REMEDY: Final = "write names with dots between them, [0] or [*] for lists, ['a.b'] for a name with a dot"


def _step(found: re.Match[str]) -> Step:
    if found["index"] is not None:
        return int(found["index"])
    if found["all"]:
        return ALL
    return found["one"] or found["two"] or found["key"].strip()


def compiled(text: str, trail: Trail) -> Value:
    """Return the function that follows a path."""
    steps = parse(text, trail)
    keys = [step for step in steps if isinstance(step, str) and not step.startswith("*")]
    if len(keys) < len(steps) or HEADERS in keys[:-1]:
        return _header(keys[1]) if keys == steps and keys[0] == HEADERS and len(keys) == 2 else _walk(steps)  # noqa: PLR2004
    # Nearly all paths have one to three names; a loop over them would take twice as long.
    if len(keys) == 1:
        return _one(*keys)
    if len(keys) == 2:  # noqa: PLR2004 (the number of steps, once)
        return _two(*keys)
    return _one_after(_two(*keys[:2]), keys[2:])


def _one(key: str) -> Value:
    return lambda scope: scope.get(key)


def _two(first: str, second: str) -> Value:
    def get(scope: Scope) -> object:
        below = scope.get(first)
        return below.get(second) if type(below) is dict else None

    return get


def _header(name: str) -> Value:
    otherwise = _follow(name, HEADERS)

    def get(scope: Scope) -> object:
        headers = scope.get(HEADERS)
        if type(headers) is not dict:
            return None
        found = headers.get(name)
        return otherwise(headers) if found is None else found

    return get


def _one_after(before: Value, keys: list[str]) -> Value:
    def get(scope: Scope) -> object:
        below = before(scope)
        for key in keys:
            if type(below) is not dict:
                return None
            below = below.get(key)
        return below

    return get


def _walk(steps: list[Step]) -> Value:
    followed = [_follow(step, None if place == 0 else steps[place - 1]) for place, step in enumerate(steps)]

    def get(scope: Scope) -> object:
        below: object = scope
        for place, (step, follow) in enumerate(zip(steps, followed, strict=True)):
            if step is ALL:
                rest = followed[place + 1 :]
                return [_rest(rest, item) for item in below] if isinstance(below, list) else None
            below = follow(below)
            if below is None:
                return None
        return below

    return get


def _rest(followed: list[Callable[[object], object]], below: object) -> object:
    for follow in followed:
        below = follow(below)
    return below


def _follow(step: Step, before: Step | None) -> Callable[[object], object]:
    if isinstance(step, int):
        return lambda below: below[step] if isinstance(below, list) and step < len(below) else None
    if not isinstance(step, str):
        return lambda below: below
    if step.startswith("*"):
        return _by(step[1:], str.endswith)
    if before == HEADERS:
        lower = step.lower()
        without_case = _by(lower, lambda name, wanted: name.lower() == wanted)
        return lambda below: below[step] if isinstance(below, dict) and step in below else without_case(below)
    return lambda below: below.get(step) if isinstance(below, Mapping) else None


def _by(wanted: str, fits: Callable[[str, str], bool]) -> Callable[[object], object]:
    def follow(below: object) -> object:
        if isinstance(below, dict):
            for name, value in below.items():
                if fits(name, wanted):
                    return value
        return None

    return follow


def exists(text: str, trail: Trail) -> Callable[[Scope], bool]:
    """Return the check whether a record has the place that a path names, be it null or empty."""
    *above, last = parse(text, trail)
    parent: Value | None
    if isinstance(last, str) and not last.startswith("*") and HEADERS not in above:
        if not above:
            return lambda scope: last in scope
        inside = compiled(text[: -len(last) - 1], trail) if _is_plain(above, text, last) else _walk(above)
        return lambda scope: type(below := inside(scope)) is dict and last in below
    parent = (_one(HEADERS) if above == [HEADERS] else _walk(above)) if above else None
    return _exists(parent, last, in_headers=HEADERS in above[-1:])


def _is_plain(above: list[Step], text: str, last: str) -> bool:
    """Check whether a path is nothing but names with dots between them."""
    return all(isinstance(step, str) for step in above) and text.endswith(f".{last}")


def _exists(parent: Value | None, last: Step, *, in_headers: bool) -> Callable[[Scope], bool]:
    def check(scope: Scope) -> bool:
        below = parent(scope) if parent else scope
        if below is None:
            return False
        if isinstance(below, Mapping):
            return last in below or (in_headers and str(last).lower() in map(str.lower, below))
        return isinstance(below, list) and isinstance(last, int) and last < len(below)

    return check
