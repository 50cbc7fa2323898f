"""Layout 5: the row of layout 6, its bytes in their own order, and other parts."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from detector.core.state.codec import DecodedClients
from detector.core.state.form import Form, octets
from detector.core.state.migrate.layout_6 import ROW, decode_rows, new_rows

# How many bytes of a row were a part: of a client, and of each of nine trends.
_PARTS: Final = (39, 4, 30, 5, 30, 5, 30, 5, 4, 4, 4, 4, 4, 4, 4, *9 * (1, 22, 14, 5))
_FORM: Final = Form(np.arange(ROW.itemsize, dtype=np.uint16), np.cumsum(_PARTS), octets(new_rows(1)).reshape(-1).copy())


def decode(values: Sequence[bytes]) -> DecodedClients:
    """Return the clients of stored values. What was left of declines that are over is forgotten."""
    decoded = decode_rows(values, _FORM)
    for name in ("before", "now"):
        decoded.trends[name][decoded.trends["now_count"] == 0] = 0
    return decoded
