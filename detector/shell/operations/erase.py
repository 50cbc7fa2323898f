"""Erases clients from the state: a tombstone for each, written as the owner of its shard while no worker runs.

The next restore knows nothing of them. Kafka drops what it holds of them when it compacts the topic.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from detector.core.primitives.partitioner import partition_of
from detector.core.state.table import CLIENT_KEY
from detector.shell.config.settings import Settings
from detector.shell.kafka import generations
from detector.shell.kafka.broker_clock import ClockPolicy, WallClock
from detector.shell.kafka.client import refusals_told
from detector.shell.kafka.reader import read
from detector.shell.kafka.transactions import Outlet, Written
from detector.shell.operations.no_worker import require_no_worker, started_meanwhile_told
from schemas.ids import normal_client_id

_COMMAND = "ghosting erase"


class Erased(NamedTuple):
    """What an erasure did."""

    topic: str
    erased: int
    """Clients that the state knew."""
    unknown: int
    """Clients that it did not know, or no more."""
    others: list[str]
    """Other state topics, of a rebuild: what they hold is not touched."""


async def erase(settings: Settings, clients: Iterable[str]) -> Erased:
    """Erase clients.

    Parameters
    ----------
    settings
        With the generation in force.
    clients
        Their ids. Each is looked for as it is written, too: a state of an older version may hold another spelling.

    Raises
    ------
    WorkersRun
        If workers run, or one is started meanwhile: they have the clients in memory, and would write them again.
    """
    await require_no_worker(settings, _COMMAND)
    wanted: dict[int, set[bytes]] = defaultdict(set)
    spellings = [{client, normal_client_id(client)} for client in set(clients)]
    for client in (spelling for both in spellings for spelling in both):
        wanted[partition_of(client, settings.partitions)].add(CLIENT_KEY + client.encode())
    known = set[bytes]()
    with refusals_told(settings), started_meanwhile_told(_COMMAND):
        for partition, keys in sorted(wanted.items()):
            found = await _found(settings, partition, keys)
            await _bury(settings, partition, sorted(found))
            known |= found
    unknown = sum(all(CLIENT_KEY + client.encode() not in known for client in both) for both in spellings)
    return Erased(settings.state_topic, len(known), unknown, await _others(settings))


async def _found(settings: Settings, partition: int, keys: set[bytes]) -> set[bytes]:
    """Which of the keys have a value now."""
    found: set[bytes] = set()
    async for record in read(settings, [settings.state_topic], [partition]):
        if record.key in keys:
            (found.discard if record.value is None else found.add)(record.key)
    return found


async def _bury(settings: Settings, partition: int, keys: Iterable[bytes]) -> None:
    """Write the tombstones, all of a shard or none; a worker that has just begun is fenced, and restores again."""
    outlet = Outlet(settings, partition, WallClock(ClockPolicy(settings.clock_apart_s_max)))
    try:
        await outlet.start()
        await outlet.commit(Written(settings.state_topic, [(key, None) for key in keys]))
    finally:
        await outlet.stop()


async def _others(settings: Settings) -> list[str]:
    """The state topics that are not in force."""
    numbers = await generations.existing(settings)
    topics = (settings.model_copy(update={"state_generation": number}).state_topic for number in sorted(numbers))
    return [topic for topic in topics if topic != settings.state_topic]
