"""The fields of an interaction: what a mapping may give for each, and how the contract bounds it.

An optional value that cannot be read costs that value, never the contact.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from detector.mapping import amounts, transforms
from detector.mapping.conditions import FALSE, TRUE
from detector.mapping.context import Context
from detector.mapping.errors import PlaceError, Trail
from detector.mapping.paths import Scope, Value
from detector.mapping.text import ID_CHARACTERS_MAX, id_of, text_of
from detector.mapping.values import compile_value
from schemas.interaction import AMOUNT_MAX, DURATION_MAX_S, LENGTH_MAX, Direction, Kind, Outcome

Node = Any
CHANNEL_CHARACTERS_MAX: Final = 32
SEGMENT_CHARACTERS_MAX: Final = 64


def _literals(outcomes: object) -> frozenset[str]:
    """Return the words of a Literal that is made of Literals."""
    words = get_args(outcomes)
    return frozenset(word for part in words for word in ([part] if isinstance(part, str) else _literals(part)))


WORDS: Final[Mapping[str, frozenset[str]]] = {
    "kind": _literals(Kind),
    "direction": _literals(Direction),
    "outcome": _literals(Outcome),
}
OBLIGATORY: Final = ("event_id", "at", "kind")
NOT_CONSTANT: Final = frozenset({"event_id", "at", "account_id", "thread_id", "in_reply_to", "due_at"})


def compile_field(name: str, node: Node, context: Context, trail: Trail) -> Value:
    """Compile the value of a field so that it gives what the contract takes, or None.

    Raises
    ------
    PlaceError
        If the field cannot have such a value.
    """
    if name in NOT_CONSTANT and not isinstance(node, dict):
        raise PlaceError(trail, "would be the same for all records; to read it write { path = 'name of the field' }")
    if name in WORDS:
        _check_words(node, WORDS[name], trail)
    value = compile_value(node, context, trail)
    return _READERS[name](node, value, context)


def _check_words(node: Node, words: frozenset[str], trail: Trail) -> None:
    """Check the words that a value can give, as far as the mapping shows them."""
    if isinstance(node, str) and node not in words:
        raise PlaceError(trail, f"{node!r} should be {', '.join(sorted(words))}")
    if isinstance(node, dict):
        if isinstance(node.get("map"), dict):
            for key, word in node["map"].items():
                _check_words(word, words, (*trail, "map", key))
        for key in ("const", "default"):
            _check_words(node.get(key), words, (*trail, key))
        if isinstance(node.get("first"), list):
            for place, inner in enumerate(node["first"]):
                _check_words(inner, words, (*trail, "first", place))


def _id(node: Node, value: Value, _: Context) -> Value:
    if not isinstance(node, dict) or "join" not in node:
        return lambda scope: id_of(value(scope))

    def joined(scope: Scope) -> str | None:
        # Parts that were joined are texts already, and together no number.
        found = value(scope)
        return found if type(found) is str and len(found) <= ID_CHARACTERS_MAX and found.isascii() else id_of(found)

    return joined


def _account(_: Node, value: Value, context: Context) -> Value:
    hidden = context.firm.hidden
    return lambda scope: hidden(found) if (found := id_of(value(scope))) else None


def _name(characters_max: int) -> Callable[[Node, Value, Context], Value]:
    def compiled(_: Node, value: Value, __: Context) -> Value:
        def name(scope: Scope) -> str | None:
            found = id_of(value(scope))
            return found if found and len(found) <= characters_max else None

        return name

    return compiled


def _word(name: str) -> Callable[[Node, Value, Context], Value]:
    words = WORDS[name]

    def compiled(_: Node, value: Value, __: Context) -> Value:
        return lambda scope: found if (found := text_of(value(scope))) in words else None

    return compiled


def _time(node: Node, value: Value, context: Context) -> Value:
    return transforms.as_time(node, value, context)


def _truth(_: Node, value: Value, __: Context) -> Value:
    def truth(scope: Scope) -> bool | None:
        found = value(scope)
        if found is None or isinstance(found, bool):
            return found
        text = (text_of(found) or "").lower()
        return True if text in TRUE else False if text in FALSE else None

    return truth


def _number(least: float, most: float) -> Callable[[Node, Value, Context], Value]:
    def compiled(_: Node, value: Value, __: Context) -> Value:
        def number(scope: Scope) -> float | None:
            found = amounts.number(value(scope))
            return found if found is not None and least <= found <= most else None

        return number

    return compiled


def _duration(_: Node, value: Value, __: Context) -> Value:
    """Read seconds; a duration of 0 is none."""

    def seconds(scope: Scope) -> float | None:
        found = amounts.number(value(scope))
        return found if found is not None and 0 < found <= DURATION_MAX_S else None

    return seconds


def _length(_: Node, value: Value, __: Context) -> Value:
    def length(scope: Scope) -> int | None:
        found = amounts.number(value(scope))
        return int(found) if found is not None and 0 <= found <= LENGTH_MAX and found == int(found) else None

    return length


def _currency(_: Node, value: Value, __: Context) -> Value:
    return lambda scope: amounts.currency(value(scope))


_READERS: Final[Mapping[str, Callable[[Node, Value, Context], Value]]] = {
    "event_id": _id,
    "kind": _word("kind"),
    "at": _time,
    "direction": _word("direction"),
    "account_id": _account,
    "channel": _name(CHANNEL_CHARACTERS_MAX),
    "thread_id": _id,
    "in_reply_to": _id,
    "automated": _truth,
    "duration_s": _duration,
    "outcome": _word("outcome"),
    "amount": _number(-AMOUNT_MAX, AMOUNT_MAX),
    "currency": _currency,
    "due_at": _time,
    "substantive": _truth,
    "length": _length,
    "sentiment": _number(-1, 1),
    "segment": _name(SEGMENT_CHARACTERS_MAX),
}
FIELDS: Final = tuple(_READERS)
