"""Small readers in Python for what a mapping file cannot say: each reshapes a record for the file beside it."""

from collections.abc import Callable, Mapping
from typing import Final

from detector.mapping.firm import Firm
from detector.mapping.mapper import Reshape
from detector.mapping.presets import airbyte, asterisk, debezium, icalendar, mbox

RESHAPES: Final[Mapping[str, Callable[[Firm], Reshape]]] = {
    "airbyte": airbyte.reshape,
    "asterisk": asterisk.reshape,
    "debezium": debezium.reshape,
    "icalendar": icalendar.reshape,
    "mbox": mbox.reshape,
}
