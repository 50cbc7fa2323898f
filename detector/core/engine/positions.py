"""The record of how far a shard is: its clock, and the position in each source. A restart goes on from there.

Without the merge key behind each offset a restart would merge in another order, and other alerts would come out.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from detector.core.engine.merge import Position
from detector.core.layout import LAYOUT
from detector.core.state import migrate
from detector.core.state.table import UnknownLayoutError

POSITION_KEY: Final = b"position\0"


class Progress(NamedTuple):
    """How far a shard is.

    Parameters
    ----------
    clock_s
        Everything before this instant is applied, in epoch seconds.
    refit_s
        When the segments' tables are made anew; infinite while nothing was learned since the last time.
    unfitted
        Numbers of the segments that learned since then.
    positions
        By source.
    """

    clock_s: float
    refit_s: float
    unfitted: Iterable[int]
    positions: Mapping[str, Position]


def encode(progress: Progress) -> bytes:
    """Return the stored form; floats keep all their digits."""
    clock = [repr(progress.clock_s), repr(progress.refit_s), sorted(progress.unfitted)]
    sources = {source: [offset, repr(key_s)] for source, (offset, key_s) in progress.positions.items()}
    return bytes([LAYOUT]) + json.dumps({"clock": clock, "sources": sources}).encode()


def decode(value: bytes) -> Progress:
    """Return what was stored.

    Raises
    ------
    UnknownLayoutError
        If it is damaged, or of a layout that nobody knows.
    """
    try:
        stored = json.loads(migrate.to_present(value)[1:])
        clock_s, refit_s, unfitted = stored["clock"]
        positions = {
            source: Position(int(offset), float(key_s)) for source, (offset, key_s) in stored["sources"].items()
        }
        return Progress(float(clock_s), float(refit_s), set(unfitted), positions)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnknownLayoutError("position") from error
