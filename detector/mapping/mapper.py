"""A whole mapping, compiled: from one record to what becomes of it. It keeps nothing from record to record.

A mapping has shapes, because a tool writes the same thing in several ways; the first shape that fits a record maps it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from detector.mapping.command import CommandRule, GapRule
from detector.mapping.conditions import Condition, compile_guard
from detector.mapping.context import Context
from detector.mapping.errors import PlaceError, Trail, check_keys
from detector.mapping.fields import FIELDS
from detector.mapping.interaction import OWN_KEYS, InteractionRule
from detector.mapping.outcome import DROPPED, RANK, REASONS, Dropped, Interaction, Result
from detector.mapping.paths import Scope, Value, exists
from detector.mapping.text import InexactError
from detector.mapping.values import compile_value

Node = Any
Reshape = Callable[[Any], Any]
RULE_KEYS: Final = ("drop", "interaction", "command", "gap")
SHAPE_KEYS: Final = ("name", "has", "when", "unless", "let", "fields", "inside", "preset", *RULE_KEYS)
DROP_KEYS: Final = ("reason", "when", "unless", "why")
CAPTURED_KAFKA: Final = frozenset({"key", "value"})
CAPTURED_WEBHOOK: Final = frozenset({"headers", "body"})
INTERNAL: Final = RANK["internal"]
NO_SHAPE: Final = Dropped("not_contact", "of no shape that this mapping knows")
NO_RULE: Final = Dropped("not_contact", "no interaction of this mapping applies to it")
NO_OBJECT: Final = Dropped("invalid", "not an object")
NOT_EXACT: Final = Dropped("invalid", "a number with a fraction stands where an id belongs")


class Shape:
    """One shape of a tool's records, compiled.

    Parameters
    ----------
    node
        Its table.
    tool
        Name of the tool, for commands and gaps.
    context
        Names in force.
    trail
        Its place.
    preset
        Returns the mapper of another preset, for an envelope around it.

    """

    def __init__(
        self,
        node: Mapping[str, Node],
        tool: str,
        context: Context,
        trail: Trail,
        preset: Callable[[str, Trail], "Mapper"],
    ) -> None:
        context = context.with_lets({name: ((*trail, "let", name), body) for name, body in _table(node, "let", trail)})
        self._keeps = bool(context.lets)
        self.name = str(node.get("name", tool))
        self.paths = _texts(node.get("has", []), (*trail, "has"))
        self._has = [exists(path, (*trail, "has")) for path in self.paths]
        self._applies = compile_guard(node, context, trail, compile_value)
        self._inner = preset(node["preset"], (*trail, "preset")) if "preset" in node else None
        self._inside: Value | None = None
        if "inside" in node:
            self._inside = compile_value({"path": node["inside"]}, context, (*trail, "inside"))
        shared = dict(_table(node, "fields", trail))
        check_keys(shared, [*(key for key in OWN_KEYS if key not in ("when", "unless")), *FIELDS], (*trail, "fields"))
        self._drops = _drops(node, context, trail)
        self._interactions = [
            InteractionRule(table, shared, context, place) for table, place in _tables(node, "interaction", trail)
        ]
        self._others: list[CommandRule | GapRule] = [
            *(CommandRule(table, tool, context, place) for table, place in _tables(node, "command", trail)),
            *(GapRule(table, tool, context, place) for table, place in _tables(node, "gap", trail)),
        ]
        if self._inner is None and not (self._interactions or self._others):
            raise PlaceError(trail, "has no [[interaction]], [[command]] or [[gap]]: it would drop everything")

    def fits(self, scope: Scope) -> bool:
        """Check whether a record is of this shape."""
        for has in self._has:
            if not has(scope):
                return False
        return self._applies is None or self._applies(scope)

    def map(self, scope: Scope) -> Result:
        """Return what becomes of a record of this shape; the first reason for a drop, in their order, wins."""
        if self._keeps:
            scope = scope.copy()  # named values are kept in it
        hit = None
        for condition, dropped in self._drops:
            if condition(scope):
                hit = dropped
                break
        if hit is not None and RANK[hit.reason] <= INTERNAL:
            return hit
        if self._inner is not None:
            return self._inner.map(self._inside(scope) if self._inside else scope)
        result = self._kept(scope)
        if hit is None:
            return result
        earlier = isinstance(result, Dropped) and RANK[result.reason] < RANK[hit.reason] and result != NO_RULE
        return result if earlier else hit

    def _kept(self, scope: Scope) -> Result:
        """Map a record that no rule drops. The first interaction decides whether the record counts at all."""
        events: list[Interaction] | None = None
        for rule in self._interactions:
            if rule.applies is not None and not rule.applies(scope):
                continue
            found = rule.map(scope)
            if events is None:
                if isinstance(found, Dropped):
                    return found
                events = found
            elif not isinstance(found, Dropped):
                events += found
        if events is not None:
            return events
        for other in self._others:
            if other.applies is None or other.applies(scope):
                return other.map(scope)
        return NO_RULE


def _drops(node: Mapping[str, Node], context: Context, trail: Trail) -> list[tuple[Condition, Dropped]]:
    """Compile `[[drop]]`, in the order of the reasons, however the mapping orders them."""
    drops = []
    for table, place in _tables(node, "drop", trail):
        check_keys(table, DROP_KEYS, place)
        reason = table.get("reason")
        if reason not in REASONS:
            raise PlaceError((*place, "reason"), f"{reason!r} should be {', '.join(REASONS)}")
        condition = compile_guard(table, context, place, compile_value)
        if condition is None:
            raise PlaceError(place, "has neither `when` nor `unless`: it would drop everything")
        drops.append((RANK[reason], condition, Dropped(reason, str(table.get("why", REASONS[reason])))))
    drops.sort(key=lambda drop: drop[0])
    return [(condition, dropped) for _, condition, dropped in drops]


def _table(node: Mapping[str, Node], key: str, trail: Trail) -> list[tuple[str, Node]]:
    found = node.get(key, {})
    if not isinstance(found, dict):
        raise PlaceError((*trail, key), "should be a table")
    return list(found.items())


def _tables(node: Mapping[str, Node], key: str, trail: Trail) -> list[tuple[dict[str, Node], Trail]]:
    found = node.get(key, [])
    if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
        raise PlaceError((*trail, key), f"should be written [[{key}]]")
    return [(table, (*trail, key, place)) for place, table in enumerate(found)]


def _texts(node: Node, trail: Trail) -> list[str]:
    if not isinstance(node, list) or not all(isinstance(text, str) for text in node):
        raise PlaceError(trail, "should be a list of paths")
    return node


@dataclass(frozen=True)
class Mapper:
    """A compiled mapping.

    Parameters
    ----------
    tool
        Its name.
    shapes
        Its shapes; the first that fits maps a record.
    reshape
        What a small reader in Python does with a record before, or None.
    reads_headers
        Whether it looks at the headers of a webhook; else only the body matters.

    """

    tool: str
    shapes: tuple[Shape, ...]
    reshape: Reshape | None = None
    reads_headers: bool = False

    def shape_of(self, value: object) -> Shape | None:
        """Return the shape of a record, or None if the mapping knows none."""
        opened = self._opened(value)
        return next((shape for shape in self.shapes if shape.fits(opened)), None) if isinstance(opened, dict) else None

    def map(self, value: object) -> Result:
        """Map one record.

        Parameters
        ----------
        value
            The record as its parser gives it: a dict with texts, numbers, lists and dicts.

        Raises
        ------
        InexactError
            If a float stands where an id belongs; parse the record exactly and map it again (`records.parse_exactly`).
        """
        value = self._opened(value)
        if value is None:
            return DROPPED["tombstone"]
        if not isinstance(value, dict):
            return value if isinstance(value, Dropped) else NO_OBJECT
        for shape in self.shapes:
            if shape.fits(value):
                return shape.map(value)
        return NO_SHAPE

    def map_parsed(self, value: object) -> Result:
        """Map one record whose text is gone: a float in the place of an id makes it `invalid`."""
        try:
            return self.map(value)
        except InexactError:
            return NOT_EXACT

    def _opened(self, value: object) -> object:
        """Take a record out of its capture envelope, and let the reader of the preset reshape it."""
        if isinstance(value, dict) and len(value) == 2:  # noqa: PLR2004 (the keys of either envelope)
            keys = value.keys()
            if keys == CAPTURED_KAFKA and not isinstance(value["value"], str):
                value = value["value"]
            elif keys == CAPTURED_WEBHOOK and not self.reads_headers:
                value = value["body"]
        return value if self.reshape is None or value is None else self.reshape(value)
