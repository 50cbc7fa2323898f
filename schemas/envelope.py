"""From the bytes of a record to an `Interaction`, or to the reason why it is none.

Plain JSON is the fast way: one pass of pydantic. Only a record that fails there, or that comes with CloudEvents
headers, is parsed a second time (`schemas.cloudevent`).

The obligatory fields decide. If one of them is faulty, the record is refused, and all faulty fields are named. If only
optional fields are faulty, they are left out, and the rest is the interaction.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, cast

from pydantic import TypeAdapter, ValidationError

from schemas.cloudevent import Data, Headers, parse, unwrap, unwrap_structured
from schemas.ids import client_id_of_key
from schemas.interaction import (
    FIELDS,
    INTERACTION,
    OBLIGATORY,
    RULES,
    VALUE_BYTES_MAX,
    Interaction,
    Refusal,
    Time,
)
from schemas.rejection import RejectionReason
from schemas.times import AHEAD_MAX_S, AT_MIN_S, RANGE_RULE, time_hint

_validate_json = INTERACTION.validator.validate_json
_validate_data = INTERACTION.validator.validate_python
_TIME: Final[TypeAdapter[float]] = TypeAdapter(Time)
_PLACE: Final = {name: place for place, name in enumerate(Interaction.__annotations__)}
_TIMES: Final = ("at", "due_at")
_REASON_OF_FIELD: Final[dict[str, RejectionReason]] = {"client_id": "client_id_invalid", "kind": "unknown_kind"}

Faults = Mapping[str, str]
"""The rule that each faulty field breaks, in the order of the contract."""


class Reading(NamedTuple):
    """What a record says.

    Parameters
    ----------
    interaction
        The interaction, or why the record is none.
    left_out
        The optional fields that were left out because they break their rules, with these rules.
    """

    interaction: Interaction | Refusal
    left_out: Faults = MappingProxyType({})


class InteractionReader:
    """Reads interactions in the three forms that they travel in: plain JSON, CloudEvents structured and binary.

    Attributes
    ----------
    unknown_fields : int
        How many fields were ignored so far because the contract does not name them.

    Examples
    --------
    >>> reader = InteractionReader()
    >>> call = b'''{"event_id": "e1", "client_id": "c1", "kind": "call", "direction": "inbound",
    ...            "at": "2025-03-04T10:15:30Z", "outcome": "NO ANSWER"}'''
    >>> reader.read(call, key=b"c1", now_s=1741083331.0)["at"]
    1741083330.0
    >>> reader.read(call, key=b"c2", now_s=1741083331.0).detail
    'the Kafka key is not the client_id'
    >>> list(reader.examine(call, now_s=1741083331.0).left_out)
    ['outcome']
    """

    def __init__(self) -> None:
        self.unknown_fields = 0

    def read(
        self, value: bytes | None, *, key: bytes | None = None, headers: Headers = (), now_s: float
    ) -> Interaction | Refusal:
        """Read one record, without the faulty optional fields; see `examine`."""
        return self.examine(value, key=key, headers=headers, now_s=now_s).interaction

    def examine(self, value: bytes | None, *, key: bytes | None = None, headers: Headers = (), now_s: float) -> Reading:
        """Read one record, and return what was left out of it; never raises, whatever the bytes.

        Parameters
        ----------
        value, key, headers
            The record, as Kafka hands it over.
        now_s : float
            When the record was written, in seconds since 1970; where nobody knows, the reader's clock.
        """
        if value is None:
            return Reading(Refusal("tombstone", "the record has no value"))
        if len(value) > VALUE_BYTES_MAX:
            return Reading(Refusal("too_large", f"the value has more than {VALUE_BYTES_MAX} bytes"))
        try:
            data = unwrap(value, headers) if headers else None
            reading = Reading(_validate_json(value)) if data is None else _validated(data, now_s)
        except ValidationError as error:
            reading = _second_look(value, error, now_s)
        interaction = reading.interaction
        if isinstance(interaction, Refusal):
            return reading
        if refusal := _refused_by_place(interaction, key, now_s):
            return Reading(refusal)
        if not FIELDS.issuperset(interaction):
            return reading._replace(interaction=self._without_unknown(interaction))
        return reading

    def _without_unknown(self, interaction: Interaction) -> Interaction:
        known = {name: field for name, field in interaction.items() if name in FIELDS}
        self.unknown_fields += len(interaction) - len(known)
        return cast("Interaction", known)


def _refused_by_place(interaction: Interaction, key: bytes | None, now_s: float) -> Refusal | None:
    """Refuse an interaction that does not fit the key or the time of its record."""
    client_id, at_s = interaction["client_id"], interaction["at"]
    if key is not None and key != client_id.encode() and client_id_of_key(key) != client_id:
        return Refusal("key_mismatch", "the Kafka key is not the client_id")
    if not _is_in_range(at_s, now_s):
        return Refusal("time_out_of_range", f"at: {_range_rule(at_s)}", ("at",))
    return None


def _is_in_range(at_s: float, now_s: float) -> bool:
    return AT_MIN_S <= at_s <= now_s + AHEAD_MAX_S


def _range_rule(at_s: float) -> str:
    return _hinted(RANGE_RULE, at_s)


def _hinted(rule: str, value: object) -> str:
    hint = time_hint(value)
    return f"{rule}; it {hint}" if hint else rule


def _second_look(value: bytes, error: ValidationError, now_s: float) -> Reading:
    """Read a record that is no plain interaction: a CloudEvent without its header, or one with faulty fields."""
    data = parse(value)
    if isinstance(data, Refusal):
        return Reading(_no_object(value, error))
    if "specversion" in data:
        return _validated(unwrap_structured(data), now_s)
    return _without_faulty(data, error, now_s)


def _no_object(value: bytes, error: ValidationError) -> Refusal:
    """Return why the bytes are no JSON object."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return Refusal("malformed_json", "the bytes are no UTF-8 text")
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return Refusal("malformed_json", first["msg"])
    return Refusal("not_an_object", "the value is not a JSON object")


def _validated(data: Data | Refusal, now_s: float) -> Reading:
    if isinstance(data, Refusal):
        return Reading(data)
    try:
        return Reading(_validate_data(data))
    except ValidationError as error:
        return _without_faulty(data, error, now_s)


def _without_faulty(data: Data, error: ValidationError, now_s: float) -> Reading:
    """Refuse a record because of its obligatory fields, or leave out its faulty optional ones."""
    faults = {**_range_fault(data, now_s), **_faults(data, error)}
    faults = {name: faults[name] for name in sorted(faults, key=_PLACE.__getitem__)}
    first = next(iter(faults))
    if first not in OBLIGATORY:
        sound = {name: field for name, field in data.items() if name not in faults}
        return Reading(_validate_data(sound), faults)
    reason: RejectionReason = _REASON_OF_FIELD.get(first, "invalid_field")
    if first == "at" and faults["at"].startswith(RANGE_RULE):
        reason = "time_out_of_range"
    return Reading(Refusal(reason, detail_of(faults), tuple(faults)))


def _range_fault(data: Data, now_s: float) -> dict[str, str]:
    """Return the fault of a time that is written as it should be, and is out of range."""
    try:
        at_s = _TIME.validate_python(data.get("at"))
    except ValidationError:
        return {}
    return {} if _is_in_range(at_s, now_s) else {"at": _range_rule(at_s)}


def _faults(data: Data, error: ValidationError) -> dict[str, str]:
    """Return the rule that each faulty field breaks."""
    faults: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(problem["loc"][0])  # No deeper: the keys of `attributes` are payload.
        rule = "is missing" if problem["type"] == "missing" else RULES.get(name, problem["msg"])
        faults.setdefault(name, _hinted(rule, data.get(name)) if name in _TIMES else rule)
    return faults


def detail_of(faults: Faults) -> str:
    """Return faulty fields with their rules in words.

    >>> detail_of({"kind": "is missing", "length": "Input should be a valid integer"})
    'kind: is missing; length: Input should be a valid integer'
    """
    return "; ".join(f"{name}: {rule}" for name, rule in faults.items())
