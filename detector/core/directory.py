"""Names and numbers: rows refer to clients, segments, channels and accounts by number, and each name is kept once."""

from collections.abc import Iterator

NUMBERS_MAX = 0xFFFF_FFFF
CHANNELS_MAX = 0xFF


class Vocabulary:
    """Words in the order in which they were first met; a word's number is its place.

    Parameters
    ----------
    words_max
        Most words that it takes.

    Examples
    --------
    >>> channels = Vocabulary(words_max=2)
    >>> channels.number("email"), channels.number("call"), channels.number("fax"), channels.number("email")
    (0, 1, None, 0)
    """

    def __init__(self, words_max: int = NUMBERS_MAX) -> None:
        self.words: list[str] = []
        self._numbers: dict[str, int] = {}
        self._words_max = words_max
        self._saved = 0

    def __len__(self) -> int:
        """Count the words."""
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        """Tell whether the word was met before."""
        return word in self._numbers

    def number(self, word: str) -> int | None:
        """The word's number; a new word gets the next one, or None when there is no room."""
        number = self._numbers.get(word)
        if number is None and len(self.words) < self._words_max:
            number = self._numbers[word] = len(self.words)
            self.words.append(word)
        return number

    def put(self, number: int, word: str) -> None:
        """Give a durable word its number back; those of lower numbers may follow later.

        Raises
        ------
        ValueError
            If the word has another number.
        """
        if self._numbers.setdefault(word, number) != number:
            raise ValueError("a word has two numbers")
        self.words.extend([""] * (number + 1 - len(self.words)))
        self.words[number] = word
        self.mark_saved()

    def drop(self, word: str) -> int | None:
        """Forget a word; its number, which is given to no other, or None if it is not known."""
        number = self._numbers.pop(word, None)
        if number is not None:
            self.words[number] = ""
        return number

    def unsaved(self) -> Iterator[tuple[int, str]]:
        """Numbers and words that came since the last call or `mark_saved`."""
        yield from enumerate(self.words[self._saved :], self._saved)
        self.mark_saved()

    def mark_saved(self) -> None:
        """Take all words as durable."""
        self._saved = len(self.words)
