"""How we come into a secured Kafka, what keeps us out, and that no secret is told on the way."""

import base64
import json
import os
import subprocess
import sys
import time

import pytest

from detector.shell.config.connection import SECRETS
from detector.shell.config.load import effective, load
from detector.shell.config.settings import Settings, SettingsError, variable
from detector.shell.kafka import topics
from detector.shell.kafka.client import for_aiokafka, for_faust
from detector.shell.kafka.errors import AccessDenied, BrokerUnreachable
from tests import kafka as broker

SECRET = "hunter2-hunter2"
SCRAM = {"security_protocol": "SASL_SSL", "sasl_username": "u", "sasl_password": SECRET}


@pytest.fixture(scope="module")
def way_in(secure_kafka):
    """Give the settings of somebody who comes in with a password."""
    return Settings(
        bootstrap_servers=secure_kafka.address,
        security_protocol="SASL_SSL",
        tls_ca_file=secure_kafka.secrets / "ca.pem",
        sasl_username="admin",
        sasl_password_file=secure_kafka.secrets / "admin.password",
    )


async def told(settings):
    """Connect, and give the line that says why not."""
    with pytest.raises(AccessDenied) as caught:
        await topics.problems(settings)
    line = str(caught.value)
    assert "\n" not in line
    return line


def token(folder, *, user, seconds):
    """Sign an OAuth token as an identity provider does."""
    claims = {"sub": user, "iat": int(time.time()) - 1, "exp": int(time.time() + seconds)}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "RS256", "kid": "1"}, claims)
    ]
    signed = b".".join(parts)
    signature = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", folder / "token.key"], input=signed, capture_output=True, check=True
    ).stdout
    return b".".join([signed, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


@pytest.fixture
def provider(tmp_path, monkeypatch):
    """Write a module with a token function, and give its name."""

    def write(body, *, kind="def"):
        name = f"tokens_{time.monotonic_ns()}"
        (tmp_path / f"{name}.py").write_text(f"{kind} token():\n    {body}\n")
        monkeypatch.syspath_prepend(tmp_path)
        return f"{name}:token"

    return write


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"security_protocol": "SASL_SSL"}, "SCRAM-SHA-512 needs sasl_username, and sasl_password"),
        ({"security_protocol": "SASL_SSL", "sasl_username": "u"}, "SCRAM-SHA-512 needs sasl_username"),
        (SCRAM | {"sasl_password_file": "f"}, "are both set"),
        (SCRAM | {"sasl_mechanism": "OAUTHBEARER"}, "OAUTHBEARER needs sasl_token_provider"),
        (SCRAM | {"security_protocol": "SASL_PLAINTEXT"}, "would send credentials in the clear; set it to SASL_SSL"),
        (SCRAM | {"security_protocol": "PLAINTEXT"}, "credentials are set, but security_protocol is PLAINTEXT"),
        (SCRAM | {"security_protocol": "SSL"}, "credentials are set, but security_protocol is SSL"),
        ({"tls_ca_file": "ca.pem"}, "certificates are set, but security_protocol is PLAINTEXT"),
        ({"security_protocol": "SSL", "tls_key_file": "k"}, "belong together"),
        ({"security_protocol": "SSL", "tls_key_password": SECRET}, "tls_key_file is not"),
        ({"sasl_token_provider": "os.system"}, "should be module:function"),
        ({"security_protocol": "SSH"}, "should be 'PLAINTEXT'"),
    ],
)
def test_what_does_not_fit_together_is_refused(given, said):
    """A setting without its other half, or one that the protocol would ignore, is an error of one line."""
    with pytest.raises(SettingsError) as caught:
        load(given)
    (line,) = caught.value.problems
    assert said in line
    assert SECRET not in line


def test_credentials_go_in_the_clear_only_if_somebody_says_so():
    """With the word of the operator SASL_PLAINTEXT is accepted; then nothing is encrypted, in Faust neither."""
    settings = load(SCRAM | {"security_protocol": "SASL_PLAINTEXT", "credentials_in_plaintext": "true"})
    assert for_aiokafka(settings)["ssl_context"] is None
    assert for_faust(settings).protocol.value == "SASL_PLAINTEXT"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_not_shown(name, monkeypatch):
    """Neither the listing of the settings nor their text has it, and an error about it does not repeat it."""
    monkeypatch.setenv(variable(name), SECRET)
    for other in ("sasl_username", "tls_key_file", "tls_certificate_file"):
        monkeypatch.setenv(variable(other), "x")
    monkeypatch.setenv("GHOSTING_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("GHOSTING_SASL_PASSWORD", SECRET)
    (shown,) = [setting for setting in effective() if setting.name == name]
    assert shown.value == "**********"
    assert shown.origin == "environment"
    assert SECRET not in repr(load()) + str(load()) + repr(effective())
    with pytest.raises(SettingsError) as caught:
        load({name: [SECRET]})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (SCRAM | {"tls_ca_file": "missing.pem"}, "GHOSTING_TLS_CA_FILE missing.pem cannot be used (No such file"),
        (SCRAM | {"sasl_password": None, "sasl_password_file": "nope"}, "GHOSTING_SASL_PASSWORD_FILE nope cannot be"),
        (SCRAM | {"sasl_password": None, "sasl_password_file": "/dev/null"}, "/dev/null is empty"),
        (
            {"security_protocol": "SSL", "tls_certificate_file": "c", "tls_key_file": "k"},
            "GHOSTING_TLS_CERTIFICATE_FILE c and k cannot be used",
        ),
        (
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER", "sasl_token_provider": "nowhere:token"},
            "nowhere:token cannot be imported",
        ),
        (
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER", "sasl_token_provider": "math:pi"},
            "math:pi is not a function",
        ),
    ],
)
def test_what_cannot_be_used_is_named(given, said):
    """A file or a function that is not there is one line with the variable that names it."""
    with pytest.raises(SettingsError) as caught:
        for_aiokafka(load(given))
    assert said in str(caught.value)


async def test_a_password_opens(way_in):
    """By TLS and SCRAM-SHA-512, with the password from a file."""
    assert await topics.problems(way_in)


async def test_a_wrong_password_is_told_without_it(way_in):
    """The line names the user and the settings, not the password."""
    line = await told(
        way_in.model_copy(update={"sasl_password_file": None} | {"sasl_password": load(SCRAM).sasl_password})
    )
    assert "does not accept user admin by SCRAM-SHA-512" in line
    assert "correct GHOSTING_SASL_USERNAME or GHOSTING_SASL_PASSWORD" in line
    assert SECRET not in line


async def test_an_unknown_authority_is_told(way_in):
    """A broker whose certificate nobody of ours has signed is not believed."""
    line = await told(way_in.model_copy(update={"tls_ca_file": None}))
    assert "CERTIFICATE_VERIFY_FAILED" in line
    assert "GHOSTING_TLS_CA_FILE" in line


async def test_a_broker_without_tls_is_told(way_in, kafka):
    """TLS with somebody who does not speak it ends in a line, not in waiting."""
    with pytest.raises((AccessDenied, BrokerUnreachable), match="GHOSTING_SECURITY_PROTOCOL"):
        await topics.problems(way_in.model_copy(update={"bootstrap_servers": kafka}))


async def test_a_broker_with_tls_is_not_reached_without(secure_kafka):
    """The line names the protocol, so that one sees what is missing."""
    with pytest.raises(BrokerUnreachable, match=r"by PLAINTEXT; .* GHOSTING_SECURITY_PROTOCOL"):
        await topics.problems(Settings(bootstrap_servers=secure_kafka.address))


async def test_a_certificate_opens_and_none_does_not(secure_kafka):
    """Mutual TLS: our certificate gives our name, which is denied what nobody granted; without one nobody gets in."""
    files = secure_kafka.secrets
    settings = Settings(
        bootstrap_servers=secure_kafka.mutual_address, security_protocol="SSL", tls_ca_file=files / "ca.pem"
    )
    ours = {"tls_certificate_file": files / "client.pem", "tls_key_file": files / "client.key"}
    line = await told(settings.model_copy(update=ours))
    assert line.startswith("Kafka denies the user of our certificate the use of topic ghosting.")
    with pytest.raises((AccessDenied, BrokerUnreachable)):
        await topics.problems(settings)


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_a_token_opens(way_in, secure_kafka, provider, kind):
    """OAUTHBEARER: a token of the identity provider, from the operator's function, plain or async."""
    name = provider(f"return {token(secure_kafka.secrets, user='admin', seconds=60)!r}", kind=kind)
    bearer = {"sasl_mechanism": "OAUTHBEARER", "sasl_token_provider": name}
    assert await topics.problems(way_in.model_copy(update=bearer))


async def test_a_token_that_ended_is_told(way_in, secure_kafka, provider):
    """The line names the setting of the function, and not the token."""
    ended = token(secure_kafka.secrets, user="admin", seconds=-120)
    bearer = {"sasl_mechanism": "OAUTHBEARER", "sasl_token_provider": provider(f"return {ended!r}")}
    line = await told(way_in.model_copy(update=bearer))
    assert "correct what GHOSTING_SASL_TOKEN_PROVIDER gives" in line
    assert ended not in line


@pytest.mark.parametrize(
    ("body", "said"), [(f"raise ValueError({SECRET!r})", "raised ValueError"), ("return 1", "gave int")]
)
async def test_a_token_function_that_fails_is_told_by_its_kind(way_in, provider, body, said):
    """What it raises may hold the secret that it asked with."""
    bearer = {"sasl_mechanism": "OAUTHBEARER", "sasl_token_provider": provider(body)}
    line = await told(way_in.model_copy(update=bearer))
    assert said in line
    assert SECRET not in line


@pytest.fixture(params=["SCRAM-SHA-512", "OAUTHBEARER"])
async def debugged(request, way_in, secure_kafka, provider, tmp_path):
    """Give an installation at DEBUG for each mechanism, with the secrets that its workers have."""
    bearer = token(secure_kafka.secrets, user="admin", seconds=600)
    settings = way_in.model_copy(
        update={
            "app_id": f"quiet-{request.param}",
            "log_level": "DEBUG",
            "data_dir": tmp_path,
            "sasl_mechanism": request.param,
            "sasl_token_provider": provider(f"return {bearer!r}"),
        }
    )
    await topics.create(settings)
    return settings, [bearer, (secure_kafka.secrets / "admin.password").read_text().strip()]


def test_no_secret_is_logged_at_any_level(debugged, tmp_path):
    """A worker at DEBUG: Kafka's client prints requests there, those with tokens too; our logging does not let it."""
    settings, secrets = debugged
    given = settings.model_dump(include=settings.model_fields_set, exclude_none=True)
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "detector", "worker"],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
            | {variable(name): str(value) for name, value in given.items()},
            cwd=broker.RUN.parents[2],
            stderr=output,
        )
    try:
        broker.wait_until(lambda: "shard restored" in log.read_text() or process.poll() is not None, "it works", 60)
    finally:
        process.kill()
        process.wait()
    said = log.read_text()
    assert "shard restored" in said, said[-2000:]
    assert '"level": "debug", "logger": "aiokafka' in said, "at DEBUG the client does talk"
    assert [secret for secret in secrets if secret in said] == []
