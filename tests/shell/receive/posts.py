"""Webhooks as their tools sign them, written from each tool's published rule and not from our code."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import standardwebhooks

URL = "https://hooks.firm.example"
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}


def base64_of(key, message, digest=hashlib.sha256):
    """Return an HMAC in base64."""
    return base64.b64encode(hmac.new(key.encode(), message, digest).digest()).decode()


def hex_of(key, message, digest=hashlib.sha256):
    """Return an HMAC in hex digits."""
    return hmac.new(key.encode(), message, digest).hexdigest()


def shopify(url, body, secret, at_s):
    """Sign the body, in base64."""
    return {**JSON, "x-shopify-hmac-sha256": base64_of(secret, body)}


def woocommerce(url, body, secret, at_s):
    """Sign the body, in base64."""
    return {**JSON, "x-wc-webhook-signature": base64_of(secret, body)}


def stripe(url, body, secret, at_s):
    """Sign time, dot and body; a signature of another scheme stands beside it."""
    sent_at = str(int(at_s))
    return {**JSON, "stripe-signature": f"t={sent_at},v1={hex_of(secret, f'{sent_at}.'.encode() + body)},v0=6ffbb59b"}


def hubspot(url, body, secret, at_s):
    """Sign method, address, body and time."""
    sent_at = str(int(at_s * 1000))
    signature = base64_of(secret, f"POST{url}".encode() + body + sent_at.encode())
    return {**JSON, "x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": sent_at}


def zendesk(url, body, secret, at_s):
    """Sign time and body."""
    sent_at = datetime.fromtimestamp(int(at_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    signature = base64_of(secret, sent_at.encode() + body)
    return {**JSON, "x-zendesk-webhook-signature": signature, "x-zendesk-webhook-signature-timestamp": sent_at}


def twilio(url, body, secret, at_s):
    """Sign the address with every field of the form behind it, in the order of the names."""
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    return {**FORM, "x-twilio-signature": base64_of(secret, signed.encode(), hashlib.sha1)}


def segment(url, body, secret, at_s):
    """Sign the body with SHA-1, in hex digits."""
    return {**JSON, "x-signature": hex_of(secret, body, hashlib.sha1)}


def standard(url, body, secret, at_s):
    """Sign by the library of Standard Webhooks itself; it takes the secret in base64."""
    key = base64.b64encode(secret.encode()).decode()
    at = datetime.fromtimestamp(int(at_s), UTC)
    signature = standardwebhooks.Webhook(key).sign("msg_1", at, body.decode())
    return {**JSON, "webhook-id": "msg_1", "webhook-timestamp": str(int(at_s)), "webhook-signature": signature}


SIGNERS = {
    signer.__name__: signer for signer in (shopify, woocommerce, stripe, hubspot, zendesk, twilio, segment, standard)
}
SIGN_A_TIME = ("stripe", "hubspot", "zendesk", "standard")
BODY = b"CallSid=CA1&CallStatus=completed&Note="  # JSON for none of them, and a form for the one that reads it


def shop_order(body, secret):
    """Return the headers of Shopify's webhook of a new order."""
    about = {"x-shopify-topic": "orders/create", "x-shopify-triggered-at": "2026-03-04T10:15:30Z"}
    return {**shopify("", body, secret, 0), **about}


def encoded(body):
    """Return a body as JSON."""
    return json.dumps(body).encode()
