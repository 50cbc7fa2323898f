"""What a firm says once about itself: its zone, domains, numbers and known clients; and who is a client by that.

Addresses and phone numbers have one normal form each, so that all tools give the same client the same id.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Final, NamedTuple, TypeAlias

from detector.mapping.text import ID_CHARACTERS_MAX, id_of, is_damaged, keyed_digest, text_of

NO_NUMBER: Final = frozenset({"anonymous", "unknown", "restricted", "private", "+266696687"})
ADDRESS: Final = re.compile(r"[^@\s<>]+@[^@\s<>]+")
ENDS_OTHERWISE: Final = (">", "@")
ADDRESS_CHARACTERS_MAX: Final = 320  # RFC 5321: 64 before the @ and 255 behind it
DIALLED_CHARACTERS_MAX: Final = 100
ANGLES: Final = re.compile(r"<([^<>]*)>[^<>]*\Z")
BY_PROGRAM: Final = ("client:", "sip:", "sips:")  # a phone of ours that is a program
INTERNATIONAL: Final = "00"
NOT_DIGITS: Final = re.compile(r"[^0-9]")


class Known(NamedTuple):
    """A client that the firm knows by an address or number."""

    client_id: str
    account_id: str | None


Party: TypeAlias = tuple[str | None, str | None, str]
"""The other side: the finished id or None, the account that the firm's own list gives, and why there is no client."""

NOBODY: Final[Party] = (None, None, "no_client")
OURS: Final[Party] = (None, None, "internal")


@dataclass(frozen=True)
class Firm:
    """The settings of a firm.

    Parameters
    ----------
    zone
        Zone of all times without an offset.
    own_domains
        Domains of the firm's mail, in lower case; subdomains are not implied.
    own_numbers
        Phone numbers of the firm, in normal form.
    country_code, trunk_prefix
        How to complete a national number: `49` and `0` in Germany.
    own_extension
        Pattern of the numbers that are extensions of the firm.
    words
        Further settings that a mapping can ask for by name: `inbound_contexts`, `debezium_table`.
    clients
        Address or number in normal form -> client.
    secret
        Key of the HMAC that replaces ids, or None for plain ids.

    """

    zone: tzinfo = UTC
    own_domains: frozenset[str] = frozenset()
    own_numbers: frozenset[str] = frozenset()
    country_code: str = ""
    trunk_prefix: str = ""
    own_extension: re.Pattern[str] | None = None
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)
    clients: Mapping[str, Known] = field(default_factory=dict)
    secret: bytes | None = None

    def hidden(self, text: str) -> str:
        """Return a client or account id as it goes out: itself, or its HMAC."""
        return text if self.secret is None else keyed_digest(self.secret, text)

    def number(self, value: object) -> str | None:
        """Return a phone number in normal form, or None if it is none.

        Examples
        --------
        >>> Firm(country_code="49", trunk_prefix="0").number("030 23125-200")
        '+493023125200'

        """
        text = text_of(value)
        if text is None or len(text) > DIALLED_CHARACTERS_MAX or text.lower() in NO_NUMBER or is_damaged(text):
            return None
        digits = NOT_DIGITS.sub("", text)
        if not digits:
            return None
        if text.startswith("+"):
            number = f"+{digits}"
        elif digits.startswith(INTERNATIONAL):
            number = f"+{digits[len(INTERNATIONAL) :]}"
        elif not self.country_code:
            number = digits
        elif self.trunk_prefix and digits.startswith(self.trunk_prefix):
            number = f"+{self.country_code}{digits[len(self.trunk_prefix) :]}"
        else:
            number = f"+{self.country_code}{digits}"
        return None if number in NO_NUMBER or number == "+" else number

    def is_own_number(self, value: object) -> bool:
        """Check whether a number, an extension or a phone program is the firm's."""
        text = text_of(value)
        if text is None or len(text) > DIALLED_CHARACTERS_MAX:
            return False
        if text.lower().startswith(BY_PROGRAM):
            return True
        if self.own_extension is not None and self.own_extension.fullmatch(text):
            return True
        return self.number(text) in self.own_numbers

    def is_own_address(self, value: object) -> bool:
        """Check whether an address lies in a domain of the firm."""
        found = address(value)
        return found is not None and found.rpartition("@")[2] in self.own_domains

    def by_id(self, value: object) -> Party:
        """Return the client with an id of the tool."""
        found = id_of(value)
        return (self.hidden(found), None, "") if found else NOBODY

    def by_address(self, value: object) -> Party:
        """Return the client with an address: the firm's own list first, else the address itself."""
        found = address(value)
        if found is None:
            return NOBODY
        return OURS if found.rpartition("@")[2] in self.own_domains else self._party(found)

    def by_number(self, value: object) -> Party:
        """Return the client with a phone number: the firm's own list first, else the number itself."""
        if self.is_own_number(value):
            return OURS
        found = self.number(value)
        return self._party(found) if found else NOBODY

    def _party(self, normal: str) -> Party:
        known = self.clients.get(normal)
        if known is None:
            return (self.hidden(normal), None, "") if len(normal) <= ID_CHARACTERS_MAX else NOBODY
        return self.hidden(known.client_id), self.hidden(known.account_id) if known.account_id else None, ""


def address(value: object) -> str | None:
    """Return an e-mail address in normal form, or None: without display name and `mailto:`, in lower case.

    Examples
    --------
    >>> address('"Ask, A." <Ask@Kiosk-One.example> '), address("mailto:A@b.example"), address("-")
    ('ask@kiosk-one.example', 'a@b.example', None)

    """
    if type(value) is str and value.isascii() and not value.endswith(ENDS_OTHERWISE):
        text = value.strip().lower()
        # Nearly all addresses are bare; the pattern would take as long as all the rest of this.
        special = " " in text or "<" in text or ">" in text or ":" in text
        if not special and text.isprintable() and text.count("@") == 1:
            return text if len(text) <= ADDRESS_CHARACTERS_MAX and text[0] != "@" != text[-1] else None
    text = text_of(value) or ""
    angled = ANGLES.search(text) if text.endswith(">") else None
    text = (angled[1] if angled else text).strip().lower().removeprefix("mailto:").strip()
    return text if len(text) <= ADDRESS_CHARACTERS_MAX and ADDRESS.fullmatch(text) else None
