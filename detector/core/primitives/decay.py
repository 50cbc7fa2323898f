"""Sums that forget: at each new value the past keeps a share, so that a client is judged by how it is now."""

import numpy as np
from numba import njit

DECAY = 0.97  # share of the past that a sum keeps at each value
_WEIGHTS = (1 - DECAY ** np.arange(1024)) / (1 - DECAY)  # from 1,023 values on they move no more


@njit(cache=True, error_model="numpy")
def decayed_count(count: int) -> float:
    """The forgetting count of so many values: `weight = DECAY * weight + 1` at each, summed up."""
    weight: float = _WEIGHTS[min(int(count), _WEIGHTS.size - 1)]
    return weight
