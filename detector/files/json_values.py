"""Split JSON that is not one object a line (an array, or objects over several lines) into one value a line.

Only the borders between values are found here, without a parser and in bounded memory; whether a value is valid JSON is
left to whoever reads the line.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numba import njit

from detector.core.primitives.hashing import text_of

_QUOTE, _BACKSLASH, _COMMA, _LF, _CR, _SPACE, _TAB = b'"\\,\n\r \t'
_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_ARRAY, _CLOSE_ARRAY = b"{}[]"

# What the kernel remembers from block to block.
_DEPTH, _IN_STRING, _ESCAPED, _PENDING = range(4)

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
State = np.ndarray[Any, np.dtype[np.int64]]

ARRAY: Final = 1
"""The values are the elements of one array."""
OBJECTS: Final = 0
"""The values stand behind each other."""


def one_value_a_line(blocks: Iterable[bytes], base: int) -> Iterator[bytes]:
    r"""Write each value on a line of its own; what is cut off at the end is a line too.

    Parameters
    ----------
    blocks
        UTF-8, cut anywhere.
    base
        ARRAY or OBJECTS.

    Examples
    --------
    >>> b"".join(one_value_a_line([b'[{"a": "]",', b' "b": [1]\n}, 7, {"c"'], ARRAY))
    b'{"a": "]", "b": [1] }\n7\n{"c"'
    """
    state = np.zeros(4, np.int64)
    for block in blocks:
        text = text_of(block)
        out = np.empty(2 * len(text) + 1, np.uint8)
        yield out[: _split(text, base, state, out)].tobytes()


@njit(cache=True)
def _split(text: Bytes, base: int, state: State, out: Bytes) -> int:  # noqa: C901 - a byte at a time
    """Copy a block; -> how many bytes were written."""
    used = 0
    for byte in text:
        if state[_IN_STRING]:
            if state[_ESCAPED]:
                state[_ESCAPED] = 0
            elif byte == _BACKSLASH:
                state[_ESCAPED] = 1
            elif byte == _QUOTE:
                state[_IN_STRING] = 0
            keep = True
        else:
            keep = byte not in (_SPACE, _TAB, _LF, _CR) or state[_DEPTH] > base
            if byte == _QUOTE:
                state[_IN_STRING] = 1
            elif byte in (_OPEN_OBJECT, _OPEN_ARRAY):
                keep = state[_DEPTH] >= base
                state[_DEPTH] += 1
            elif byte in (_CLOSE_OBJECT, _CLOSE_ARRAY):
                keep = state[_DEPTH] > base
                state[_DEPTH] = max(state[_DEPTH] - 1, 0)
            elif byte == _COMMA and state[_DEPTH] == base:
                keep = False
        if keep:
            out[used] = _SPACE if byte in (_LF, _CR) else byte
            used += 1
            state[_PENDING] = 1
        ends = not keep and byte in (_COMMA, _CLOSE_ARRAY)
        closed = keep and not state[_IN_STRING] and byte == _CLOSE_OBJECT and state[_DEPTH] == base
        if (ends or closed) and state[_PENDING]:
            out[used] = _LF
            used += 1
            state[_PENDING] = 0
    return used
