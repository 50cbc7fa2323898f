"""Call records of Asterisk: which of the last columns a row has is seen only from what stands in it."""

import re
from typing import Any, Final

from detector.mapping.firm import Firm
from detector.mapping.mapper import Reshape

UNIQUE_ID: Final = re.compile(r".*\d{9,11}\.\d+")


def reshape(_: Firm) -> Reshape:
    """Return the reader: with `loguserfield` alone the first optional column is no unique id."""

    def reshaped(row: Any) -> Any:  # noqa: ANN401 (JSON)
        if not isinstance(row, dict):
            return row
        found = row.get("uniqueid")
        if found and "userfield" not in row and not (isinstance(found, str) and UNIQUE_ID.fullmatch(found.strip())):
            return {**row, "uniqueid": None, "userfield": found}
        return row

    return reshaped
