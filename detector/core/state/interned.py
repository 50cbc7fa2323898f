"""Names and numbers: rows refer to clients, segments, channels and accounts by number, and each name is kept once.

The names lie one behind the other in one array of bytes, with a hash table of numbers over it, so that kernels can
look them up in the bytes of a record and a million names take no object each.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from detector.core.primitives.hashing import Integers, Text, joined, text_of, xxh64

NUMBERS_MAX = 0xFFFF_FFFF
CHANNELS_MAX = 0xFF
_SLOTS_AT_FIRST, _BYTES_AT_FIRST = 64, 1024
_SLOTS_PER_WORD = 2  # more than half full, a hash table is slow
_FREE, _DROPPED = -1, -2
_GAP = 0xFFFF  # the size of a word that was dropped, or has not been put yet
UNKNOWN = -1  # instead of a number


Numbers = np.ndarray[Any, np.dtype[Any]]


class Interned(NamedTuple):
    """What kernels see of a vocabulary."""

    text: Text
    starts: np.ndarray[Any, np.dtype[np.int64]]  # of each word in the text
    sizes: np.ndarray[Any, np.dtype[np.uint16]]  # of each word, in bytes
    slots: np.ndarray[Any, np.dtype[np.int32]]  # the hash table: numbers of words, _FREE or _DROPPED
    used: np.ndarray[Any, np.dtype[np.int64]]  # how many words there are, and how many bytes of text


@njit(cache=True)
def _is_same(words: Interned, number: int, text: Text, start: int, size: int) -> bool:
    if words.sizes[number] != size:
        return False
    at = words.starts[number]
    for k in range(size):  # noqa: SIM110 - `all` needs a generator, which Numba does not compile
        if words.text[at + k] != text[start + k]:
            return False
    return True


@njit(cache=True)
def slot_of(words: Interned, text: Text, start: int, size: int) -> int:
    """Where in the table the word is, or the free place where it would be."""
    mask = len(words.slots) - 1
    slot = int(np.int64(xxh64(text, start, size) & np.uint64(mask)))
    while words.slots[slot] != _FREE:
        number = words.slots[slot]
        if number != _DROPPED and _is_same(words, number, text, start, size):
            break
        slot = (slot + 1) & mask
    return slot


@njit(cache=True)
def find(words: Interned, text: Text, start: int, size: int) -> int:
    """The number of the word that is these bytes of a text, or UNKNOWN."""
    number: int = words.slots[slot_of(words, text, start, size)]
    return number


@njit(cache=True)
def add(words: Interned, text: Text, start: int, size: int) -> int:
    """Add a word under the next number; the caller has reserved its capacity (`InternedNames.reserve`)."""
    number, at = words.used[0], words.used[1]
    for k in range(size):
        words.text[at + k] = text[start + k]
    words.starts[number], words.sizes[number] = at, size
    words.slots[slot_of(words, text, start, size)] = number
    words.used[0] += 1
    words.used[1] += size
    return int(number)


@njit(cache=True)
def _find_or_add(words: Interned, text: Text, ends: Integers, numbers: Integers) -> None:
    for k in range(len(numbers)):
        start, size = ends[k], ends[k + 1] - ends[k]
        number = find(words, text, start, size)
        numbers[k] = number if number >= 0 else add(words, text, start, size)


@njit(cache=True)
def _fill(words: Interned) -> None:
    """Enter all words into an empty table."""
    for number in range(words.used[0]):
        if words.sizes[number] != _GAP:
            words.slots[slot_of(words, words.text, words.starts[number], words.sizes[number])] = number


class InternedNames(Sequence[str]):
    """Words in the order in which they were first met; a word's number is its place.

    Parameters
    ----------
    words_max
        Most words that it takes.

    Examples
    --------
    >>> channels = InternedNames(words_max=2)
    >>> channels.number("email"), channels.number("call"), channels.number("fax"), channels.number("email")
    (0, 1, None, 0)
    >>> list(channels), "call" in channels
    (['email', 'call'], True)
    """

    def __init__(self, words_max: int = NUMBERS_MAX) -> None:
        self._words_max = words_max
        self._saved = 0
        self.words = Interned(
            np.zeros(_BYTES_AT_FIRST, np.uint8),
            np.empty(_SLOTS_AT_FIRST, np.int64),
            np.empty(_SLOTS_AT_FIRST, np.uint16),
            np.full(_SLOTS_AT_FIRST, _FREE, np.int32),
            np.zeros(2, np.int64),
        )

    def __len__(self) -> int:
        """Count the words."""
        return int(self.words.used[0])

    def __getitem__(self, number: Any) -> Any:  # noqa: ANN401 - a word for a number; slices are not asked for
        """The word of a number; empty if it was dropped, or has not been put yet."""
        if not 0 <= number < len(self):
            raise IndexError
        return self.of([number])[0]

    def of(self, numbers: Sequence[int] | Numbers) -> list[str]:
        """The words of many numbers."""
        starts, sizes = self.words.starts[numbers].tolist(), self.words.sizes[numbers].tolist()
        text = memoryview(self.words.text)  # type: ignore[arg-type] # an array is a buffer
        return [
            "" if size == _GAP else str(text[start : start + size], "utf-8")
            for start, size in zip(starts, sizes, strict=True)
        ]

    def __contains__(self, word: object) -> bool:
        """Check whether the word was met before."""
        return isinstance(word, str) and self._find(word.encode()) >= 0

    def _find(self, word: bytes) -> int:
        return int(find(self.words, text_of(word), 0, len(word)))

    def number(self, word: str) -> int | None:
        """The word's number; a new word gets the next one, or None when there is no room."""
        text = word.encode()
        number = self._find(text)
        if number >= 0:
            return number
        if len(self) >= self._words_max:
            return None
        self.reserve(1, len(text))
        return int(add(self.words, text_of(text), 0, len(text)))

    def numbers(self, words: Sequence[str]) -> Integers:
        """Return the numbers of many words; new words get the next numbers. Their count is not bounded here."""
        text, ends = joined([word.encode() for word in words])
        self.reserve(len(words), len(text))
        numbers = np.empty(len(words), np.int64)
        _find_or_add(self.words, text, ends, numbers)
        return numbers

    def reserve(self, count: int, size: int) -> None:
        """Have room for so many more words of so many bytes together: kernels cannot make any."""
        words, used = self.words, int(self.words.used[1])
        if used + size > len(words.text):
            text = np.zeros(max(used + size, 2 * used), np.uint8)
            text[:used] = words.text[:used]
            self.words = words = words._replace(text=text)
        room = len(self) + count
        if room > len(words.starts):
            more = max(room - len(words.starts), len(words.starts) // 2)
            self.words = words = words._replace(
                starts=np.concatenate([words.starts, np.empty(more, np.int64)]),
                sizes=np.concatenate([words.sizes, np.empty(more, np.uint16)]),
            )
        if room * _SLOTS_PER_WORD > len(words.slots):
            slots = 1 << (room * _SLOTS_PER_WORD - 1).bit_length()
            self.words = words = words._replace(slots=np.full(slots, _FREE, np.int32))
            _fill(words)

    def put(self, number: int, word: str) -> None:
        """Load a durable word under its number; words of lower numbers may follow later.

        Raises
        ------
        ValueError
            If the word has another number.
        """
        text = word.encode()
        known = self._find(text)
        if known not in (UNKNOWN, number):
            raise ValueError("a word has two numbers")
        if known == UNKNOWN:
            self._put(number, text)
        self.mark_saved()

    def _put(self, number: int, text: bytes) -> None:
        new = max(number + 1 - len(self), 0)
        self.reserve(new, len(text))
        words, (count, at) = self.words, self.words.used.tolist()
        words.sizes[count : count + new] = _GAP
        words.text[at : at + len(text)] = text_of(text)
        words.starts[number], words.sizes[number] = at, len(text)
        words.slots[slot_of(words, words.text, at, len(text))] = number
        words.used[:] = count + new, at + len(text)

    def drop(self, word: str) -> int | None:
        """Forget a word; its number, which is given to no other, or None if it is not known."""
        text = word.encode()
        slot = slot_of(self.words, text_of(text), 0, len(text))
        number = int(self.words.slots[slot])
        if number < 0:
            return None
        self.words.slots[slot] = _DROPPED
        start = self.words.starts[number]
        self.words.text[start : start + self.words.sizes[number]] = 0  # whoever was erased leaves no name in memory
        self.words.sizes[number] = _GAP
        return number

    def unsaved(self) -> Iterator[tuple[int, str]]:
        """Numbers and words that came since the last call or `mark_saved`."""
        new = range(self._saved, len(self))
        self.mark_saved()
        for number in new:
            yield number, self[number]

    def mark_saved(self) -> None:
        """Take all words as durable."""
        self._saved = len(self)
