"""How the C library returns memory to the system."""

import ctypes
from typing import Final

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # as malloc.h of glibc numbers them
_ARENAS: Final = 2
_LARGE_BYTES: Final = 256 << 10


def give_back() -> None:
    """Have glibc return large buffers to the system as soon as they are free; other C libraries are left as they are.

    Fetched and waiting records lie in buffers of megabytes. By default, once such a buffer was freed, glibc takes the
    next ones from a heap that shrinks only from its end: a worker at a backlog then holds half as much memory again as
    it needs. By default glibc also gives each thread a heap of its own.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_ARENA_MAX, _ARENAS)
