"""`--map auto`: which preset fits a file, seen from the shape of its first records."""

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Final

from detector.mapping import library, records
from detector.mapping.errors import MappingError
from detector.mapping.firm import Firm
from detector.mapping.outcome import Dropped
from detector.mapping.text import InexactError

RECORDS_LOOKED_AT: Final = 20


def preset_of(path: Path, firm: Firm) -> str:
    """Return the name of the preset that fits a file.

    Parameters
    ----------
    path
        The file, or a maildir.
    firm
        Settings of the firm.

    Raises
    ------
    MappingError
        If none fits, or several do equally well.
    """
    scores = candidates(path, firm)
    if not scores:
        raise MappingError(
            f"no preset fits {path}; `ghosting map list` names them, docs/mapping.md says how to write one"
        )
    best = max(scores.values())
    fitting = sorted(name for name, score in scores.items() if score == best)
    if len(fitting) > 1:
        raise MappingError(f"{' and '.join(fitting)} fit {path} equally well; name one of them")
    return fitting[0]


def candidates(path: Path, firm: Firm) -> Counter[str]:
    """Return how well each preset fits: the named places that its shapes find in the first records."""
    scores: Counter[str] = Counter()
    with_header = [record.value for record in islice(records.read(path), RECORDS_LOOKED_AT)]
    for name in library.names():
        preset = library.load(name, firm)
        values = with_header
        if preset.columns is not None:
            # Without a header any row fits any names; what the columns hold must look right.
            values = [record.value for record in islice(records.read(path, columns=preset.columns), RECORDS_LOOKED_AT)]
            if not _looks_like_columns(values, preset.columns):
                continue
        for value in values:
            parsed = records.parse_json(value) if isinstance(value, bytes) else value
            try:
                shape = None if isinstance(parsed, Dropped) else preset.mapper.shape_of(parsed)
            except InexactError:
                continue
            if shape is not None:
                scores[name] += 1 + len(shape.paths)
    return scores


def _looks_like_columns(values: list[object], columns: list[str]) -> bool:
    """Check whether rows have nearly all of the columns, and numbers in those that are numbers everywhere."""
    return bool(values) and all(
        isinstance(row, dict)
        and len(row) >= len(columns) - 2
        and all(str(row.get(name, "")).isdigit() for name in columns if name in NUMBERS)
        for row in values
    )


NUMBERS: Final = frozenset({"duration", "billsec"})
