"""How ids are spelled: the one normal form of a client id, and ids that a spreadsheet destroyed."""

import re
import unicodedata
from typing import Final

from pydantic_core import PydanticCustomError

ZERO_WIDTH: Final = "\u200b\u2060\ufeff"  # blanks without width: left behind by web pages, and by byte order marks
BLANKS: Final = "".join(map(chr, filter(lambda code: chr(code).isspace(), range(0x3001)))) + ZERO_WIDTH
"""All characters that are cut off at both ends of a client id: Unicode's white space and the blanks without width."""

# What a spreadsheet writes for a long number in a cell that is not formatted as text: 4.91512E+11. Its last digits are
# gone, so that many ids become one. Some languages write a decimal comma.
ROUNDED: Final = r"^[+-]?[0-9]([.,][0-9]+)?[eE]\+[0-9]{2,3}$"
ROUNDED_RULE: Final = (
    "looks like a number that a spreadsheet rounded (such as 4.9E+11), so its last digits are lost; "
    "format the column as text and export it again"
)
_is_rounded = re.compile(ROUNDED).search


def normal_client_id(text: str) -> str:
    r"""Return the one spelling of a client id: the same client must not become two because of a blank or a letter.

    Blanks at both ends are cut off, the text is brought into Unicode's form NFC, and an id that holds an `@` is taken
    for a mail address and written in small letters. To apply it twice changes nothing more.

    >>> normal_client_id(" Anna@Shop.example\u00a0"), normal_client_id("C-7 "), normal_client_id("Zoe\u0308")
    ('anna@shop.example', 'C-7', 'Zoë')
    """
    text = unicodedata.normalize("NFC", text.strip(BLANKS))
    return unicodedata.normalize("NFC", text.lower()) if "@" in text else text


def client_id_of_key(key: bytes) -> str | None:
    r"""Return the client id that a Kafka key names, in its normal form; None if the key is no text in UTF-8.

    >>> client_id_of_key(b"C-7 "), client_id_of_key(b"\xff")
    ('C-7', None)
    """
    try:
        return normal_client_id(key.decode())
    except UnicodeDecodeError:
        return None


def not_rounded(text: str) -> str:
    """Return an id as it is, or raise pydantic's error if a spreadsheet rounded it."""
    if _is_rounded(text):
        raise PydanticCustomError("rounded_by_a_spreadsheet", ROUNDED_RULE)
    return text
