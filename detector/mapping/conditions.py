"""The verbs of a mapping that decide: `when` and `unless` with a test of a value.

A condition is a value with one test (`is`, `in`, `starts`, `matches`, `exists`, `own`, `in_config`); without a test it
holds if the value is there. A list of conditions holds if all do; `any`, `all` and `not` combine them.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from detector.mapping import machine, transforms
from detector.mapping.context import Context
from detector.mapping.errors import PlaceError, Trail
from detector.mapping.paths import Scope, Value, exists
from detector.mapping.text import Number, text_of

Node = Any
Condition: TypeAlias = Callable[[Scope], bool]
CompileValue = Callable[[Node, Context, Trail], Value]
TESTS: Final = ("is", "in", "starts", "matches", "exists", "own", "in_config", "same_as", "below", "machine")
TRUE: Final = frozenset({"true", "1", "yes", "t", "y"})
FALSE: Final = frozenset({"false", "0", "no", "f", "n"})


def compile_guard(
    node: Mapping[str, Node], context: Context, trail: Trail, compile_value: CompileValue
) -> Condition | None:
    """Compile `when` and `unless` of a node to one condition; None if it has neither."""
    when = compile_condition(node["when"], context, (*trail, "when"), compile_value) if "when" in node else None
    if "unless" not in node:
        return when
    unless = compile_condition(node["unless"], context, (*trail, "unless"), compile_value)
    if when is None:
        return lambda scope: not unless(scope)
    wanted = when
    return lambda scope: wanted(scope) and not unless(scope)


def compile_condition(node: Node, context: Context, trail: Trail, compile_value: CompileValue) -> Condition:
    """Compile a condition.

    Raises
    ------
    PlaceError
        If it is none.
    """
    if isinstance(node, list):
        return _combined(all, node, context, trail, compile_value)
    if not isinstance(node, dict):
        raise PlaceError(trail, "should be a condition: { path = 'status', is = 'paid' }, or a list of them")
    for word, combine in (("any", any), ("all", all)):
        if word in node:
            _alone(node, word, trail)
            return _combined(combine, node[word], context, (*trail, word), compile_value)
    if "not" in node:
        _alone(node, "not", trail)
        inner = compile_condition(node["not"], context, (*trail, "not"), compile_value)
        return lambda scope: not inner(scope)
    given = [test for test in TESTS if test in node]
    if len(given) > 1:
        raise PlaceError(trail, f"has two tests, {given[0]} and {given[1]}; write two conditions in a list")
    test = given[0] if given else None
    if test == "exists":
        return _exists(node, trail)
    rest = {key: value for key, value in node.items() if key != test}
    value = compile_value(rest, context, trail)
    if test is None:
        return lambda scope: text_of(found) is not None if type(found := value(scope)) is str else _is_there(found)
    return _COMPILERS[test](node[test], value, context, (*trail, test), compile_value)


def _alone(node: Mapping[str, Node], word: str, trail: Trail) -> None:
    if len(node) > 1:
        raise PlaceError(trail, f"{word!r} stands alone in its condition")


def _combined(
    combine: Callable[[Any], bool], node: Node, context: Context, trail: Trail, compile_value: CompileValue
) -> Condition:
    if not isinstance(node, list) or not node:
        raise PlaceError(trail, "should be a list of conditions")
    inner = [compile_condition(item, context, (*trail, place), compile_value) for place, item in enumerate(node)]
    wanted = combine is any

    def combined(scope: Scope) -> bool:
        # A loop, because a generator takes longer to make than most conditions to hold.
        for condition in inner:
            if condition(scope) is wanted:
                return wanted
        return not wanted

    return combined


def _is_there(found: object) -> bool:
    return found is not None and found != "" and found is not False and found != []


def _exists(node: Mapping[str, Node], trail: Trail) -> Condition:
    path, wanted = node.get("path"), node["exists"]
    if not isinstance(path, str) or not isinstance(wanted, bool) or len(node) > 2:  # noqa: PLR2004 (path and exists)
        raise PlaceError(trail, "should be { path = 'a.b', exists = true } or false")
    check = exists(path, (*trail, "path"))
    return lambda scope: check(scope) is wanted


def plain(found: object) -> str | None:
    """Return a value as text for a comparison; here the text of a float does not matter."""
    return repr(found) if type(found) is float else text_of(found)


def _is(node: Node, value: Value, _: Context, trail: Trail, __: CompileValue) -> Condition:
    if isinstance(node, bool):
        words = TRUE if node else FALSE
        return lambda scope: (
            found is node if type(found := value(scope)) is bool else (plain(found) or "").lower() in words
        )
    if not isinstance(node, str | int):
        raise PlaceError(trail, "should be a text, a whole number, true or false")
    if isinstance(node, int):
        return lambda scope: _equals(value(scope), node)
    return lambda scope: (found if (found := value(scope)) == node else plain(found)) == node


def _equals(found: object, wanted: int) -> bool:
    text = plain(found)
    try:
        return text is not None and float(text) == wanted
    except ValueError:
        return False


def _in(node: Node, value: Value, _: Context, trail: Trail, __: CompileValue) -> Condition:
    if not isinstance(node, list) or not node or not all(isinstance(word, str) for word in node):
        raise PlaceError(trail, "should be a list of texts")
    words = frozenset(node)
    return lambda scope: plain(value(scope)) in words


def _starts(node: Node, value: Value, _: Context, trail: Trail, __: CompileValue) -> Condition:
    words = (node,) if isinstance(node, str) else tuple(node) if isinstance(node, list) else ()
    if not words or not all(isinstance(word, str) and word for word in words):
        raise PlaceError(trail, "should be a text or a list of texts")
    return lambda scope: (plain(value(scope)) or "").startswith(words)


def _matches(node: Node, value: Value, _: Context, trail: Trail, __: CompileValue) -> Condition:
    """Test by regular expressions; with a list, any of them."""
    if isinstance(node, list) and node:
        found = [transforms.pattern(item, (*trail, place)) for place, item in enumerate(node)]
    else:
        found = [transforms.pattern(node, trail)]

    def matches(scope: Scope) -> bool:
        text = plain(value(scope))
        return text is not None and any(pattern.search(text) for pattern in found)

    return matches


def _own(node: Node, value: Value, context: Context, trail: Trail, _: CompileValue) -> Condition:
    if node not in ("address", "number"):
        raise PlaceError(trail, "should be address or number")
    is_own = context.firm.is_own_address if node == "address" else context.firm.is_own_number
    return lambda scope: is_own(value(scope))


def _in_config(node: Node, value: Value, context: Context, trail: Trail, _: CompileValue) -> Condition:
    if not isinstance(node, str):
        raise PlaceError(trail, "should be the name of a setting of the firm")
    words = context.firm.words.get(node, frozenset())
    return lambda scope: plain(value(scope)) in words


def _same_as(node: Node, value: Value, context: Context, trail: Trail, compile_value: CompileValue) -> Condition:
    other = compile_value(node, context, trail)

    def same(scope: Scope) -> bool:
        text = plain(value(scope))
        return text is not None and text == plain(other(scope))

    return same


def _below(node: Node, value: Value, _: Context, trail: Trail, __: CompileValue) -> Condition:
    if isinstance(node, bool) or not isinstance(node, int | float):
        raise PlaceError(trail, "should be a number")

    def below(scope: Scope) -> bool:
        found = value(scope)
        return isinstance(found, int | float) and not isinstance(found, bool | Number) and found < node

    return below


def _machine(node: Node, value: Value, _: Context, trail: Trail, __: CompileValue) -> Condition:
    if node not in machine.TESTS:
        raise PlaceError(trail, f"{node!r} should be {', '.join(machine.TESTS)}")
    test = machine.TESTS[node]
    return lambda scope: test(value(scope))


_COMPILERS: Final[Mapping[str, Callable[[Node, Value, Context, Trail, CompileValue], Condition]]] = {
    "is": _is,
    "in": _in,
    "starts": _starts,
    "matches": _matches,
    "own": _own,
    "in_config": _in_config,
    "same_as": _same_as,
    "below": _below,
    "machine": _machine,
}
