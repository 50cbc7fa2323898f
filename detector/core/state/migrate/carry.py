"""From the records of a former layout to those of the present one, field by field.

A field keeps its name and its unit from layout to layout. What a former layout did not know is as in a new client.
"""

from typing import Any

import numpy as np

from detector.core.layout import TREND, new_clients
from detector.core.state.codec import DecodedClients

Rows = np.ndarray[Any, Any]


def carried(clients: Rows, trends: Rows, ids: list[bytes]) -> DecodedClients:
    """Return what was stored in the present layout.

    Parameters
    ----------
    clients
        One record for each client.
    trends
        One record for each client and signal; only those with a value count.
    ids
        What stands behind each client, as in the present layout.
    """
    owners, signals = np.nonzero(trends["count"])
    present = np.zeros(len(owners), TREND)
    _copy(trends[owners, signals], present)
    rows = new_clients(len(clients)).view(np.ndarray)
    _copy(clients, rows)
    return DecodedClients(rows, present, owners, ids)


def _copy(former: Rows, present: Rows) -> None:
    """Copy the fields that both have."""
    for name in set(former.dtype.names or ()) & set(present.dtype.names or ()):
        if former.dtype[name].names:
            _copy(former[name], present[name])
        else:
            present[name] = former[name]
