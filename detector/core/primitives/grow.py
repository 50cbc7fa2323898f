"""Longer arrays, for what grows with the number of clients."""

from typing import Any, TypeVar

import numpy as np

Array = TypeVar("Array", bound=np.ndarray[Any, Any])


def grown(array: Array, count: int) -> Array:
    """Return a copy of this length; the new elements are 0.

    They take no memory before they are used: the system maps a page of zeros at its first touch. So arrays may grow by
    half at a time, and seldom have to.

    >>> grown(np.array([1, 2]), 4)
    array([1, 2, 0, 0])
    """
    longer: Array = np.zeros((count, *array.shape[1:]), array.dtype).view(type(array))
    longer[: len(array)] = array
    return longer
