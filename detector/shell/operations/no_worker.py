"""Checks that no worker runs, for commands that do what only the owner of a shard may do."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from detector.shell.config.settings import Settings
from detector.shell.kafka.errors import Fenced
from detector.shell.kafka.groups import members

_PAUSE_S = 1


class WorkersRun(Exception):  # noqa: N818 - names the state
    """Workers run that have to be stopped. The message is one line with the remedy."""


async def require_no_worker(settings: Settings, command: str) -> None:
    """Check that the group of workers has no members.

    A worker that ended without leaving the group, for instance because its state is damaged, stays a member until its
    session has timed out. So this waits for that long.

    Raises
    ------
    WorkersRun
        If there are members even then.
    """
    give_up_at = time.monotonic() + settings.session_timeout_s + _PAUSE_S
    while count := await members(settings, settings.app_id):
        if time.monotonic() > give_up_at:
            raise WorkersRun(
                f"the group {settings.app_id} has members ({count}); stop all workers, and run `{command}` again"
            )
        await asyncio.sleep(_PAUSE_S)


@contextmanager
def mapping_fencing(command: str) -> Iterator[None]:
    """Map the error of a fenced producer to `WorkersRun`.

    Raises
    ------
    WorkersRun
        If a worker has taken over a shard while the block ran.
    """
    try:
        yield
    except Fenced:
        raise WorkersRun(f"a worker was started meanwhile; stop it, and run `{command}` again") from None
