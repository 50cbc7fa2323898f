"""Sums with exponential decay: each new value takes weight from the past, so a client is judged by how it is now.

The delays of a decline with this decay are measured in benchmarks/ACCURACY.md.
"""

import numpy as np
from numba import njit

DECAY = 0.97  # a sum keeps this share of the past at each value
_WEIGHTS = (1 - DECAY ** np.arange(1024)) / (1 - DECAY)  # from 1,023 values on they move no more


@njit(cache=True, error_model="numpy")
def decayed_count(count: int) -> float:
    """Return the decayed count of so many values: `count = DECAY * count + 1` at each, from 0 on."""
    weight: float = _WEIGHTS[min(int(count), _WEIGHTS.size - 1)]
    return weight
