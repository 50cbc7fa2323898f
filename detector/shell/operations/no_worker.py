"""Makes sure that no worker runs, for commands that do themselves what only the owner of a shard may do."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import ProducerFenced

from detector.shell.config.settings import Settings
from detector.shell.kafka.groups import members

_PAUSE_S = 1


class WorkersRun(Exception):  # noqa: N818 - says what is the case
    """There is a worker where none may be: one line with the remedy."""


async def require_no_worker(settings: Settings, command: str) -> None:
    """Wait for a worker that ended without a word, as one does whose state is damaged, until the group misses it.

    Raises
    ------
    WorkersRun
        If one is still there then.
    """
    give_up_at = time.monotonic() + settings.session_timeout_s + _PAUSE_S
    while count := await members(settings, settings.app_id):
        if time.monotonic() > give_up_at:
            raise WorkersRun(
                f"the group {settings.app_id} has members ({count}); stop all workers, and run `{command}` again"
            )
        await asyncio.sleep(_PAUSE_S)


@contextmanager
def started_meanwhile_told(command: str) -> Iterator[None]:
    """Say in one line that a worker has taken over a shard while the block ran.

    Raises
    ------
    WorkersRun
        If one has.
    """
    try:
        yield
    except ProducerFenced:
        raise WorkersRun(f"a worker was started meanwhile; stop it, and run `{command}` again") from None
