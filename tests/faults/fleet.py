"""The workers of the fault suite, as processes, and their supervisor: who ends is started again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from detector.shell.exits import MEANINGS, Exit
from detector.shell.settings import PREFIX, Settings
from tests import kafka as broker

STOP_SECONDS_MAX = 90  # its own bound is ten; the rest is for a busy machine
NEVER = (Exit.BUG, Exit.PROBLEM, Exit.USAGE)
"""Codes that no fault excuses, but for a worker that finds no broker at its start: it ends with PROBLEM."""


class Worker:
    """One worker process and its log."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name, self.is_stopped = name, False
        self.log = settings.data_dir / f"{name}.log"
        given = {PREFIX + key.upper(): str(getattr(settings, key)) for key in settings.model_fields_set}
        given[PREFIX + "SOURCES"] = ",".join(settings.sources)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "detector", "worker"],
                env={**os.environ, **given},
                cwd=broker.RUN.parents[2],
                stderr=log,
                stdout=log,
            )

    def entries(self) -> list[dict[str, Any]]:
        """Give its log lines."""
        return entries_of(self.log)

    def shards(self) -> set[int]:
        """Give the shards that it was assigned last."""
        assigned = [entry["shards"] for entry in self.entries() if entry["event"] == "shards assigned"]
        return set(assigned[-1]) if assigned else set()

    def has_joined(self) -> bool:
        """Say whether the group has given it an assignment; with more workers than shards it may be none."""
        return any(entry["event"] == "shards assigned" for entry in self.entries())

    def is_restoring(self) -> bool:
        """Say whether it was assigned shards that it has not restored yet."""
        told = [entry["event"] for entry in self.entries()]
        events = [event for event in told if event in ("shards assigned", "shard restored")]
        return bool(events) and events[-1] == "shards assigned" and bool(self.shards())

    def signal(self, sign: signal.Signals) -> None:
        """Send it a signal."""
        self.is_stopped = sign == signal.SIGSTOP
        self.process.send_signal(sign)


def entries_of(log: Path) -> list[dict[str, Any]]:
    """Give the lines of a log."""
    lines = log.read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


class Fleet:
    """Several workers of an installation."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.workers: list[Worker] = []
        self.ended: Counter[str] = Counter()
        self.killed_at: list[tuple[float, set[int]]] = []
        self.excuses_until_s = 0.0  # while the broker or the way to it was disturbed, by the monotonic clock
        self._count = 0

    def add(self) -> Worker:
        """Start one more."""
        self._count += 1
        worker = Worker(f"worker-{self._count}", self.settings)
        self.workers.append(worker)
        return worker

    def supervise(self) -> None:
        """Start a worker for each that ended by itself, as a supervisor does; a bug is a failure."""
        for worker in [one for one in self.workers if one.process.poll() is not None]:
            self._bury(worker)
            self.add()

    def kill(self, worker: Worker) -> None:
        """Kill -9 it, and start another one."""
        self.killed_at.append((time.time(), worker.shards()))
        worker.signal(signal.SIGKILL)
        worker.process.wait()
        self._bury(worker)
        self.add()

    def terminate(self, worker: Worker) -> None:
        """Let it stop by SIGTERM, and do not start another one."""
        if worker.is_stopped:
            worker.signal(signal.SIGCONT)
        worker.signal(signal.SIGTERM)
        worker.process.wait(STOP_SECONDS_MAX)
        self._bury(worker)

    def entries(self) -> list[dict[str, Any]]:
        """Give what all workers logged, those that have ended as well."""
        return [entry for log in sorted(self.settings.data_dir.glob("*.log")) for entry in entries_of(log)]

    def close(self) -> None:
        """Leave nothing behind."""
        for worker in self.workers:
            worker.process.kill()
            worker.process.wait()

    def _bury(self, worker: Worker) -> None:
        self.workers.remove(worker)
        code = worker.process.returncode
        self.ended["kill -9" if code == -signal.SIGKILL else str(code)] += 1
        excused = time.monotonic() < self.excuses_until_s
        known = code == -signal.SIGKILL or (code in set(Exit) and code not in NEVER)
        young = code == -signal.SIGTERM and not worker.shards()  # it had not begun
        no_broker = code == Exit.PROBLEM and excused and "no Kafka answers" in worker.log.read_text()
        told = f"{worker.name} ended with {code}: {MEANINGS.get(code, '?')}"
        assert known or young or no_broker, f"{told}\n{worker.log.read_text()[-6000:]}"
