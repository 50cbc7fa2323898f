"""Find out how text is encoded: by its mark, by its zero bytes, or by a library's judgement of what reads like text."""

import codecs
import unicodedata
from typing import Final

from detector.files.problem import InputError

UTF8: Final = "utf-8"
UTF8_MARK: Final = codecs.BOM_UTF8
_MARKS: Final = (
    # The longer ones first: the mark of UTF-16 begins that of UTF-32.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (UTF8_MARK, UTF8),
)
# In the order of preference between those that read equally well: what Windows writes in Western Europe comes first.
_CANDIDATES: Final = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp850", "mac_roman", "koi8_r",
    "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr",
)  # fmt: skip
_CHAOS_TOLERATED: Final = 0.02
_TYPOGRAPHY: Final = frozenset("€£“”„«»—…©®°§ºª·\u2018\u2019\u2013\u00b4\u00a0")
_ZEROS_MIN: Final = 0.25  # of ASCII text in UTF-16 every second byte is 0


def encoding_by_mark(path: str, sample: bytes) -> str | None:
    """Return the encoding that the first bytes give away, or None; raise `InputError` for what is no text at all."""
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return encoding
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if not even and not odd:
        return None
    half = max(1, len(sample) // 2)
    if odd / half > _ZEROS_MIN > even / half:
        return "utf-16-le"
    if even / half > _ZEROS_MIN > odd / half:
        return "utf-16-be"
    raise InputError(f"{path} is binary data and no text; export it as CSV, or as one JSON object a line")


def checked(encoding: str) -> str:
    """Return Python's name of an encoding that the user named.

    >>> checked("Windows-1252"), checked("UTF8")
    ('cp1252', 'utf-8')
    """
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise InputError(f"{encoding!r} is no encoding that is known; try cp1252, utf-16 or utf-8") from None


def guessed_encoding(sample: bytes) -> str | None:
    r"""Judge text that is not UTF-8; None = nothing reads like text.

    >>> guessed_encoding("José,email\n".encode("cp1252"))
    'cp1252'
    >>> guessed_encoding("Łukasz Żółć, Kraków\n".encode("cp1250"))
    'cp1250'
    """
    from charset_normalizer import from_bytes  # noqa: PLC0415 - its tables are of use to few files

    matches = list(from_bytes(sample, cp_isolation=list(_CANDIDATES)))
    if not matches:
        return None
    least = min(match.chaos for match in matches)
    names = {
        name
        for match in matches
        if match.chaos <= least + _CHAOS_TOLERATED
        for name in match.could_be_from_charset
        if name in _CANDIDATES
    }
    return min(names, key=lambda name: (_strange(sample, name), _CANDIDATES.index(name)), default=None)


def _strange(sample: bytes, encoding: str) -> int:
    """Count what nobody writes: signs in place of letters, and letters of another script inside a Latin word."""
    text = sample.decode(encoding, "replace")
    return sum(
        not character.isascii() and character not in _TYPOGRAPHY and _is_strange(before, character, after)
        for before, character, after in zip(f" {text}", text, f"{text[1:]} ", strict=False)
    )


def _is_strange(before: str, character: str, after: str) -> bool:
    if not unicodedata.category(character).startswith("L"):
        return True
    in_latin_word = any(neighbour.isascii() and neighbour.isalpha() for neighbour in (before, after))
    return in_latin_word and not unicodedata.name(character, "").startswith("LATIN")


def is_utf8(text: bytes) -> bool:
    """Check whether bytes are UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
