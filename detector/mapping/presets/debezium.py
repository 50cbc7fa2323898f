"""Debezium's envelope: columns in plain values, whether the record brings its schema or not."""

import base64
import binascii
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from detector.mapping import times
from detector.mapping.firm import Firm
from detector.mapping.mapper import Reshape

DECIMAL_BYTES_MAX: Final = 64  # 150 digits
DIGITS_MAX: Final = 400
UNITS: Final[Mapping[str, str]] = {
    "io.debezium.time.Timestamp": "ms",
    "io.debezium.time.MicroTimestamp": "us",
    "io.debezium.time.NanoTimestamp": "ns",
    "org.apache.kafka.connect.data.Timestamp": "ms",
    "io.debezium.time.Date": "days",
    "org.apache.kafka.connect.data.Date": "days",
}
DECIMALS: Final = ("org.apache.kafka.connect.data.Decimal", "io.debezium.data.VariableScaleDecimal")


def reshape(firm: Firm) -> Reshape:
    """Return the reader; dates alone are noon in the zone of the firm."""
    readers = {name: times.reader(unit, firm.zone, ()) for name, unit in UNITS.items()}

    def reshaped(record: Any) -> Any:  # noqa: ANN401 (JSON)
        if not (isinstance(record, dict) and "payload" in record and "schema" in record):
            return record
        payload = record["payload"]
        if not isinstance(payload, dict) or not isinstance(payload.get("after"), dict):
            return payload
        fields = _fields(record["schema"])
        after = {name: _plain(value, fields.get(name), readers) for name, value in payload["after"].items()}
        return {**payload, "after": after}

    return reshaped


def _fields(schema: object) -> dict[str, dict[str, Any]]:
    """Return the schemas of the columns by their names."""
    envelope = schema.get("fields") if isinstance(schema, dict) else None
    for struct in envelope if isinstance(envelope, list) else []:
        if isinstance(struct, dict) and struct.get("field") == "after" and isinstance(struct.get("fields"), list):
            return {str(field.get("field")): field for field in struct["fields"] if isinstance(field, dict)}
    return {}


def _plain(
    value: object, field: dict[str, Any] | None, readers: Mapping[str, Callable[[object], str | None]]
) -> object:
    if value is None or field is None:
        return value
    name = str(field.get("name"))
    if name in readers:
        return readers[name](int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else value)
    if name in DECIMALS:
        return _decimal(value, field)
    return value


def _decimal(value: Any, field: dict[str, Any]) -> str | None:  # noqa: ANN401 (JSON)
    """Read a decimal: base64 of a big-endian integer, with the scale in the schema or beside it."""
    parameters = field.get("parameters")
    scale = parameters.get("scale") if isinstance(parameters, dict) else None
    if isinstance(value, dict):
        value, scale = value.get("value"), value.get("scale")
    try:
        raw = base64.b64decode(value if isinstance(value, str) else b"", validate=True)
        digits = int(scale) if isinstance(scale, str | int) else 0
    except (binascii.Error, ValueError):
        return None
    if not 0 < len(raw) <= DECIMAL_BYTES_MAX or abs(digits) > DIGITS_MAX:
        return None
    return format(Decimal(int.from_bytes(raw, "big", signed=True)).scaleb(-digits), "f")
