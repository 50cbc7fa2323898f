"""The heap: whatever the order of pushes, entries come out by their instants, and then by their numbers."""

import heapq

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.primitives import heap

OPERATIONS = st.lists(st.none() | st.integers(0, 5), max_size=60)  # None = take the first


@settings(deadline=None)
@given(OPERATIONS)
def test_it_is_that_of_the_standard_library(operations):
    """Pushes and removals in any order, many of them for the same instant."""
    found, size, expected = np.zeros(60, heap.ENTRY).view(np.recarray), 0, []
    for number, due_s in enumerate(operations):
        if due_s is not None:
            heap.push(found, size, float(due_s), 59 - number, number)
            heapq.heappush(expected, (float(due_s), 59 - number, number))
            size += 1
        elif size:
            assert found[0].tolist() == heapq.heappop(expected)
            heap.drop_first(found, size)
            size -= 1
    assert sorted(found[:size].tolist()) == sorted(expected)
