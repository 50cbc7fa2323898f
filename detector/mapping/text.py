"""Ids as exact text: what counts as an id, and the hashes that ids are made of."""

import hashlib
import hmac
import re
import unicodedata
from typing import Final

ID_CHARACTERS_MAX: Final = 200  # the contract's bound of ids and names
# A spreadsheet shows a long number so when its column is narrow, and saves what it shows.
SPREADSHEET_NUMBER: Final = re.compile(r"[+-]?\d(?:[.,]\d*)?[eE]\+?\d{1,3}", re.ASCII)
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
NO_ID: Final = frozenset({"", "0", "null", "NULL"})
INVISIBLE: Final = "\ufeff\u200b"
HASH_DIGITS: Final = 32

_SALESFORCE_SHORT: Final = 15
_SALESFORCE_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


class InexactError(Exception):
    """A number stands where text is needed, and its parser did not keep the text: parse the record exactly."""


class Number(str):
    """A number of JSON as it is written, from the exact parser."""

    __slots__ = ()


def text_of(value: object) -> str | None:
    r"""Return a value as trimmed text in Unicode NFC, or None if it has none.

    Raises
    ------
    InexactError
        For a float: `1.50` and 2^70 have lost their text.

    Examples
    --------
    >>> text_of(9007199254740993), text_of(" C-7\u00a0"), text_of(None), text_of(True)
    ('9007199254740993', 'C-7', None, 'true')

    """
    if isinstance(value, str):
        if value.isascii():
            return value.strip() or None
        return unicodedata.normalize("NFC", value).strip().strip(INVISIBLE).strip() or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        raise InexactError
    return None


def is_damaged(text: str, *, is_number: bool = False) -> bool:
    """Check whether a spreadsheet, or a float, has made another number of an id.

    Examples
    --------
    >>> is_damaged("4.91512E+11"), is_damaged("4,91512E+11"), is_damaged("1E5B"), is_damaged("2E5")
    (True, True, False, False)

    """
    if not SPREADSHEET_NUMBER.fullmatch(text):
        return False
    # `2E5` may be somebody's id; with a plus, a decimal mark or as a number of JSON it is not.
    return is_number or "+" in text or "." in text or "," in text


def id_of(value: object) -> str | None:
    """Return an id as the contract takes it, or None: 0, empty and null are no id, nor is what a spreadsheet damaged.

    Examples
    --------
    >>> id_of("0010042"), id_of(0), id_of("4.91512E+11"), id_of("6001") == id_of(6001)
    ('0010042', None, None, True)

    """
    kind = type(value)
    if kind is int:
        return str(value) if value else None
    if kind is str and len(value) <= ID_CHARACTERS_MAX and value.isascii() and value.isprintable():  # type: ignore[arg-type, attr-defined]
        text = value.strip()  # type: ignore[attr-defined]
    else:
        text = _printable(text_of(value))
    if text is None or text in NO_ID:
        return None
    may_be_damaged = text[-1] <= "9" and ("E" in text or "e" in text)
    return None if may_be_damaged and is_damaged(text, is_number=kind is Number) else text


def _printable(text: str | None) -> str | None:
    """Return the text if it is short enough, has no control character and can be written as UTF-8."""
    if text is None or len(text) > ID_CHARACTERS_MAX or CONTROL.search(text):
        return None
    try:
        text.encode()
    except UnicodeEncodeError:  # half of an emoji, which JSON can escape
        return None
    return text


def digest(*parts: str) -> str:
    """Return the first 32 hex digits of SHA-256 over the parts, joined by a newline."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]


def keyed_digest(secret: bytes, text: str) -> str:
    """Return the first 32 hex digits of HMAC-SHA-256: nobody without the secret can go back or guess."""
    return hmac.digest(secret, text.encode(), "sha256").hex()[:HASH_DIGITS]


def salesforce_id(text: str) -> str:
    """Return a Salesforce id of 15 characters as one of 18: the last three say which letters are capitals.

    Examples
    --------
    >>> salesforce_id("0035g00000LMNop")
    '0035g00000LMNopAAH'

    """
    if len(text) != _SALESFORCE_SHORT or not (text.isascii() and text.isalnum()):
        return text
    blocks = (text[start : start + 5] for start in range(0, _SALESFORCE_SHORT, 5))
    return text + "".join(
        _SALESFORCE_DIGITS[sum(1 << place for place, letter in enumerate(block) if letter.isupper())]
        for block in blocks
    )
