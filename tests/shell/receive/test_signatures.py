"""Each tool's signature is checked by the tool's own published rule, and an old time is refused."""

import hashlib
import hmac

import pytest

from detector.shell.receive.signatures import RULES, SIGN_THE_ADDRESS, Clock, Delivery, check
from tests.shell.receive.posts import BODY, FORM, JSON, SIGN_A_TIME, SIGNERS, URL, base64_of, hex_of, stripe

AT_S = 1_772_600_000.0
SECRET = "an invented secret of a webhook"
NOW = Clock(AT_S, 300)
RULE = pytest.mark.parametrize("name", SIGNERS)


def checked(name, headers, *, body=BODY, secrets=(SECRET,), clock=NOW, url=f"{URL}/webhooks/x"):
    """Return the fault of a signature, None if it holds."""
    return check(name, Delivery(url, headers, body), tuple(secret.encode() for secret in secrets), clock)


def signed(name, *, body=BODY, secret=SECRET, at_s=AT_S, url=f"{URL}/webhooks/x"):
    """Return the headers that the tool would send."""
    return SIGNERS[name](url, body, secret, at_s)


def test_every_rule_has_its_vectors():
    """No tool is left out here."""
    assert set(SIGNERS) == set(RULES)


@RULE
def test_what_the_tool_signed_holds(name):
    """Also while the secret is replaced, whichever of the two the tool uses."""
    assert checked(name, signed(name)) is None
    assert checked(name, signed(name), secrets=("the former secret", SECRET)) is None


@RULE
def test_what_somebody_else_signed_does_not_hold(name):
    """Another secret, another body by one byte, a signature of nothing, and text that is no signature."""
    headers = signed(name)
    assert checked(name, headers, secrets=("another secret",)) == "bad_signature"
    assert checked(name, headers, body=BODY + b"0") == "bad_signature"
    for header in set(headers) - {"content-type"}:
        assert checked(name, {**headers, header: "1"}) is not None
        assert checked(name, {**headers, header: "ÿ" * 20}) is not None
        assert checked(name, {**headers, header: ""}) is not None
        assert checked(name, {key: value for key, value in headers.items() if key != header}) == "no_signature"
    assert checked(name, {}) == "no_signature"


@pytest.mark.parametrize("name", SIGN_A_TIME)
def test_an_old_webhook_is_refused(name):
    """Five minutes are allowed to either side, because clocks differ; a recorded webhook is older."""
    for late_s, expected in ((299, None), (-299, None), (302, "old_timestamp"), (-302, "old_timestamp")):
        assert checked(name, signed(name), clock=Clock(AT_S + late_s, 300)) == expected
    assert checked(name, signed(name, secret="another secret"), clock=Clock(0, 1)) == "bad_signature"


@pytest.mark.parametrize("name", sorted(SIGN_THE_ADDRESS))
def test_the_address_is_signed_too(name):
    """What was posted to another address, or with another query, does not hold."""
    url = f"{URL}/webhooks/x?tenant=7"
    assert checked(name, signed(name, url=url), url=url) is None
    assert checked(name, signed(name, url=url)) == "bad_signature"


def test_twilio_by_its_published_example():
    """The signature that Twilio's documentation gives for its example."""
    body = b"CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212"
    headers = {**FORM, "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
    assert (
        checked("twilio", headers, body=body, secrets=("12345",), url="https://mycompany.com/myapp.php?foo=1&bar=2")
        is None
    )


def test_twilio_signs_a_body_of_json_by_its_digest():
    """The address holds the SHA-256 of the body, and is signed without it."""
    body = b'{"CallSid": "CA1"}'
    url = f"{URL}/webhooks/twilio?bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {**JSON, "x-twilio-signature": base64_of(SECRET, url.encode(), hashlib.sha1)}
    assert checked("twilio", headers, body=body, url=url) is None
    assert checked("twilio", headers, body=body + b" ", url=url) == "bad_signature"
    assert checked("twilio", headers, body=body, url=f"{URL}/webhooks/twilio") == "bad_signature"


def test_standard_webhooks_by_its_published_example():
    """The signature that the specification's libraries test with; and one of several."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1a,AAAA v1,bm90IGl0 v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    given = {"body": b'{"test": 2432232314}', "clock": Clock(1614265330.0, 300)}
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert checked("anything else", headers, secrets=(secret,), **given) is None
    assert checked("anything else", headers, secrets=("whsec_é",), **given) == "bad_signature"


def test_hubspot_decodes_some_characters_of_the_address():
    """HubSpot signs `:`, `/`, `@` and a few others decoded, and all else as it stands in the address."""
    url, decoded = f"{URL}/webhooks/hubspot?a=b%40c%2fd%20e", f"{URL}/webhooks/hubspot?a=b@c/d%20e"
    assert checked("hubspot", signed("hubspot", url=decoded), url=url) is None


def test_stripe_signs_with_the_old_and_the_new_secret():
    """While a secret rolls there are two signatures, and one has to hold; without a time none does."""
    (header,) = (value for name, value in stripe("", BODY, SECRET, AT_S).items() if name == "stripe-signature")
    both = f"t={int(AT_S)},v1={hex_of('old', BODY)},{header.partition(',')[2]}"
    assert checked("stripe", {"stripe-signature": both}) is None
    assert checked("stripe", {"stripe-signature": header.partition(",")[2]}) == "no_signature"
    assert checked("stripe", {"stripe-signature": f"{header},t=1"}) == "no_signature"


def test_zendesk_signs_a_time_with_an_offset():
    """A time that is none, or has no offset, is as good as an old one."""
    for sent_at in ("2026-03-04", "2026-03-04T04:53:20", "now"):
        signature = base64_of(SECRET, sent_at.encode() + BODY)
        headers = {"x-zendesk-webhook-signature": signature, "x-zendesk-webhook-signature-timestamp": sent_at}
        assert checked("zendesk", headers) == "old_timestamp"


@RULE
def test_signatures_are_compared_in_constant_time(name, monkeypatch):
    """Whoever measures how long a refusal takes learns nothing about the right signature."""
    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda left, right: compared.append(left) or left == right)
    assert checked(name, signed(name)) is None
    assert compared
