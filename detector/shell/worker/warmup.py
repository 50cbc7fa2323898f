"""Numba's kernels: loaded or compiled when we want it, and said when it takes long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from numba.core import event

from detector.core.engine.warmup import warm_up

COMPILING = "compiling the kernels, this once: up to a minute"


class _First(event.Listener):
    """Tells of the first compilation."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell, self._told = tell, False

    def on_start(self, _: event.Event) -> None:
        if not self._told:
            self._told = True
            self._tell(COMPILING)

    def on_end(self, _: event.Event) -> None:
        """Nothing is said then."""


@contextmanager
def compilation_told(tell: Callable[[str], object]) -> Iterator[None]:
    """Tell once if something has to be compiled here, before it is; loading what was compiled takes a second."""
    with event.install_listener("numba:compile", _First(tell)):
        yield


def make_ready(tell: Callable[[str], object]) -> None:
    """Have all kernels before anybody waits for us: nothing is compiled afterwards, whatever is read."""
    with compilation_told(tell):
        warm_up()
