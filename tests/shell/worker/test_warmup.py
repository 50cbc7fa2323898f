"""Kernels are compiled before anybody waits for the worker, and the user is told why it takes long."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba import njit

from detector.shell.worker import warmup

ROOT = Path(__file__).parents[3]
COUNTS = """
import gc, json
from numba.core.registry import CPUDispatcher
from detector.core.engine.intake import Intake
from detector.core.engine.shard import Policy, Shard
from detector.core.engine.warmup import warm_up
from detector.core.wire.records import RecordColumns
from detector.offline.dealing import Installation
from detector.offline.replay import replay
from detector.shell.worker.warmup import make_ready
from detector.simulate.firm import Firm
from detector.simulate.simulation import simulate

def compiled():
    kernels = {kernel.py_func.__qualname__: kernel.signatures for kernel in gc.get_objects()
               if isinstance(kernel, CPUDispatcher) and kernel.py_func.__module__.startswith("detector")}
    return {name: set(signatures) for name, signatures in kernels.items()}

lines = [json.dumps(event).encode() for event in simulate(Firm(clients=12)).events]
policy = Policy(("emails", "orders"), learning_gaps_min=0)
"""
FILES = """
warm_up(durable=False)
before = compiled()
firm = Installation(policy, 2, lambda kind: "orders" if kind == "order" else "emails")
outputs = list(replay([lines[:1000], lines[1000:]], firm, now_s=2e9, with_outlooks=True))
assert outputs[-1].alerts and not outputs[-1].rejected
"""
WORKER = """
make_ready(lambda line: None)
before = compiled()
shard = Shard(policy)
records = RecordColumns(range(len(lines)), [None] * len(lines), lines, [()] * len(lines))
Intake(shard, {"emails": "app.emails"}, 0, 1).read("emails", records, 2e9)
outcome = shard.advance(2e9)
assert outcome.alerts
Shard(policy).restore(outcome.states)
assert not before.get("_find"), "a worker needs no kernel of files"
"""
RESULT = """
after = compiled()
assert any(before.values())
print({name: after[name] - before[name] for name in after if after[name] != before[name]})
"""


@pytest.mark.parametrize("work", [FILES, WORKER], ids=["files", "worker"])
def test_nothing_is_compiled_after_the_kernels_are_ready(work):
    """A firm of several segments needs no kernel that the warm-up has not called, in files or in a worker."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTS + work + RESULT], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr, done.returncode) == ("{}\n", "", 0)


def test_a_compilation_is_reported_at_its_beginning_and_its_end(monkeypatch):
    """The worker writes a line before the first kernel is compiled and one after the last; none if all are there."""
    kernel = njit(lambda number: number + 1)
    lines = []
    monkeypatch.setattr(warmup, "warm_up", lambda files: (kernel(1), kernel(1.0)))

    warmup.make_ready(lines.append)
    warmup.make_ready(lines.append)

    assert lines == [warmup.COMPILING, "compiled 2 kernels in 0 s"]


def test_what_is_compiled_outside_of_the_block_is_not_reported():
    """The reports end with the block."""
    reports = []
    with warmup.reporting_compilation(lambda *report: reports.append(report)) as compilations:
        njit(lambda number: number + 1)(1)
    njit(lambda number: number + 1)(1)

    assert reports == [(0, "<lambda>")]
    assert compilations.count == 1


@pytest.mark.parametrize("imports", ["detector, numba", "numba, detector"])
def test_kernels_are_kept_apart_for_every_state_of_the_sources(imports):
    """Whoever imports Numba first: after an upgrade nothing of the former version is loaded."""
    asked = f"import {imports}; from detector.core.engine.apply import apply; print(apply.stats.cache_path)"
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", asked], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert "/detector/__pycache__/kernels-" in done.stdout


def test_kernels_of_a_folder_belong_to_the_state_of_the_sources(tmp_path):
    """A source in any folder of the core, however deep, that changes gives its kernels another place."""
    package = tmp_path / "detector"
    deep = package / "core" / "inner" / "deepest.py"
    deep.parent.mkdir(parents=True)
    shutil.copy(ROOT / "detector" / "__init__.py", package)
    asked = "import os, detector; print(os.environ['NUMBA_CACHE_DIR'])"
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    folders = []
    for source in ("first = 1", "first = 2", "first = 1"):
        deep.write_text(source, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-c", asked], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        folders.append(done.stdout)

    assert folders[0] == folders[2] != folders[1]
