"""A binary heap over an array of records: what is due first lies first. Kernels push and pop, the caller makes room.

The standard library's `heapq` keeps a list of objects, which a kernel cannot hold on to between two calls.
"""

from typing import Any

import numpy as np
from numba import njit

ENTRY = np.dtype(
    [
        ("due_s", "f8"),
        ("number", "u4"),  # among entries that are due at the same instant, the lowest comes first
        ("slot", "u4"),  # where the entry's content lies
    ]
)

Heap = Any  # an array of ENTRY, seen from Numba


@njit(cache=True, error_model="numpy")
def _is_before(heap: Heap, i: int, j: int) -> bool:
    first, second = heap[i], heap[j]
    before: bool = first.due_s < second.due_s or (first.due_s == second.due_s and first.number < second.number)
    return before


@njit(cache=True, error_model="numpy")
def _swap(heap: Heap, i: int, j: int) -> None:
    due_s, number, slot = heap[i].due_s, heap[i].number, heap[i].slot
    heap[i].due_s, heap[i].number, heap[i].slot = heap[j].due_s, heap[j].number, heap[j].slot
    heap[j].due_s, heap[j].number, heap[j].slot = due_s, number, slot


@njit(cache=True, error_model="numpy")
def push(heap: Heap, size: int, due_s: float, number: int, slot: int) -> None:
    """Add an entry to a heap of so many; the array has room for it."""
    heap[size].due_s, heap[size].number, heap[size].slot = due_s, number, slot
    i = size
    while i > 0 and _is_before(heap, i, (i - 1) // 2):
        _swap(heap, i, (i - 1) // 2)
        i = (i - 1) // 2


@njit(cache=True, error_model="numpy")
def drop_first(heap: Heap, size: int) -> None:
    """Remove the first entry of a heap of so many."""
    last, i = size - 1, 0
    _swap(heap, 0, last)
    while 2 * i + 1 < last:
        child = 2 * i + 1
        if child + 1 < last and _is_before(heap, child + 1, child):
            child += 1
        if not _is_before(heap, child, i):
            return
        _swap(heap, child, i)
        i = child
