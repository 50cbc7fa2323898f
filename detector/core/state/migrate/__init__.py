"""State that former versions wrote, read into the present layout.

A record stays as it was written until its client does something, so every layout that may still lie in a state topic
has to be read. Each former layout has a file of its own with all its records and forms as literals: nothing in it
follows when the present layout changes. Whoever changes the layout freezes the present one in a file like the others,
after the tests have kept a state that it wrote (tests/core/fixtures/make.py).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from detector.core.layout import LAYOUT
from detector.core.state.codec import DecodedClients, decode_clients
from detector.core.state.migrate import layout_4, layout_5, layout_6

Decode = Callable[[Sequence[bytes]], DecodedClients]

DECODE_CLIENTS: Final[Mapping[int, Decode]] = {
    4: layout_4.decode,
    5: layout_5.decode,
    6: layout_6.decode,
    LAYOUT: lambda values: decode_clients([value[1:] for value in values]),
}
"""How clients of each layout are read, from values that begin with its number."""


def decode(version: int, values: Sequence[bytes]) -> DecodedClients:
    """Return clients that were stored in one layout.

    Raises
    ------
    ValueError, LookupError
        If the layout is unknown, or a value is damaged.
    """
    return DECODE_CLIENTS[version](values)


def to_present(value: bytes) -> bytes:
    """Return the present form of a record that is no client: only its first byte, the layout's number, ever changed.

    Raises
    ------
    LookupError
        If the layout is unknown.
    """
    if value[0] not in DECODE_CLIENTS:
        raise LookupError(value[0])
    return bytes([LAYOUT]) + value[1:]
