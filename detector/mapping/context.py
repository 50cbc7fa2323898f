"""What the verbs of a mapping can refer to while they are compiled."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from detector.mapping.errors import Trail
from detector.mapping.firm import Firm
from detector.mapping.paths import Value


@dataclass(frozen=True)
class Context:
    """Names in force at a place of a mapping.

    Parameters
    ----------
    firm
        Settings of the firm.
    lets
        Named values that are not compiled yet, with their places.
    tables
        Lookup tables by name: text -> text.
    exponents
        Tables of currencies by name: currency -> digits behind the decimal mark.
    open_lets
        The named values that are being compiled, the outermost first: to meet one again is a cycle.
    compiled
        Named values that are compiled.

    """

    firm: Firm
    lets: Mapping[str, tuple[Trail, Any]] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    exponents: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    open_lets: tuple[str, ...] = ()
    compiled: dict[str, Value] = field(default_factory=dict)

    def entering(self, name: str) -> Self:
        """Return the context inside of a named value."""
        return replace(self, open_lets=(*self.open_lets, name))

    def asks_inside(self, node: Any) -> bool:  # noqa: ANN401 (whatever TOML can hold)
        """Check whether a value asks for the client or the item of an `each`, itself or through named values."""
        if isinstance(node, list):
            return any(map(self.asks_inside, node))
        if not isinstance(node, Mapping):
            return isinstance(node, str) and node.startswith("@")
        return any(
            (key == "client" and inner is True)
            or (self._let_asks(inner) if key == "let" and isinstance(inner, str) else self.asks_inside(inner))
            for key, inner in node.items()
        )

    def _let_asks(self, name: str) -> bool:
        if name not in self.lets or name in self.open_lets:  # a mistake, which compiling it will show
            return False
        return self.entering(name).asks_inside(self.lets[name][1])

    def with_lets(self, lets: Mapping[str, tuple[Trail, Any]]) -> Self:
        """Return the context with further named values; those of a shape win over those of the mapping."""
        return replace(self, lets={**self.lets, **lets}, compiled={})
