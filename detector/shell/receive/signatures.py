"""Whether a webhook comes from its tool: the published rule of each tool, compared in constant time.

A rule returns None if the signature holds, else why not. Whoever can read a signed webhook could post it again. So an
old one is refused where the tool signs a time. Where it signs none (Shopify, WooCommerce, Twilio, Segment), a webhook
that is posted again gives an interaction with the same `event_id`, which counts once.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qsl, urlsplit

Fault = Literal["no_signature", "bad_signature", "old_timestamp"]


class Delivery(NamedTuple):
    """A request, as far as signatures cover it.

    Parameters
    ----------
    url
        The address that the tool posted to, with its query.
    headers
        Names in small letters.
    body
        As it came.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes


class Clock(NamedTuple):
    """The time of the check, and how far the signed time may differ from it."""

    now_s: float
    age_s_max: float

    def is_near(self, signed_s: float) -> bool:
        """Check whether a signed time is near enough; NaN is not."""
        return abs(self.now_s - signed_s) <= self.age_s_max


Rule = Callable[[Delivery, bytes, Clock], Fault | None]


def _sha256(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _sha1(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha1")


def _is_base64(signature: str, digest: bytes) -> bool:
    return hmac.compare_digest(signature.encode(), base64.b64encode(digest))


def _is_hex(signature: str, digest: bytes) -> bool:
    return hmac.compare_digest(signature.encode(), digest.hex().encode())


def _seconds(text: str, per_second: int = 1) -> float:
    """Read a number of seconds, or of smaller units; NaN if it is none."""
    return int(text) / per_second if text.isascii() and text.isdecimal() else float("nan")


def _of_body(header: str) -> Rule:
    """Build the rule of a tool that signs the body alone, in base64."""

    def check(delivery: Delivery, secret: bytes, _: Clock) -> Fault | None:
        signature = delivery.headers.get(header)
        if signature is None:
            return "no_signature"
        return None if _is_base64(signature, _sha256(secret, delivery.body)) else "bad_signature"

    return check


def _segment(delivery: Delivery, secret: bytes, _: Clock) -> Fault | None:
    """Segment: `X-Signature` = SHA-1 over the body, in hex digits."""
    signature = delivery.headers.get("x-signature")
    if signature is None:
        return "no_signature"
    return None if _is_hex(signature, _sha1(secret, delivery.body)) else "bad_signature"


def _stripe(delivery: Delivery, secret: bytes, clock: Clock) -> Fault | None:
    """Stripe: `Stripe-Signature: t=...,v1=...`; SHA-256 over time, a dot and the body; two v1 while a secret rolls."""
    pairs = [part.partition("=")[::2] for part in delivery.headers.get("stripe-signature", "").split(",")]
    times = [value for name, value in pairs if name.strip() == "t"]
    signatures = [value for name, value in pairs if name.strip() == "v1"]
    if len(times) != 1 or not signatures:
        return "no_signature"
    digest = _sha256(secret, times[0].encode() + b"." + delivery.body)
    if not any(_is_hex(signature, digest) for signature in signatures):
        return "bad_signature"
    return None if clock.is_near(_seconds(times[0])) else "old_timestamp"


_HUBSPOT_DECODES: Final = {
    f"%{ord(character):02X}": character for character in ":/?@!$'()*,;"
}  # what HubSpot's rule has decoded in the address; everything else stays as it is


def _hubspot(delivery: Delivery, secret: bytes, clock: Clock) -> Fault | None:
    """HubSpot v3: SHA-256 over method, address, body and time, in base64; the time is in milliseconds."""
    signature = delivery.headers.get("x-hubspot-signature-v3")
    sent_at = delivery.headers.get("x-hubspot-request-timestamp")
    if signature is None or sent_at is None:
        return "no_signature"
    url = delivery.url
    for code, character in _HUBSPOT_DECODES.items():
        url = url.replace(code, character).replace(code.lower(), character)
    if not _is_base64(signature, _sha256(secret, b"POST" + url.encode() + delivery.body + sent_at.encode())):
        return "bad_signature"
    return None if clock.is_near(_seconds(sent_at, 1000)) else "old_timestamp"


def _zendesk(delivery: Delivery, secret: bytes, clock: Clock) -> Fault | None:
    """Zendesk: SHA-256 over time and body, in base64; the time is ISO 8601."""
    signature = delivery.headers.get("x-zendesk-webhook-signature")
    sent_at = delivery.headers.get("x-zendesk-webhook-signature-timestamp")
    if signature is None or sent_at is None:
        return "no_signature"
    if not _is_base64(signature, _sha256(secret, sent_at.encode() + delivery.body)):
        return "bad_signature"
    try:
        signed_at = datetime.fromisoformat(sent_at)
    except ValueError:
        return "old_timestamp"
    return None if signed_at.tzinfo and clock.is_near(signed_at.timestamp()) else "old_timestamp"


def _twilio(delivery: Delivery, secret: bytes, _: Clock) -> Fault | None:
    """Twilio: SHA-1 over the address and the fields of the form in the order of their names, in base64.

    Of a body that is no form, the address holds the SHA-256 (`bodySHA256`), and only the address is signed.
    """
    signature = delivery.headers.get("x-twilio-signature")
    if signature is None:
        return "no_signature"
    signed = delivery.url
    if delivery.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        fields = parse_qsl(delivery.body.decode(errors="replace"), keep_blank_values=True)
        signed += "".join(name + value for name, value in sorted(set(fields)))
    else:
        of_body = dict(parse_qsl(urlsplit(delivery.url).query)).get("bodySHA256", "")
        if not _is_hex(of_body.lower(), hashlib.sha256(delivery.body).digest()):
            return "bad_signature"
    return None if _is_base64(signature, _sha1(secret, signed.encode())) else "bad_signature"


def _standard(delivery: Delivery, secret: bytes, clock: Clock) -> Fault | None:
    """Standard Webhooks: `v1,` and SHA-256 over id, time and body, in base64; several, while a secret rolls."""
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    values = [delivery.headers[name] for name in names if name in delivery.headers]
    if len(values) < len(names):
        return "no_signature"
    number, sent_at, signatures = values
    digest = _sha256(standard_key(secret), f"{number}.{sent_at}.".encode() + delivery.body)
    of_version_1 = [entry.removeprefix("v1,") for entry in signatures.split() if entry.startswith("v1,")]
    if not any(_is_base64(signature, digest) for signature in of_version_1):
        return "bad_signature"
    return None if clock.is_near(_seconds(sent_at)) else "old_timestamp"


def standard_key(secret: bytes) -> bytes:
    """Return the key of a secret of Standard Webhooks: `whsec_` and base64, else the secret itself.

    Examples
    --------
    >>> standard_key(b"whsec_aGVsbG8gd29ybGQ="), standard_key(b"hello world")
    (b'hello world', b'hello world')
    """
    if not secret.startswith(b"whsec_"):
        return secret
    try:
        return base64.b64decode(secret.removeprefix(b"whsec_"), validate=True)
    except binascii.Error:
        return secret


STANDARD: Final = "standard"
RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "shopify": _of_body("x-shopify-hmac-sha256"),
        "woocommerce": _of_body("x-wc-webhook-signature"),
        "stripe": _stripe,
        "hubspot": _hubspot,
        "zendesk": _zendesk,
        "twilio": _twilio,
        "segment": _segment,
        STANDARD: _standard,
    }
)
"""The rule of each preset whose tool has one; all others are signed as Standard Webhooks defines it."""
SIGN_THE_ADDRESS: Final = frozenset({"hubspot", "twilio"})
"""The presets whose tools sign the address that they post to."""


def check(name: str, delivery: Delivery, secrets: tuple[bytes, ...], clock: Clock) -> Fault | None:
    """Check the signature of a webhook against all secrets in force: while one is replaced, there are two."""
    rule = RULES.get(name, _standard)
    faults = [rule(delivery, secret, clock) for secret in secrets]
    return None if None in faults else max(faults, key=("no_signature", "bad_signature", "old_timestamp").index)
