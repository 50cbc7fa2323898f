"""Records of a log, many at once: what each says, as numbers, and which partition its client belongs to.

Plain records are read by a kernel, as a worker's are; the others one by one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from detector.backtest.log import Floats, Ints
from detector.core.primitives.hashing import Integers, Text
from detector.core.primitives.partitioner import partition_of, partition_of_text
from detector.core.wire.fast_path import PLAIN, Plain, scan
from detector.core.wire.fields import FIELDS, NUMBER_OF, parsed_fields
from detector.core.wire.records import JoinedRecords, RecordColumns, joined_records
from detector.files.rows import produced
from schemas.envelope import InteractionReader
from schemas.interaction import Interaction, Refusal
from schemas.times import AHEAD_MAX_S, AT_MIN_S

_AT, _CLIENT = NUMBER_OF["at"], NUMBER_OF["client_id"]
_ELSEWISE = -1  # instead of a partition: not plain, or not to be accepted


class Told(NamedTuple):
    """What records say.

    Parameters
    ----------
    values
        As they would be produced; only of those that were accepted, as are the columns below.
    facts
        A row of `core.facts` for each.
    partitions
        Where their clients belong.
    interactions
        Those that are not plain, by their place.
    refused
        How many were not accepted, by reason.
    """

    values: list[bytes]
    facts: Floats
    partitions: Ints
    interactions: Mapping[int, Interaction]
    refused: Counter[str]


class Reader:
    """Reads a log that is dealt out to so many partitions.

    Parameters
    ----------
    partitions
        How many there are.
    now_s
        The reader's clock: what lies more than a day ahead of it is refused.
    """

    def __init__(self, partitions: int, now_s: float) -> None:
        self._partitions, self._now_s = partitions, now_s
        self._reader = InteractionReader()

    def read(self, lines: Sequence[bytes]) -> Told:
        """Read records; lines of JSON without an event id are given one."""
        values, interactions, refused = list(lines), dict[int, Interaction](), Counter[str]()
        facts, partitions = self._read_plain(values)
        for i in np.flatnonzero(partitions == _ELSEWISE).tolist():
            values[i] = produced(values[i])
            interaction = self.read_one(values[i])
            if isinstance(interaction, Refusal):
                refused[interaction.reason] += 1
            else:
                facts[i], partitions[i] = (
                    parsed_fields(interaction),
                    partition_of(interaction["client_id"], self._partitions),
                )
                interactions[i] = interaction
        if not refused:
            return Told(values, facts, partitions, interactions, refused)
        accepted = np.flatnonzero(partitions != _ELSEWISE)
        places = {i: place for place, i in enumerate(accepted.tolist())}
        return Told(
            [values[i] for i in places],
            facts[accepted],
            partitions[accepted],
            {places[i]: interaction for i, interaction in interactions.items()},
            refused,
        )

    def read_one(self, value: bytes) -> Interaction | Refusal:
        """Read a record in the way that takes any."""
        return self._reader.read(value, now_s=self._now_s)

    def _read_plain(self, values: Sequence[bytes]) -> tuple[Floats, Ints]:
        chunk = chunk_of_values(values)
        facts, partitions = np.empty((len(values), len(FIELDS))), np.full(len(values), _ELSEWISE)
        _look(chunk.text, chunk.ends, self._partitions, facts, partitions, np.zeros(1, PLAIN).view(np.recarray)[0])
        timely = (facts[:, _AT] >= AT_MIN_S) & (facts[:, _AT] <= self._now_s + AHEAD_MAX_S)
        partitions[~timely] = _ELSEWISE
        return facts, partitions


def chunk_of_values(values: Sequence[bytes]) -> JoinedRecords:
    """Join records without keys and headers, as kernels take them."""
    return joined_records(RecordColumns(range(len(values)), [None] * len(values), values, [()] * len(values)))


@njit(cache=True)
def _look(text: Text, ends: Integers, partitions: int, facts: Floats, placed: Ints, plain: Plain) -> None:
    for i in range(len(placed)):
        if scan(text, ends[i], ends[i + 1], plain):
            placed[i] = partition_of_text(text, plain.starts[_CLIENT], plain.sizes[_CLIENT], partitions)
        facts[i] = plain.parsed
