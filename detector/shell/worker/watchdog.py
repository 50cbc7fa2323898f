"""Ends a worker that stands still, with an exit code that names what it waited for. A supervisor restarts it.

`Watch` decides, and acts on nothing. `Watchdog` looks and ends the process, from a thread of its own, because a blocked
event loop notices nothing.
"""

import asyncio
import math
import os
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

import structlog

from detector.shell.config.settings import Settings
from detector.shell.worker.exit_codes import MEANINGS, Exit

LOOK_EVERY_S = 1.0
_OWN_PAUSE_S = (
    5 * LOOK_EVERY_S
)  # if our own thread did not run for so long, the whole process was stopped: nobody is at fault

Waits = Mapping[tuple[Exit, int], Hashable]
"""What a worker waits for (a cause, and the shard's number), with a token that changes whenever it gets on."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class WatchPolicy:
    """How long a worker may stand still, by what it waits for. A cause without a bound ends it at once."""

    seconds_max: Mapping[Exit, float] = field(default_factory=dict)


def policy_of(settings: Settings) -> WatchPolicy:
    """Build the policy from the settings."""
    return WatchPolicy(
        {
            Exit.UNASSIGNED: settings.unassigned_s_max,
            Exit.REBALANCE: settings.rebalance_s_max,
            Exit.RESTORE: settings.restore_s_max,
            Exit.STALLED: settings.stalled_s_max,
            Exit.BLOCKED: settings.blocked_s_max,
            Exit.TRANSACTION: settings.transaction_timeout_s,
            Exit.SHUTDOWN: settings.shutdown_s_max,
        }
    )


class Watch:
    """Knows how long a worker has waited for each thing, and decides whether that is too long. Time is an argument.

    Parameters
    ----------
    policy
        The bounds.
    """

    def __init__(self, policy: WatchPolicy) -> None:
        self._policy = policy
        self._since: dict[tuple[Exit, int], tuple[Hashable, float]] = {}
        self._judged_s, self._awake_s = math.inf, -math.inf

    def judge(self, waits: Waits, seen_s: float, now_s: float) -> Exit | None:
        """Return the cause for which the worker has to end; None if it may go on.

        Parameters
        ----------
        waits
            What the worker waited for at the last heartbeat of its event loop.
        seen_s, now_s
            The time of that heartbeat, and now, by the monotonic clock.
        """
        if now_s - self._judged_s > _OWN_PAUSE_S:
            self._awake_s = now_s
            self._since.clear()
        self._judged_s = now_s
        if now_s - max(seen_s, self._awake_s) > self._bound_s(Exit.BLOCKED):
            return Exit.BLOCKED
        self._since = {
            wait: before if (before := self._since.get(wait)) and before[0] == token else (token, now_s)
            for wait, token in waits.items()
        }
        for (cause, _), (_, since_s) in self._since.items():
            if now_s - since_s >= self._bound_s(cause):
                return cause
        return None

    def _bound_s(self, cause: Exit) -> float:
        return self._policy.seconds_max.get(cause, 0.0)


class Watchdog:
    """Looks at a worker once a second, and ends the process if it stands still.

    Parameters
    ----------
    policy
        The bounds.
    look
        Returns what the worker waits for; called in the event loop.
    end
        Ends the process.
    """

    def __init__(self, policy: WatchPolicy, look: Callable[[], Waits], end: Callable[[int], object] = os._exit) -> None:
        self._watch, self._look, self._end = Watch(policy), look, end
        self._seen: tuple[Waits, float] = {}, time.monotonic()
        self._verdict: Exit | None = None
        self._over = threading.Event()

    def alive(self) -> str | None:
        """Return what is wrong, for the health check; None if the worker gets on."""
        return None if self._verdict is None else MEANINGS[self._verdict]

    def start(self) -> None:
        """Begin to watch; from now on `heartbeat` has to run in the event loop."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Stop watching."""
        self._over.set()

    async def heartbeat(self) -> None:
        """Record what the worker waits for, again and again: if this does not run, the event loop is blocked."""
        while True:
            try:
                self._seen = self._look(), time.monotonic()
            except Exception:
                log.exception("the watchdog cannot read what the worker waits for; ending")
                self._end(Exit.BUG)
                raise
            await asyncio.sleep(LOOK_EVERY_S)

    def _run(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            self._verdict = self._watch.judge(*self._seen, time.monotonic())
            if self._verdict is not None:
                log.error("standing still; ending", exit_code=int(self._verdict), cause=MEANINGS[self._verdict])
                self._end(self._verdict)
                return
