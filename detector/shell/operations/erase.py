"""Erases clients from the state: writes a tombstone for each as the owner of its shard, while no worker runs.

The next restore does not know these clients. Kafka drops their old records when it compacts the topic.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from detector.core.primitives.partitioner import partition_of
from detector.core.state.table import CLIENT_KEY, MOMENTS_KEY
from detector.shell.config.settings import Settings
from detector.shell.kafka import generations
from detector.shell.kafka.broker_clock import ClockPolicy, WallClock
from detector.shell.kafka.client import started
from detector.shell.kafka.errors import mapping_denials
from detector.shell.kafka.reader import read
from detector.shell.kafka.transactions import ShardProducer, TopicRecords
from detector.shell.operations.no_worker import mapping_fencing, require_no_worker
from schemas.ids import normal_client_id

_COMMAND = "ghosting erase"
_KINDS = (CLIENT_KEY, MOMENTS_KEY)  # records of the state that have a client's id in their keys


class Erased(NamedTuple):
    """What an erasure did."""

    topic: str
    erased: int
    """How many of the clients the state knew."""
    unknown: int
    """How many of the clients the state did not know, or had erased before."""
    others: list[str]
    """State topics of other generations, which are left as they are."""


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
        If workers run, or one is started meanwhile: workers have the clients in memory, and would write them again.
    """
    await require_no_worker(settings, _COMMAND)
    wanted: dict[int, set[bytes]] = defaultdict(set)
    spellings = [{client, normal_client_id(client)} for client in set(clients)]
    for client in (spelling for both in spellings for spelling in both):
        keys = {kind + client.encode() for kind in _KINDS}
        wanted[partition_of(client, settings.partitions)].update(keys)
    known = set[bytes]()
    with mapping_denials(settings), mapping_fencing(_COMMAND):
        for partition, keys in sorted(wanted.items()):
            present = await _present(settings, partition, keys)
            await _write_tombstones(settings, partition, sorted(present | {_moments_of(key) for key in present}))
            known |= present
    unknown = sum(all(CLIENT_KEY + client.encode() not in known for client in both) for both in spellings)
    erased = sum(key.startswith(CLIENT_KEY) for key in known)
    return Erased(settings.state_topic, erased, unknown, await _others(settings))


async def _present(settings: Settings, partition: int, keys: set[bytes]) -> set[bytes]:
    """Return those of the keys that have a value now."""
    present: set[bytes] = set()
    async for record in read(settings, [settings.state_topic], [partition]):
        if record.key in keys:
            (present.discard if record.value is None else present.add)(record.key)
    return present


def _moments_of(key: bytes) -> bytes:
    """Return the key of the outcomes that are awaited of a client; it need not have a value."""
    return MOMENTS_KEY + key.removeprefix(CLIENT_KEY)


async def _write_tombstones(settings: Settings, partition: int, keys: Iterable[bytes]) -> None:
    """Write all tombstones of a shard, or none. A worker that has just begun is fenced, and restores again."""
    producer = ShardProducer(settings, partition, WallClock(ClockPolicy(settings.clock_apart_s_max)))
    async with started(producer):
        await producer.commit(TopicRecords(settings.state_topic, [(key, None) for key in keys]))


async def _others(settings: Settings) -> list[str]:
    """Return the state topics that are not in force."""
    numbers = await generations.existing(settings)
    topics = (settings.model_copy(update={"state_generation": number}).state_topic for number in sorted(numbers))
    return [topic for topic in topics if topic != settings.state_topic]
