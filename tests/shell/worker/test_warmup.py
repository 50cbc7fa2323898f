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
WORKS_AFTERWARDS = """
import gc, json
from numba.core.registry import CPUDispatcher
from detector.core.engine.shard import Policy
from detector.offline.dealing import Installation
from detector.offline.replay import replay
from detector.shell.worker.warmup import make_ready
from detector.simulate.firm import Firm
from detector.simulate.simulation import simulate

def known():
    found = {kernel.py_func.__qualname__: kernel.signatures for kernel in gc.get_objects()
             if isinstance(kernel, CPUDispatcher) and kernel.py_func.__module__.startswith("detector")}
    return {name: set(signatures) for name, signatures in found.items()}

make_ready(lambda said: None)
before = known()
assert any(before.values())
lines = [json.dumps(event).encode() for event in simulate(Firm(clients=12)).events]
policy = Policy(("emails", "orders"), learning_gaps_min=0)
firm = Installation(policy, 2, lambda kind: "orders" if kind == "order" else "emails")
outputs = list(replay([lines[:1000], lines[1000:]], firm, now_s=2e9, with_outlooks=True))
assert outputs[-1].alerts and not outputs[-1].rejected
after = known()
print({name: after[name] - before[name] for name in after if after[name] != before[name]})
"""


def test_nothing_is_compiled_after_the_kernels_are_ready():
    """A firm of several segments, with all that happens to it, needs no kernel that is not there."""
    done = subprocess.run(
        [sys.executable, "-c", WORKS_AFTERWARDS], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr, done.returncode) == ("{}\n", "", 0)


def test_the_first_compilation_is_told(monkeypatch):
    """Once, before it begins; what is there already is not worth a word."""
    kernel = njit(lambda number: number + 1)
    said = []
    monkeypatch.setattr(warmup, "warm_up", lambda: (kernel(1), kernel(1.0)))

    warmup.make_ready(said.append)
    warmup.make_ready(said.append)

    assert said == [warmup.COMPILING]


def test_who_did_not_ask_is_not_told():
    """What is compiled later is nobody's first."""
    said = []
    with warmup.compilation_told(said.append):
        pass
    njit(lambda number: number + 1)(1)

    assert said == []


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
