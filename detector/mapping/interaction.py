"""`[[interaction]]` of a mapping: from a record to interactions, or to the reason why there is none."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from detector.mapping.conditions import compile_guard
from detector.mapping.context import Context
from detector.mapping.errors import PlaceError, Trail, check_keys
from detector.mapping.fields import FIELDS, OBLIGATORY, compile_field
from detector.mapping.firm import Party
from detector.mapping.outcome import DROPPED, RANK, REASONS, Dropped, Interaction
from detector.mapping.paths import Scope
from detector.mapping.values import compile_value

Node = Any
WAYS: Final = ("id", "address", "number")
OWN_KEYS: Final = ("when", "unless", "client", "each", "sender", "nobody")
KEYS: Final = (*OWN_KEYS, *FIELDS)


def compile_client(node: Node, context: Context, trail: Trail) -> Callable[[Scope], Party]:
    """Compile the ways to find the client: by an id of the tool, by an address, by a phone number; the first that does.

    Raises
    ------
    PlaceError
        If there is another way, or none.
    """
    nodes = node if isinstance(node, list) else [node]
    ways = []
    for place, way in enumerate(nodes):
        at = (*trail, place) if isinstance(node, list) else trail
        if not isinstance(way, dict) or len(way) != 1:
            raise PlaceError(at, "should be { id = ... }, { address = ... } or { number = ... }, or a list of them")
        check_keys(way, WAYS, at)
        ((name, value),) = way.items()
        if not isinstance(value, dict):
            raise PlaceError((*at, name), "would make one client of all records; write { path = 'name of the field' }")
        by = {"id": context.firm.by_id, "address": context.firm.by_address, "number": context.firm.by_number}[name]
        ways.append((by, compile_value(value, context, (*at, name))))
    if not ways:
        raise PlaceError(trail, "is empty; say how the client is found")
    if len(ways) == 1:
        ((by, value),) = ways
        return lambda scope: by(value(scope))

    def client(scope: Scope) -> Party:
        for by, value in ways:
            party = by(value(scope))
            if party[0] is not None or party[2] == "internal":
                return party
        return party

    return client


class InteractionRule:
    """One `[[interaction]]`, compiled.

    Parameters
    ----------
    node
        The table.
    shared
        Fields that all interactions of the shape have.
    context
        Names in force.
    trail
        Its place.

    """

    def __init__(self, node: Mapping[str, Node], shared: Mapping[str, Node], context: Context, trail: Trail) -> None:
        check_keys(node, KEYS, trail)
        given = {**shared, **node}
        if missing := [name for name in (*OBLIGATORY, "client") if name not in given]:
            raise PlaceError(trail, f"an interaction needs {', '.join(missing)}")
        self.applies = compile_guard(node, context, trail, compile_value)
        self._client = compile_client(given["client"], context, (*trail, "client"))
        self._each = compile_value(given["each"], context, (*trail, "each")) if "each" in given else None
        self._sender = compile_value(given["sender"], context, (*trail, "sender")) if "sender" in given else None
        self._by_address = context.firm.by_address
        nobody = given.get("nobody", "no_client")
        if nobody not in REASONS:
            raise PlaceError((*trail, "nobody"), f"{nobody!r} should be {', '.join(REASONS)}")
        self._nobody = DROPPED[nobody]
        self._fixed, computed = {"direction": "none"}, {}
        for name in FIELDS:
            if name in given:
                computed[name] = compile_field(name, given[name], context, (*trail, name))
                if name in ("kind", "direction", "outcome") and isinstance(given[name], str):
                    self._fixed[name] = given[name]
                    del computed[name]
        self._event_id, self._at = computed.pop("event_id"), computed.pop("at")
        self._account = computed.pop("account_id", None)
        self._amount, self._currency = computed.pop("amount", None), computed.pop("currency", None)
        self._rest = tuple(computed.items())
        # Only where a field asks for the client is it put into the scope, which is then copied.
        self._asks_client = context.asks_inside({name: given[name] for name in FIELDS if name in given})

    def map(self, scope: Scope) -> list[Interaction] | Dropped:
        """Return the interactions of a record, each once, or why there is none."""
        if self._each is None:
            one = self._one(scope)
            return one if isinstance(one, Dropped) else [one]
        items = self._each(scope)
        scopes = [{**scope, "@": item} for item in (items if isinstance(items, list) else [items]) if item is not None]
        mapped = [self._one(inner) for inner in scopes]
        events = {event["event_id"]: event for event in mapped if not isinstance(event, Dropped)}
        if self._sender is not None and len({event["client_id"] for event in events.values()}) > 1:
            return self._sent(events.values(), scope)
        if events:
            return list(events.values())
        failures = [event for event in mapped if isinstance(event, Dropped)]
        return min(failures, key=lambda failure: RANK[failure.reason]) if failures else self._without(scope)

    def _without(self, scope: Scope) -> Dropped:
        """Return why a record that is about nobody gives nothing: it may have no id or time of its own before that."""
        if RANK[self._nobody.reason] > RANK[NO_ID.reason]:
            scope = {**scope, "@": "nobody", "@client": "nobody"}
            if self._event_id(scope) is None or self._at(scope) is None:
                return NO_ID if self._event_id(scope) is None else NO_TIME
        return self._nobody

    def _sent(self, events: Iterable[Interaction], scope: Scope) -> list[Interaction] | Dropped:
        """Keep the one among several clients who sent it, as the firm's own list knows the sender."""
        sender = self._by_address(self._sender(scope) if self._sender else None)[0]
        kept = [event for event in events if event["client_id"] == sender]
        return kept or DROPPED["ambiguous_client"]

    def _one(self, scope: Scope) -> Interaction | Dropped:
        client_id, account_id, reason = self._client(scope)
        if client_id is None and reason == "internal":
            return DROPPED["internal"]
        if self._asks_client:
            # Without a client the id is still tried: a record without an id of its own is `invalid` first.
            scope = {**scope, "@client": client_id or "nobody"}
        event_id, at = self._event_id(scope), self._at(scope)
        if event_id is None or at is None:
            return NO_ID if event_id is None else NO_TIME
        if client_id is None:
            return DROPPED["no_client"]
        event: Interaction = {"event_id": event_id, "client_id": client_id, "at": at, **self._fixed}
        if account_id is None and self._account is not None:
            account_id = self._account(scope)
        if account_id is not None:
            event["account_id"] = account_id
        return self._filled(event, scope)

    def _filled(self, event: Interaction, scope: Scope) -> Interaction | Dropped:
        """Add the fields that are computed, as far as they can be read."""
        for name, value in self._rest:
            found = value(scope)
            if found is not None:
                event[name] = found
        if "kind" not in event:
            return NO_KIND
        if event.get("automated") is False:
            del event["automated"]
        if self._amount is not None:
            self._price(event, scope)
        return event

    def _price(self, event: Interaction, scope: Scope) -> None:
        """Add amount and currency; an order below 0 is a credit note, which the firm writes."""
        amount = self._amount(scope) if self._amount else None
        if amount is None:
            return
        event["amount"] = amount
        if self._currency is not None and (currency := self._currency(scope)) is not None:
            event["currency"] = currency
        if amount < 0 and event["kind"] == "order" and event.get("outcome") == "placed":
            event["direction"], event["outcome"] = "outbound", "returned"


NO_ID: Final = Dropped("invalid", "no id of its own, or one that a spreadsheet damaged")
NO_TIME: Final = Dropped("invalid", "no readable time")
NO_KIND: Final = Dropped("invalid", "no kind that the contract knows")
