"""Room for more in arrays that grow with what is known."""

from typing import Any, TypeVar

import numpy as np

Array = TypeVar("Array", bound=np.ndarray[Any, Any])


def grown(array: Array, count: int) -> Array:
    """Give a copy that has room for so many.

    What is added is 0, and no memory before it is used: the system gives a page of zeros at its first touch. So
    arrays may grow by half, and seldom.

    >>> grown(np.array([1, 2]), 4)
    array([1, 2, 0, 0])
    """
    longer: Array = np.zeros((count, *array.shape[1:]), array.dtype).view(type(array))
    longer[: len(array)] = array
    return longer
