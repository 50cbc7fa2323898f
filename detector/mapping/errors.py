"""The one error of this package: a mapping, a configuration or a file that cannot be used."""

from collections.abc import Iterable

Trail = tuple[str | int, ...]
"""Keys and positions that lead to a place in a TOML document: `("shape", 0, "interaction", 1, "at", "unit")`."""


class MappingError(Exception):
    """One line that names the place and the remedy."""


class PlaceError(MappingError):
    """A mistake at a place of a TOML document; whoever has the text adds file and line.

    Parameters
    ----------
    trail
        Where.
    message
        What is wrong, and what would be right.

    """

    def __init__(self, trail: Trail, message: str) -> None:
        super().__init__(f"{readable(trail)}: {message}" if trail else message)
        self.trail = trail


def readable(trail: Trail) -> str:
    """Write a trail as a reader of TOML would: positions count from 1.

    Examples
    --------
    >>> readable(("shape", 0, "drop", 1, "when"))
    'shape 1, drop 2, when'

    """
    words: list[str] = []
    for step in trail:
        if isinstance(step, int) and words:
            words[-1] += f" {step + 1}"
        else:
            words.append(str(step))
    return ", ".join(words)


def check_keys(node: Iterable[str], allowed: Iterable[str], trail: Trail) -> None:
    """Raise `PlaceError` for the first key that is not allowed."""
    known = sorted(allowed)
    for key in node:
        if key not in known:
            raise PlaceError((*trail, key), f"unknown key {key!r}; known are {', '.join(known)}")
