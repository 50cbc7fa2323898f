"""The first run of a command that needs kernels: it says so before Numba is imported, and shows progress."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 120  # it takes a few; the rest is for a busy machine
ANNOUNCED = b"first run: the kernels are compiled"
PROGRESS = b"compiling kernels: "
BEFORE_THE_IMPORT = """
import sys
from detector.cli import output
sys.stderr.isatty = lambda: True
output.announce_compilation()
assert "numba" not in sys.modules
"""
EVENT = '{"event_id":"e","client_id":"c","kind":"email","at":"2025-01-01T00:00:00Z","direction":"inbound"}'


def environment(kernels):
    """Return an environment with another folder for kernels."""
    return {**os.environ, "NUMBA_CACHE_DIR": str(kernels), "COLUMNS": "200", "TERM": "xterm"}


def announced(kernels):
    """Run the announcement alone, and return what it writes to standard error."""
    done = subprocess.run(
        [sys.executable, "-c", BEFORE_THE_IMPORT],
        env=environment(kernels), cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stderr


def test_it_is_announced_before_numba_is_imported(tmp_path):
    """The import of Numba takes seconds on a machine that has not run it before: the line comes before."""
    assert announced(tmp_path).encode().startswith(ANNOUNCED)


def test_kernels_that_are_there_are_not_announced(tmp_path):
    """The second run has nothing to say."""
    (tmp_path / "engine_1").mkdir()
    (tmp_path / "engine_1" / "apply.apply-64.py311.nbi").touch()
    assert announced(tmp_path) == ""


def test_a_terminal_shows_how_many_kernels_are_compiled(tmp_path):
    """The number grows while the user waits; Ctrl-C ends it."""
    events = tmp_path / "events.ndjson"
    events.write_text(EVENT + "\n", encoding="utf-8")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "detector", "replay", str(events), "--alerts", str(tmp_path / "alerts.jsonl")]
    process = subprocess.Popen(command, stderr=theirs, env=environment(tmp_path / "kernels"), cwd=ROOT)
    os.close(theirs)
    shown, give_up_at = b"", time.monotonic() + SECONDS_MAX
    try:
        while len(counts(shown)) < 3:  # different numbers
            assert time.monotonic() < give_up_at, shown
            shown += os.read(ours, 1 << 16)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS_MAX) == 130
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert shown.index(ANNOUNCED) < shown.index(PROGRESS)


def counts(shown):
    """Return the numbers of compiled kernels that were shown."""
    return {part.split(b" ", 1)[0] for part in shown.split(PROGRESS)[1:] if b" " in part}
