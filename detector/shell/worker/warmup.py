"""Loads or compiles Numba's kernels before they are needed, and reports progress when it takes long."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from numba.core import event

from detector.core.engine.warmup import warm_up

COMPILING = "compiling the kernels, this once: up to a minute"


class Compilations(event.Listener):
    """Counts the functions that were compiled. Numba compiles a function in the middle of the one that calls it.

    Parameters
    ----------
    report
        Called whenever a function begins to be compiled, with how many were compiled before, and its name.
    """

    def __init__(self, report: Callable[[int, str], object]) -> None:
        self._report, self.count = report, 0

    def on_start(self, begun: event.Event) -> None:
        """Report the next function."""
        self._report(self.count, begun.data["dispatcher"].py_func.__name__)

    def on_end(self, _: event.Event) -> None:
        """Count a function."""
        self.count += 1


@contextmanager
def reporting_compilation(report: Callable[[int, str], object]) -> Iterator[Compilations]:
    """Report and count the compilations of the block. Functions that are loaded from the cache are not reported."""
    compilations = Compilations(report)
    with event.install_listener("numba:compile", compilations):
        yield compilations


def make_ready(write: Callable[[str], object]) -> None:
    """Load or compile all kernels of a worker: nothing is compiled afterwards, whatever is read.

    Parameters
    ----------
    write
        Takes a line before the first compilation, and one after the last; none if nothing has to be compiled.
    """
    began, lines = time.perf_counter(), iter([COMPILING])

    def report(*_: object) -> None:
        for line in lines:  # the first time only
            write(line)

    with reporting_compilation(report) as compilations:
        warm_up(files=False)
    if compilations.count:
        write(f"compiled {compilations.count} kernels in {time.perf_counter() - began:.0f} s")
