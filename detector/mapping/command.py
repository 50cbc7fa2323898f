"""`[[command]]` and `[[gap]]` of a mapping: records that mean a merge, an erasure, or a hole in the feed."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from detector.mapping.conditions import compile_guard
from detector.mapping.context import Context
from detector.mapping.errors import PlaceError, Trail, check_keys
from detector.mapping.fields import compile_field
from detector.mapping.interaction import NO_TIME, compile_client
from detector.mapping.outcome import DROPPED, Command, Dropped, Gap
from detector.mapping.paths import Scope
from detector.mapping.text import id_of, text_of
from detector.mapping.values import compile_value

Node = Any
TYPES: Final = {"merged": "ghosting.client.merged.v1", "erased": "ghosting.client.erased.v1"}
COMMAND_KEYS: Final = ("when", "unless", "type", "client", "from", "at", "by")
GAP_KEYS: Final = ("when", "unless", "entity", "change", "record_ids", "at")


def _needs(node: Mapping[str, Node], names: tuple[str, ...], trail: Trail) -> None:
    if missing := [name for name in names if name not in node]:
        raise PlaceError(trail, f"needs {', '.join(missing)}")


class CommandRule:
    """One `[[command]]`, compiled."""

    def __init__(self, node: Mapping[str, Node], tool: str, context: Context, trail: Trail) -> None:
        check_keys(node, COMMAND_KEYS, trail)
        _needs(node, ("type", "client", "at"), trail)
        if node["type"] not in TYPES:
            raise PlaceError((*trail, "type"), f"{node['type']!r} should be {', '.join(TYPES)}")
        if (node["type"] == "merged") is not ("from" in node):
            raise PlaceError(trail, "a merge needs `from`, and only a merge has it")
        self.applies = compile_guard(node, context, trail, compile_value)
        self._type, self._by = TYPES[node["type"]], node.get("by", tool)
        self._hidden = context.firm.hidden
        self._client = compile_client(node["client"], context, (*trail, "client"))
        self._from = compile_value(node["from"], context, (*trail, "from")) if "from" in node else None
        self._at = compile_field("at", node["at"], context, (*trail, "at"))

    def map(self, scope: Scope) -> Command | Dropped:
        """Return the command of a record, or why there is none."""
        at = self._at(scope)
        if at is None:
            return NO_TIME
        client_id = self._client(scope)[0]
        if client_id is None:
            return DROPPED["no_client"]
        fields: dict[str, Any] = {"type": self._type, "client_id": client_id, "at": at, "by": self._by}
        if self._from is not None:
            merged = _ids(self._from(scope), self._hidden)
            if not merged:
                return DROPPED["no_client"]
            # A client merged into itself is no news.
            fields["from"] = [one for one in merged if one != client_id]
            if not fields["from"]:
                return DROPPED["not_contact"]
        return Command(fields)


class GapRule:
    """One `[[gap]]`, compiled."""

    def __init__(self, node: Mapping[str, Node], tool: str, context: Context, trail: Trail) -> None:
        check_keys(node, GAP_KEYS, trail)
        _needs(node, ("entity", "change", "at"), trail)
        self.applies = compile_guard(node, context, trail, compile_value)
        self._tool = tool
        self._entity = compile_value(node["entity"], context, (*trail, "entity"))
        self._change = compile_value(node["change"], context, (*trail, "change"))
        self._ids = compile_value(node["record_ids"], context, (*trail, "record_ids")) if "record_ids" in node else None
        self._at = compile_field("at", node["at"], context, (*trail, "at"))

    def map(self, scope: Scope) -> Gap | Dropped:
        """Return the gap that a record tells of, or why there is none."""
        at = self._at(scope)
        if at is None:
            return NO_TIME
        return Gap(
            {
                "source": self._tool,
                "entity": text_of(self._entity(scope)),
                "change": text_of(self._change(scope)),
                "record_ids": _ids(self._ids(scope)) if self._ids else [],
                "at": at,
            }
        )


def _ids(found: object, form: Callable[[str], str] = str) -> list[str]:
    """Return the readable ids of a list, each once, in their order."""
    items = found if isinstance(found, list) else [found]
    return list(dict.fromkeys(form(text) for text in map(id_of, items) if text is not None))
