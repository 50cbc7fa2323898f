"""Where the outcome of a mapping is written: interactions, commands, gaps, and what cannot be mapped."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import orjson

from detector.core.primitives.partitioner import partition_of
from detector.core.wire.reroute import RecordPlace
from detector.core.wire.routing import address_of
from detector.mapping.outcome import Command, Dropped, Interaction, Result
from detector.shell.config.settings import Settings
from schemas.ids import normal_client_id
from schemas.rejection import rejection

REJECTED_DROPS: Final = frozenset({"invalid", "ambiguous_client", "incomplete"})
"""Drops of records that should have counted, so that somebody may want to correct them: they are kept."""


class Origin(NamedTuple):
    """A record as it came: its place, its key, and its bytes."""

    place: RecordPlace
    key: bytes | None
    value: bytes | None


class Placed(NamedTuple):
    """A record to write."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes


class Placing:
    """Places the outcomes of a mapping on the topics of an installation.

    Parameters
    ----------
    settings
        Of the installation.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.source_of_topic = {settings.topic(source): source for source in settings.sources}
        partition_of("", settings.partitions)  # Numba loads or compiles it here, and not for the first record

    def of(self, result: Result, origin: Origin) -> Iterator[Placed]:
        """Return the records to write for one mapped record, in their order; none if it is dropped."""
        if isinstance(result, list):
            yield from map(self._interaction, result)
        elif isinstance(result, Dropped):
            if result.reason in REJECTED_DROPS:
                yield self._rejection(result, origin)
        elif isinstance(result, Command):
            client_id = normal_client_id(result.fields["client_id"])
            partition = partition_of(client_id, self._settings.partitions)
            value = orjson.dumps(result.fields)
            yield Placed(self._settings.commands_topic, partition, client_id.encode(), value)
        else:
            yield Placed(self._settings.gaps_topic, self._near(origin), None, orjson.dumps(result.fields))

    def _interaction(self, interaction: Interaction) -> Placed:
        settings, value = self._settings, orjson.dumps(interaction)
        to = address_of(value, first=settings.sources[0], route=settings.source_of, partitions=settings.partitions)
        return Placed(settings.topic(to.source), to.partition, to.key, value)

    def _rejection(self, dropped: Dropped, origin: Origin) -> Placed:
        topic, partition, offset = origin.place
        value = rejection(
            topic=topic,
            partition=partition,
            offset=offset,
            reason="not_mapped",
            detail=f"{dropped.reason}: {dropped.why}",
            key=origin.key,
            raw=origin.value,
        )
        return Placed(self._settings.rejected_topic, self._near(origin), b"", value)

    def _near(self, origin: Origin) -> int:
        """Return the partition of what has no client: that of the record, as far as there are so many."""
        return origin.place.partition % self._settings.partitions
