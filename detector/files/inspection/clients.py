"""Find ids that look like one another: the same letters in another case, with other blanks, or composed otherwise."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

CLIENTS_MAX: Final = 200_000
"""So many clients are counted; of more it is only said that there are more."""
_ALIKE_SHOWN: Final = 5
SCIENTIFIC_MARK: Final = "E+"


@dataclass(frozen=True)
class Clients:
    """How many clients there are, and how many rows each has.

    Parameters
    ----------
    count, is_complete
        How many were counted, and whether all were.
    rows_median, rows_max
        Of the rows of a client.
    once
        Clients with one row only, of whom no rhythm can be learned.
    alike
        How many groups of ids look like one another, and in what they differ, with examples.
    alike_examples
        Some groups; ids are shown as they are, so that they can be looked up.
    excel_notation
        Ids such as 4.9E+11: a spreadsheet has cut them.
    """

    count: int
    is_complete: bool
    rows_median: int
    rows_max: int
    once: int
    alike: int
    alike_examples: list[list[str]]
    excel_notation: int


def plain_form(client_id: str) -> str:
    """Return what an id has in common with those that look like it.

    >>> plain_form("Anna@Shop.example ") == plain_form("anna@shop.example")
    True
    """
    return " ".join(unicodedata.normalize("NFKC", client_id).casefold().split())


def clients_of(rows: Counter[str], *, is_complete: bool) -> Clients | None:
    """Describe the clients by the rows that each has; None = there are none."""
    if not rows:
        return None
    counts = sorted(rows.values())
    groups: Mapping[str, list[str]] = defaultdict(list)
    for client_id in rows:
        groups[plain_form(client_id)].append(client_id)
    alike = [sorted(group) for group in groups.values() if len(group) > 1]
    return Clients(
        count=len(rows),
        is_complete=is_complete,
        rows_median=counts[len(counts) // 2],
        rows_max=counts[-1],
        once=sum(count == 1 for count in counts),
        alike=len(alike),
        alike_examples=sorted(alike)[:_ALIKE_SHOWN],
        excel_notation=sum(_is_excel_notation(client_id) for client_id in rows),
    )


def _is_excel_notation(client_id: str) -> bool:
    return (
        SCIENTIFIC_MARK in client_id.upper()
        and client_id.upper().replace(SCIENTIFIC_MARK, "").replace(".", "").isdigit()
    )


def text_of(value: Any) -> str:  # noqa: ANN401 (JSON)
    """Return a value of JSON as the text that a cell would have.

    >>> [text_of(value) for value in (None, True, 12.5, "a", {"b": 1})]
    ['', 'true', '12.5', 'a', "{'b': 1}"]
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str(value)
