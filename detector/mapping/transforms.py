"""The verbs that change a value: `case`, `map`, `lookup`, `unit`, `scale` and the like, in a fixed order."""

import re
from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from detector.mapping import amounts, times
from detector.mapping.context import Context
from detector.mapping.errors import PlaceError, Trail, check_keys
from detector.mapping.paths import Scope, Value
from detector.mapping.text import id_of, salesforce_id, text_of

Node = Any
CompileValue = Callable[[Node, Context, Trail], Value]
Change = Callable[[Any], Any]

TRANSFORMS: Final = (
    *("only", "split", "after", "remove_prefix", "match", "case", "form", "lookup", "map"),
    *("unit", "decimal", "minus", "scale", "per", "sign"),
)
"""In the order in which they are applied, however a mapping orders them."""
KEYS: Final = (*TRANSFORMS, "zone", "default")  # the zone belongs to the unit
CASES: Final[Mapping[str, Change]] = {"lower": str.lower, "upper": str.upper, "fold": str.casefold}
DURATION: Final = "hh:mm"


def compile_transforms(
    node: Mapping[str, Node], value: Value, context: Context, trail: Trail, compile_value: CompileValue
) -> Value:
    """Put the transforms of a node behind its source."""
    if "zone" in node and "unit" not in node:
        raise PlaceError((*trail, "zone"), "stands without a unit; write unit = 'rfc3339' or a format beside it")
    for name in TRANSFORMS:
        if name not in node:
            continue
        place = (*trail, name)
        if name in ("minus", "scale"):
            value = _of_two(name, node[name], value, context, place, compile_value)
        elif name in ("unit", "lookup"):
            change = _time(node, context, trail) if name == "unit" else _lookup(node[name], context, place)
            value = _then(value, change)
        else:
            value = _then(value, _PLAIN[name](node[name], place))
    return value


def _then(value: Value, change: Change) -> Value:
    def changed(scope: Scope) -> object:
        found = value(scope)
        return None if found is None else change(found)

    return changed


def as_time(node: Node, value: Value, context: Context) -> Value:
    """Read a value as a time: RFC 3339 in the firm's zone, unless the node itself names a unit."""
    if isinstance(node, dict) and "unit" in node and "default" not in node:
        return value
    zone = context.firm.zone
    return lambda scope: times.rfc3339(value(scope), zone)


def _zone(node: Mapping[str, Node], context: Context, trail: Trail) -> tzinfo:
    name = node.get("zone")
    if name is None:
        return context.firm.zone
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, TypeError, KeyError):
        raise PlaceError((*trail, "zone"), f"{name!r} is no time zone; write a name such as Europe/Berlin") from None


def _time(node: Mapping[str, Node], context: Context, trail: Trail) -> Change:
    """Read a time, or by the first of several units that can."""
    units, place = node["unit"], (*trail, "unit")
    if units == DURATION:
        return amounts.clock
    units = units if isinstance(units, list) else [units]
    if not units or not all(isinstance(unit, str) for unit in units):
        raise PlaceError(place, "should be a unit or a list of units")
    zone = _zone(node, context, trail)
    readers = [times.reader(unit, zone, place) for unit in units]
    if len(readers) == 1:
        return readers[0]

    def read(found: object) -> str | None:
        return next((text for text in (reader(found) for reader in readers) if text is not None), None)

    return read


def _text(change: Callable[[str], str | None]) -> Change:
    def changed(found: object) -> object:
        text = text_of(found)
        return None if text is None else change(text)

    return changed


def _word(node: Node, trail: Trail) -> str:
    if not isinstance(node, str) or not node:
        raise PlaceError(trail, "should be a text")
    return node


def _split(node: Node, trail: Trail) -> Change:
    separator = _word(node, trail)

    def split(found: object) -> list[str]:
        text = text_of(found)
        return [part for part in map(str.strip, text.split(separator)) if part] if text else []

    return split


def _after(node: Node, trail: Trail) -> Change:
    mark = _word(node, trail)
    return _text(lambda text: text.rpartition(mark)[2] or None)


def _remove_prefix(node: Node, trail: Trail) -> Change:
    prefix = _word(node, trail)
    return _text(lambda text: text.removeprefix(prefix) or None)


def pattern(node: Node, trail: Trail) -> re.Pattern[str]:
    """Compile a regular expression, without regard to case, or raise `PlaceError`."""
    try:
        return re.compile(_word(node, trail), re.IGNORECASE)
    except re.error as error:
        raise PlaceError(trail, f"{node!r} is no regular expression: {error}") from None


def _match(node: Node, trail: Trail) -> Change:
    """Take the first group of a regular expression, or all that it matches."""
    wanted = pattern(node, trail)

    def match(text: str) -> str | None:
        found = wanted.search(text)
        return found[1 if wanted.groups else 0] if found else None

    return _text(match)


def _case(node: Node, trail: Trail) -> Change:
    if node not in CASES:
        raise PlaceError(trail, f"{node!r} should be {', '.join(CASES)}")
    return _text(CASES[node])


def _salesforce_id(found: object) -> str | None:
    text = id_of(found)
    return None if text is None else salesforce_id(text)


def _message_id(text: str) -> str | None:
    return text.removeprefix("<").removesuffix(">").strip() or None


FORMS: Final[Mapping[str, Change]] = {
    "id": id_of,
    "salesforce_id": _salesforce_id,
    "message_id": _text(_message_id),
}


def _form(node: Node, trail: Trail) -> Change:
    """Bring an id into the one form in which its tool compares it."""
    if node not in FORMS:
        raise PlaceError(trail, f"{node!r} should be {', '.join(FORMS)}")
    form = FORMS[node]
    return lambda found: [form(item) for item in found] if isinstance(found, list) else form(found)


def _only(node: Node, trail: Trail) -> Change:
    """Take the one id of a list; several different ones are none."""
    if node is not True:
        raise PlaceError(trail, "should be true")

    def only(found: object) -> str | None:
        ids = {text for text in map(id_of, found if isinstance(found, list) else [found]) if text is not None}
        return ids.pop() if len(ids) == 1 else None

    return only


def _lookup(node: Node, context: Context, trail: Trail) -> Change:
    if node not in context.tables:
        raise PlaceError(trail, f"{node!r} is no table; [tables] defines: {', '.join(context.tables) or 'none'}")
    return _text(context.tables[node].get)


def _map(node: Node, trail: Trail) -> Change:
    if not isinstance(node, dict) or not node:
        raise PlaceError(trail, "should be a table: { from = 'to' }")
    for key, to in node.items():
        if not isinstance(to, str | int | float | bool):
            raise PlaceError((*trail, key), "should be a text, a number, true or false")
    return _text(node.get)


def _decimal(node: Node, trail: Trail) -> Change:
    if node not in (".", ","):
        raise PlaceError(trail, "should be '.' (1,000.00) or ',' (1.000,00)")
    return lambda found: amounts.number(found, german=node == ",")


def _per(node: Node, trail: Trail) -> Change:
    if isinstance(node, bool) or not isinstance(node, int | float) or node <= 0:
        raise PlaceError(trail, "should be a number above 0")
    return lambda found: None if (read := amounts.number(found)) is None else read / node


def _sign(node: Node, trail: Trail) -> Change:
    """Turn the sign of a number, or set it."""
    changes: dict[str, Callable[[float], float]] = {
        "turned": lambda read: -read,
        "negative": lambda read: -abs(read),
        "positive": abs,
    }
    if node not in changes:
        raise PlaceError(trail, f"{node!r} should be {', '.join(changes)}")
    change = changes[node]
    return lambda found: None if (read := amounts.number(found)) is None else change(read)


_PLAIN: Final[Mapping[str, Callable[[Node, Trail], Change]]] = {
    "only": _only,
    "split": _split,
    "after": _after,
    "remove_prefix": _remove_prefix,
    "match": _match,
    "case": _case,
    "form": _form,
    "map": _map,
    "decimal": _decimal,
    "per": _per,
    "sign": _sign,
}


def compile_default(
    node: Mapping[str, Node], value: Value, context: Context, trail: Trail, compile_value: CompileValue
) -> Value:
    """Put the default of a node behind all else, its `when` and `unless` too."""
    if "default" not in node:
        return value
    instead = compile_value(node["default"], context, (*trail, "default"))

    def defaulted(scope: Scope) -> object:
        found = value(scope)
        return instead(scope) if found is None or found == "" else found

    return defaulted


def _of_two(name: str, node: Node, value: Value, context: Context, trail: Trail, compile_value: CompileValue) -> Value:
    return (_minus if name == "minus" else _scale)(node, value, context, trail, compile_value)


def _minus(node: Node, value: Value, context: Context, trail: Trail, compile_value: CompileValue) -> Value:
    subtracted = compile_value(node, context, trail)

    def minus(scope: Scope) -> float | None:
        whole, part = amounts.number(value(scope)), amounts.number(subtracted(scope))
        return None if whole is None or part is None else whole - part

    return minus


def _scale(node: Node, value: Value, context: Context, trail: Trail, compile_value: CompileValue) -> Value:
    """Turn minor units into units of the currency, or back with `to = "minor"`."""
    if not isinstance(node, dict) or "currency" not in node:
        raise PlaceError(trail, "should be a table with a currency: { currency = { path = 'currency' } }")
    check_keys(node, ("currency", "digits", "except", "to"), trail)
    currency = compile_value(node["currency"], context, (*trail, "currency"))
    usual, others = node.get("digits", 2), node.get("except", amounts.ISO_4217)
    if isinstance(others, str):
        others = context.exponents.get(others)
    if not isinstance(usual, int) or not isinstance(others, Mapping):
        raise PlaceError(
            trail, "digits should be a number, and except { JPY = 0 } or the name of a table of [exponents]"
        )
    to = node.get("to", "units")
    if to not in ("units", "minor"):
        raise PlaceError((*trail, "to"), "should be units or minor")
    change: Callable[[float, int], float] = amounts.to_units if to == "units" else amounts.to_minor

    def scale(scope: Scope) -> float | None:
        read = amounts.number(value(scope))
        return None if read is None else change(read, others.get(amounts.currency(currency(scope)) or "", usual))

    return scale
