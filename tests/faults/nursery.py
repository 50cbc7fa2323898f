"""Workers that are forked from a process that has everything loaded already.

A worker that is started from nothing spends most of its processor time on imports and kernels, and a schedule starts
ten. One that is forked runs the same entry point, in the environment that it is given, with the signals and the exit
codes of a process of its own. How a worker comes up from nothing is tested where there are few: in `make test`.

This module is both sides: `Nursery` in the drill, and what runs as `python -m tests.faults.nursery`.
"""

import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from detector.__main__ import main
from detector.shell.worker.warmup import make_ready
from tests import kafka as broker

LATE = (
    "detector.cli",
    "detector.shell.worker.app",
    "detector.shell.kafka.generations",
    "detector.shell.kafka.topic_layout",
    "detector.shell.kafka.groups",
    "detector.shell.kafka.topics",
    "faust.app.router",
    "faust.assignor.partition_assignor",
    "faust.fixups.django",
    "faust.tables.manager",
    "faust.tables.sets",
    "faust.topics",
)
"""Modules that a worker imports only when it needs them, and it always does."""

_READY_SECONDS_MAX = 180  # it takes three; the rest is for a busy machine
_READ_BYTES = 1 << 16


class Forked:
    """A forked worker, with what `subprocess.Popen` offers for it."""

    def __init__(self, nursery: "Nursery", number: int, pid: int) -> None:
        self._nursery, self._number, self.pid = nursery, number, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Give its exit code, if it has ended."""
        self._nursery.hear(0)
        self.returncode = self._nursery.codes.get(self._number)
        return self.returncode

    def wait(self, timeout: float = float("inf")) -> int:
        """Wait until it has ended, and give its exit code."""
        give_up_at = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > give_up_at:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            self._nursery.hear(0.1)
        return code

    def send_signal(self, sign: signal.Signals) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, sign)

    def kill(self) -> None:
        """Kill -9 it."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """Starts workers, and knows how they ended."""

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}
        self._pids: dict[int, int] = {}
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            # NumPy's linear algebra starts threads at its import, and a process with threads cannot be forked safely.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            cwd=broker.RUN.parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it; its workers have been ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def start(self, environment: Mapping[str, str], log: Path) -> Forked:
        """Start a worker."""
        assert self._process.stdin is not None
        self._count += 1
        request = json.dumps([self._count, dict(environment), str(log)])
        self._process.stdin.write(request.encode() + b"\n")
        self._process.stdin.flush()
        give_up_at = time.monotonic() + _READY_SECONDS_MAX
        while self._count not in self._pids:
            assert time.monotonic() < give_up_at, "no worker was forked"
            self.hear(0.1)
        return Forked(self, self._count, self._pids[self._count])

    def hear(self, seconds_max: float) -> None:
        """Note what the process says: which workers it has forked, and how they ended."""
        assert self._process.stdout is not None
        if select.select([self._process.stdout], [], [], seconds_max)[0]:
            said = os.read(self._process.stdout.fileno(), _READ_BYTES)
            assert said, "the process that forks the workers has ended"
            for line in said.splitlines():  # each was written at once, so that none is cut in two
                number, pid, code = json.loads(line)
                self._pids[number] = pid
                if code is not None:
                    self.codes[number] = code


def serve() -> None:
    """Fork a worker for each request, and tell how each ended; returns in the worker only."""
    for name in LATE:
        importlib.import_module(name)
    make_ready(sys.stderr.write)
    gc.freeze()  # so that a collection in a worker does not copy all of what it shares with us
    assert threading.active_count() == 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the drill, which ends us
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # it wakes us, no more
    numbers: dict[int, int] = {}
    while True:
        ready = select.select([0, woken], [], [])[0]
        if woken in ready:
            os.read(woken, _READ_BYTES)
            _tell_ended(numbers)
        if 0 in ready:
            line = sys.stdin.buffer.readline()  # one at a time: the next request comes after our reply
            if not line:
                sys.exit()
            number, environment, log = json.loads(line)
            pid = os.fork()
            if pid == 0:
                _become_a_worker(environment, log)
                os.close(woken)
                os.close(wake)
                return
            numbers[pid] = number
            _tell(number, pid, None)


def _tell_ended(numbers: dict[int, int]) -> None:
    while numbers:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        _tell(numbers.pop(pid), pid, os.waitstatus_to_exitcode(status))


def _tell(number: int, pid: int, code: int | None) -> None:
    os.write(1, json.dumps([number, pid, code]).encode() + b"\n")


def _become_a_worker(environment: dict[str, str], log: str) -> None:
    """Undo what is ours: signals, files and environment are those of a process that was started."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for flags, file, numbers in ((os.O_RDONLY, os.devnull, (0,)), (os.O_WRONLY | os.O_APPEND, log, (1, 2))):
        opened = os.open(file, flags)
        for number in numbers:
            os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["detector", "worker"]


if __name__ == "__main__":
    serve()
    main(["worker"])
