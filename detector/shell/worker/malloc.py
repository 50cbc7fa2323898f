"""What the C library does with memory that is not needed any more."""

import ctypes
from typing import Final

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # as malloc.h of glibc numbers them
_ARENAS: Final = 2
_LARGE_BYTES: Final = 256 << 10


def give_back() -> None:
    """Let large buffers go back to the system as soon as they are free, where the C library can be told so (glibc).

    What is fetched and what waits comes and goes in buffers of megabytes. By default glibc, once it has seen such a
    buffer freed, cuts the next ones out of a heap that only shrinks from its end: a worker at a backlog then holds
    half as much again as it needs. It also gives each thread a heap of its own.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_ARENA_MAX, _ARENAS)
