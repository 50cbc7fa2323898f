"""The verbs of a mapping that make a value: each becomes a function of the record, compiled once.

A value is a literal (`"order"`, `12`, `true`) or a table with one source (`path`, `const`, `join`, ...) and any
transforms (`case`, `map`, `unit`, ...), which are applied in the order of `TRANSFORMS`. What is missing is None, and
None stays None through all transforms but `default`.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final

from detector.mapping import conditions, transforms
from detector.mapping.context import Context
from detector.mapping.errors import PlaceError, Trail, check_keys
from detector.mapping.paths import Scope, Value, compiled
from detector.mapping.text import digest, text_of
from detector.mapping.times import instant

Node = Any  # whatever TOML can hold
SOURCES: Final = ("path", "const", "join", "first", "collect", "combine", "let", "hash", "client", "config", "between")
ITEMS_MAX: Final = 10_000  # a change names at most 2,000 records, a mail few hundred recipients
NOT_YET: Final = object()
GUARDS: Final = ("when", "unless")


def compile_value(node: Node, context: Context, trail: Trail) -> Value:
    """Compile a value.

    Raises
    ------
    PlaceError
        For an unknown verb, a wrong path, a name that is not defined or that needs itself.
    """
    if not isinstance(node, dict):
        return _constant(node, trail)
    check_keys(node, (*SOURCES, *transforms.KEYS, *GUARDS), trail)
    given = [source for source in SOURCES if source in node]
    if len(given) != 1:
        said = f"both {given[0]} and {given[1]}" if given else "no source"
        raise PlaceError(trail, f"a value has exactly one source, and here is {said}; one of {', '.join(SOURCES)}")
    source = given[0]
    value = _COMPILERS[source](node[source], context, (*trail, source))
    value = transforms.compile_transforms(node, value, context, trail, compile_value)
    value = _guarded(node, value, context, trail)
    return transforms.compile_default(node, value, context, trail, compile_value)


def _guarded(node: Mapping[str, Node], value: Value, context: Context, trail: Trail) -> Value:
    applies = conditions.compile_guard(node, context, trail, compile_value)
    if applies is None:
        return value
    return lambda scope: value(scope) if applies(scope) else None


def _constant(node: Node, trail: Trail) -> Value:
    if not isinstance(node, str | int | float | bool):
        raise PlaceError(trail, "should be a text, a number, true, false, or a table such as { path = 'customer.id' }")
    return lambda _: node


def _path(node: Node, _: Context, trail: Trail) -> Value:
    if isinstance(node, str):
        return compiled(node, trail)
    return _first_of([compiled(text, (*trail, place)) for place, text in enumerate(_list(node, trail, str))])


def _list(node: Node, trail: Trail, kind: type = object) -> list[Any]:
    if not isinstance(node, list) or not node or not all(isinstance(item, kind) for item in node):
        raise PlaceError(trail, "should be a list with at least one entry" + (", all texts" if kind is str else ""))
    return node


def _values(node: Node, context: Context, trail: Trail) -> list[Value]:
    return [compile_value(item, context, (*trail, place)) for place, item in enumerate(_list(node, trail))]


def _first_of(values: list[Value]) -> Value:
    def first(scope: Scope) -> object:
        for value in values:
            found = value(scope)
            if found is not None and found != "":
                return found
        return None

    return first


def _first(node: Node, context: Context, trail: Trail) -> Value:
    return _first_of(_values(node, context, trail))


def _join(node: Node, context: Context, trail: Trail) -> Value:
    """Join texts; a part that is missing makes the whole missing, a literal stays as it is written."""
    items = _list(node, trail)
    if [isinstance(item, str) for item in items] in ([True, False], [True, False, True]):
        value = compile_value(items[1], context, (*trail, 1))
        return _around(items[0], value, "".join(items[2:]), is_text="form" in items[1] and "default" not in items[1])
    parts = [
        item if isinstance(item, str) else compile_value(item, context, (*trail, place))
        for place, item in enumerate(items)
    ]

    def join(scope: Scope) -> str | None:
        texts = [part if isinstance(part, str) else text_of(part(scope)) for part in parts]
        return None if None in texts else "".join(text for text in texts if text)

    return join


def _around(before: str, value: Value, after: str, *, is_text: bool) -> Value:
    """Join the shape of nearly all event ids at once: a literal, one value, and perhaps another literal."""
    if is_text:
        return lambda scope: None if (text := value(scope)) is None else f"{before}{text}{after}"

    def join(scope: Scope) -> str | None:
        text = text_of(value(scope))
        return None if text is None else f"{before}{text}{after}"

    return join


def _collect(node: Node, context: Context, trail: Trail) -> Value:
    """Put several lists, or single values, into one list."""
    parts = _values(node, context, trail)

    def collect(scope: Scope) -> list[object]:
        items: list[object] = []
        for part in parts:
            found = part(scope)
            items += found if isinstance(found, list) else [found]
        return items

    return collect


def _combine(node: Node, context: Context, trail: Trail) -> Value:
    """Make a list of tables: every combination of the items of several lists."""
    if not isinstance(node, dict) or not node:
        raise PlaceError(trail, "should be a table of lists: { id = { path = ... }, address = { path = ... } }")
    parts = [(name, compile_value(item, context, (*trail, name))) for name, item in node.items()]

    def combine(scope: Scope) -> list[dict[str, object]]:
        lists = [found if isinstance(found := value(scope), list) else [found] for _, value in parts]
        names = [name for name, _ in parts]
        return [
            dict(zip(names, items, strict=True)) for items in itertools.islice(itertools.product(*lists), ITEMS_MAX)
        ]

    return combine


def _let(node: Node, context: Context, trail: Trail) -> Value:
    if not isinstance(node, str) or node not in context.lets:
        known = ", ".join(context.lets) or "none"
        raise PlaceError(trail, f"{node!r} is not defined under [let]; defined are: {known}")
    if node in context.open_lets:
        chain = " -> ".join((*context.open_lets[context.open_lets.index(node) :], node))
        raise PlaceError(trail, f"a value cannot need itself: {chain}")
    if node not in context.compiled:
        place, body = context.lets[node]
        inner = context.entering(node)
        value = compile_value(body, inner, place)
        context.compiled[node] = value if context.asks_inside(body) else _once(f"let {node}", value)
    return context.compiled[node]


def _once(key: str, value: Value) -> Value:
    """Compute a named value once for a record: many rules ask for the same one. The scope is the shape's own copy."""

    def once(scope: Scope) -> object:
        found = scope.get(key, NOT_YET)
        if found is NOT_YET:
            found = value(scope)
            scope[key] = found
        return found

    return once


def _hash(node: Node, context: Context, trail: Trail) -> Value:
    parts = _values(node, context, trail)

    def hashed(scope: Scope) -> str | None:
        texts = []
        for part in parts:
            found = part(scope)
            text = found if isinstance(found, str) else text_of(found)
            if text is None:
                return None
            texts.append(text)
        return digest(*texts)

    return hashed


def _client(node: Node, _: Context, trail: Trail) -> Value:
    if node is not True:
        raise PlaceError(trail, "should be true: the client that was found for this interaction")
    return lambda scope: scope.get("@client")


def _config(node: Node, context: Context, trail: Trail) -> Value:
    if not isinstance(node, str):
        raise PlaceError(trail, "should be the name of a setting of the firm, such as 'debezium_table'")
    words = context.firm.words.get(node, frozenset())
    one = next(iter(words)) if len(words) == 1 else None
    return lambda _: one


def _between(node: Node, context: Context, trail: Trail) -> Value:
    """Return the seconds from one time to another; nothing if they are in the wrong order."""
    if len(_list(node, trail)) != 2:  # noqa: PLR2004 (two ends)
        raise PlaceError(trail, "should be a list of two times, each with its unit")
    start, end = (
        transforms.as_time(item, compile_value(item, context, (*trail, place)), context)
        for place, item in enumerate(node)
    )

    def between(scope: Scope) -> float | None:
        first, last = start(scope), end(scope)
        if first is None or last is None:
            return None
        seconds = instant(last) - instant(first)
        return seconds if seconds > 0 else None

    return between


_COMPILERS: Final[Mapping[str, Callable[[Node, Context, Trail], Value]]] = {
    "path": _path,
    "const": lambda node, _, trail: _constant(node, trail),
    "join": _join,
    "first": _first,
    "collect": _collect,
    "combine": _combine,
    "let": _let,
    "hash": _hash,
    "client": _client,
    "config": _config,
    "between": _between,
}
