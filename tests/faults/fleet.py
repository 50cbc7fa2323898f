"""The workers of the fault suite, as processes, and their supervisor: who ends is started again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from detector.shell.config.settings import PREFIX, Settings
from detector.shell.worker.exit_codes import MEANINGS, Exit
from tests import kafka as broker

STOP_SECONDS_MAX = 90  # its own bound is ten; the rest is for a busy machine
NEVER = (Exit.BUG, Exit.CONFIG, Exit.USAGE)
"""Codes that no fault excuses, but for a worker that finds no broker at its start: it ends with PROBLEM."""


class Process(Protocol):
    """What the drill asks of a worker's process."""

    returncode: int | None

    def poll(self) -> int | None:
        """Give its exit code, if it has ended."""

    def wait(self, timeout: float) -> int:
        """Wait until it has ended, and give its exit code."""

    def send_signal(self, sign: signal.Signals) -> None:
        """Send it a signal."""

    def kill(self) -> None:
        """Kill -9 it."""


Start = Callable[[Mapping[str, str], Path], Process]
"""Starts a worker with an environment and a file for what it says."""


def from_nothing(environment: Mapping[str, str], log: Path) -> Process:
    """Start a worker as its users do."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "detector", "worker"],
            env=dict(environment),
            cwd=broker.RUN.parents[2],
            stderr=output,
            stdout=output,
        )


class Log:
    """What a worker said; each line is read once."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self.path = path
        self._read_to = 0
        self._entries: list[dict[str, Any]] = []

    def text(self) -> str:
        """Give all of it."""
        return self.path.read_text()

    def entries(self) -> list[dict[str, Any]]:
        """Give its log lines."""
        if self.path.stat().st_size > self._read_to:
            with self.path.open("rb") as file:
                file.seek(self._read_to)
                whole = file.read().rpartition(b"\n")[0]  # the last line may be half written
            lines = whole.split(b"\n") if whole else []
            self._read_to += sum(len(line) + 1 for line in lines)
            self._entries += [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]
        return self._entries


class Worker:
    """One worker process and its log."""

    def __init__(self, name: str, settings: Settings, start: Start) -> None:
        self.name, self.is_stopped, self.was_stopped = name, False, False
        self.leaves_until_s: float | None = None  # by the monotonic clock, if it was told to stop
        self.log = Log(settings.data_dir / f"{name}.log")
        given = {PREFIX + key.upper(): str(getattr(settings, key)) for key in settings.model_fields_set}
        given[PREFIX + "SOURCES"] = ",".join(settings.sources)
        self.process = start({**os.environ, **given}, self.log.path)

    def shards(self) -> set[int]:
        """Give the shards that it was assigned last."""
        assigned = [entry["shards"] for entry in self.log.entries() if entry["event"] == "shards assigned"]
        return set(assigned[-1]) if assigned else set()

    def has_begun(self) -> bool:
        """Say whether it has come to where it minds a SIGTERM."""
        return any(entry["event"] == "worker started" for entry in self.log.entries())

    def has_joined(self) -> bool:
        """Say whether the group has given it an assignment; with more workers than shards it may be none."""
        return any(entry["event"] == "shards assigned" for entry in self.log.entries())

    def is_restoring(self) -> bool:
        """Say whether it was assigned shards that it has not restored yet."""
        told = [entry["event"] for entry in self.log.entries()]
        events = [event for event in told if event in ("shards assigned", "shard restored")]
        return bool(events) and events[-1] == "shards assigned" and bool(self.shards())

    def signal(self, sign: signal.Signals) -> None:
        """Send it a signal."""
        self.is_stopped = sign == signal.SIGSTOP
        self.was_stopped |= self.is_stopped
        self.process.send_signal(sign)


class Fleet:
    """Several workers of an installation."""

    def __init__(self, settings: Settings, start: Start = from_nothing) -> None:
        self.settings = settings
        self.workers: list[Worker] = []
        self.ended: Counter[str] = Counter()
        self.killed_at: list[tuple[float, set[int]]] = []
        self.excuses_until_s = 0.0  # while the broker or the way to it was disturbed, by the monotonic clock
        self._start = start
        self._logs: list[Log] = []

    def add(self) -> Worker:
        """Start one more."""
        worker = Worker(f"worker-{len(self._logs) + 1}", self.settings, self._start)
        self.workers.append(worker)
        self._logs.append(worker.log)
        return worker

    def supervise(self) -> None:
        """Start a worker for each that ended by itself, as a supervisor does; a bug is a failure."""
        now_s = time.monotonic()
        for worker in list(self.workers):
            if worker.process.poll() is None:
                until_s = worker.leaves_until_s
                assert until_s is None or now_s < until_s, f"{worker.name} does not stop\n{worker.log.text()[-6000:]}"
            else:
                self._bury(worker)
                if worker.leaves_until_s is None:
                    self.add()

    def kill(self, worker: Worker) -> None:
        """Kill -9 it, and start another one."""
        self.killed_at.append((time.time(), worker.shards()))
        worker.signal(signal.SIGKILL)
        worker.process.wait(STOP_SECONDS_MAX)
        self._bury(worker)
        self.add()

    def terminate(self, worker: Worker) -> None:
        """Tell it to stop by SIGTERM; nobody is started for it when it has."""
        if worker.is_stopped:
            worker.signal(signal.SIGCONT)
        worker.signal(signal.SIGTERM)
        worker.leaves_until_s = time.monotonic() + STOP_SECONDS_MAX

    def entries(self) -> list[dict[str, Any]]:
        """Give what all workers logged, those that have ended as well."""
        return [entry for log in self._logs for entry in log.entries()]

    def close(self) -> None:
        """Leave nothing behind."""
        for worker in self.workers:
            worker.process.kill()
            worker.process.wait(STOP_SECONDS_MAX)

    def _bury(self, worker: Worker) -> None:
        """Count how it ended; fails if nothing that we did excuses it."""
        self.workers.remove(worker)
        code = worker.process.returncode
        disturbed = worker.was_stopped or time.monotonic() < self.excuses_until_s
        killed = code == -signal.SIGKILL
        told_to = worker.leaves_until_s is not None
        young = told_to and code == -signal.SIGTERM and not worker.has_begun()
        left = told_to and code == Exit.DONE
        no_broker = code == Exit.CONFIG and disturbed and "no Kafka answers" in worker.log.text()
        known = disturbed and code in set(Exit) - {Exit.DONE, *NEVER}
        self.ended["kill -9" if killed else str(code)] += 1
        told = f"{worker.name} ended with {code}: {MEANINGS.get(code, '?')}"
        accounted_for = killed or young or left or no_broker or known or code == Exit.FENCED
        assert accounted_for, f"{told}\n{worker.log.text()[-6000:]}"
