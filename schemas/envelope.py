"""From the bytes of a record to an `Interaction`, or to the reason why it is none.

Plain JSON is the fast way: one pass of pydantic. Only what fails there, or comes with CloudEvents headers, is looked at
twice (`schemas.cloudevent`).
"""

from typing import Final, cast

from pydantic import ValidationError

from schemas.cloudevent import Data, Headers, parse, unwrap, unwrap_structured
from schemas.interaction import AHEAD_MAX_S, AT_MIN_S, FIELDS, INTERACTION, RULES, VALUE_BYTES_MAX, Interaction, Refusal
from schemas.rejection import RejectionReason

_validate_json = INTERACTION.validator.validate_json
_validate_data = INTERACTION.validator.validate_python
_REASON_OF_FIELD: Final[dict[str, RejectionReason]] = {"client_id": "client_id_invalid", "kind": "unknown_kind"}


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
    ...            "at": "2025-03-04T10:15:30Z"}'''
    >>> reader.read(call, key=b"c1", now_s=1741083331.0)["at"]
    1741083330.0
    >>> reader.read(call, key=b"c2", now_s=1741083331.0)
    Refusal(reason='key_mismatch', detail='the Kafka key is not the client_id')
    """

    def __init__(self) -> None:
        self.unknown_fields = 0

    def read(
        self, value: bytes | None, *, key: bytes | None = None, headers: Headers = (), now_s: float
    ) -> Interaction | Refusal:
        """Read one record; never raises, whatever the bytes.

        Parameters
        ----------
        value, key, headers
            The record, as Kafka hands it over.
        now_s : float
            The reader's clock in seconds since 1970.
        """
        if value is None:
            return Refusal("tombstone", "the record has no value")
        if len(value) > VALUE_BYTES_MAX:
            return Refusal("too_large", f"the value has more than {VALUE_BYTES_MAX} bytes")
        try:
            data = unwrap(value, headers) if headers else None
            interaction = _validate_json(value) if data is None else _validated(data)
        except ValidationError as error:
            interaction = _second_look(value, error)
        if isinstance(interaction, Refusal):
            return interaction
        if key is not None and key != interaction["client_id"].encode():
            return Refusal("key_mismatch", "the Kafka key is not the client_id")
        if not AT_MIN_S <= interaction["at"] <= now_s + AHEAD_MAX_S:
            return Refusal("time_out_of_range", "at: should not be before 1990, nor more than a day ahead")
        if not FIELDS.issuperset(interaction):
            interaction = self._without_unknown(interaction)
        return interaction

    def _without_unknown(self, interaction: Interaction) -> Interaction:
        known = {name: field for name, field in interaction.items() if name in FIELDS}
        self.unknown_fields += len(interaction) - len(known)
        return cast("Interaction", known)


def _second_look(value: bytes, error: ValidationError) -> Interaction | Refusal:
    """Recognise a structured CloudEvent whose producer left out the content-type header."""
    data = parse(value)
    if isinstance(data, dict) and "specversion" in data:
        return _validated(unwrap_structured(data))
    return _refusal(error) if _is_text(value) else Refusal("malformed_json", "the bytes are no UTF-8 text")


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _validated(data: Data | Refusal) -> Interaction | Refusal:
    if isinstance(data, Refusal):
        return data
    try:
        interaction: Interaction = _validate_data(data)
    except ValidationError as error:
        return _refusal(error)
    return interaction


def _refusal(error: ValidationError) -> Refusal:
    """Say the first thing that is wrong, in the order of the fields."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return Refusal("malformed_json", first["msg"])
    if not first["loc"]:
        return Refusal("not_an_object", "the value is not a JSON object")
    field = str(first["loc"][0])  # No deeper: the keys of `attributes` are payload.
    rule = "is missing" if first["type"] == "missing" else RULES.get(field, first["msg"])
    return Refusal(_REASON_OF_FIELD.get(field, "invalid_field"), f"{field}: {rule}")
