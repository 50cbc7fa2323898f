"""From the settings to what a Kafka client is started with, and from what Kafka refuses to one line that says it.

Everything that connects takes its arguments from here, so that no connection is less secure than the others.
"""

import asyncio
import importlib
import inspect
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from aiokafka.abc import AbstractTokenProvider
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedSaslMechanismError,
)
from faust.auth import Credentials, OAuthCredentials, SASLCredentials, SSLCredentials

from detector.shell.config.connection import ConnectionSettings
from detector.shell.config.settings import Settings, SettingsError, variable

_REPLY_SECONDS_MAX = 5
_PASSWORD_BYTES_MAX = 4096


class BrokerUnreachable(Exception):  # noqa: N818 - says what is the case, as ConnectionRefused would
    """No broker answers at the addresses in force: one line that names the setting."""

    def __init__(self, settings: ConnectionSettings) -> None:
        super().__init__(
            f"no Kafka answers at {settings.bootstrap_servers} by {settings.security_protocol}; start it or correct"
            f" {variable('bootstrap_servers')} or {variable('security_protocol')}"
        )


class AccessDenied(Exception):  # noqa: N818 - as above
    """Kafka, or the TLS before it, refuses us: one line that says what to correct or to grant."""


def for_aiokafka(settings: ConnectionSettings) -> dict[str, Any]:
    """Give the keyword arguments about the connection of any aiokafka client.

    Raises
    ------
    SettingsError
        If a file or the token provider that is named cannot be used.
    """
    found: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": settings.security_protocol,
        "ssl_context": _context(settings),
    }
    if settings.security_protocol.startswith("SASL"):
        found["sasl_mechanism"] = settings.sasl_mechanism
        if settings.sasl_mechanism == "OAUTHBEARER":
            found["sasl_oauth_token_provider"] = _Tokens(settings)
        else:
            found["sasl_plain_username"] = settings.sasl_username
            found["sasl_plain_password"] = _password(settings)
    return found


def for_producers(settings: Settings) -> dict[str, Any]:
    """Give the keyword arguments about the connection, and about compression, of an aiokafka producer.

    Raises
    ------
    SettingsError
        As `for_aiokafka`.
    """
    codec = settings.compression_type
    return {**for_aiokafka(settings), "compression_type": None if codec == "none" else codec}


def for_faust(settings: ConnectionSettings) -> Credentials | None:
    """Give the credentials of a Faust app; Faust takes the addresses apart from them.

    Raises
    ------
    SettingsError
        As `for_aiokafka`.
    """
    context = _context(settings)  # Faust derives from it whether to encrypt
    if settings.security_protocol.startswith("SASL"):
        if settings.sasl_mechanism == "OAUTHBEARER":
            return OAuthCredentials(oauth_cb=_Tokens(settings), ssl_context=context)
        return SASLCredentials(
            username=settings.sasl_username,
            password=_password(settings),
            ssl_context=context,
            mechanism=settings.sasl_mechanism,
        )
    return SSLCredentials(context) if context else None


@asynccontextmanager
async def connected(settings: ConnectionSettings, *clients: Any) -> AsyncIterator[None]:  # noqa: ANN401 (no types)
    """Start consumers and producers of aiokafka, and stop them at the end, however that comes.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    AccessDenied
        If Kafka does not let us in, or not do what the block does.
    """
    try:
        with refusals_told(settings):
            try:
                for client in clients:
                    await client.start()
            except KafkaConnectionError:
                raise await unreachable(settings) from None
            yield
    finally:
        for client in clients:
            await client.stop()


@contextmanager
def refusals_told(settings: ConnectionSettings) -> Iterator[None]:
    """Turn what Kafka denies while the block runs into one line: `AccessDenied`."""
    try:
        yield
    except KafkaError as error:
        said = denied(error, settings)
        if said is None:
            raise
        raise AccessDenied(said) from None


def denied(error: BaseException, settings: ConnectionSettings) -> str | None:
    """Say in one line what Kafka denies us and how to get it, or None if it is not that."""
    match error:
        case TopicAuthorizationFailedError():
            what = f"topic {_names(error)}"
        case GroupAuthorizationFailedError():
            what = f"consumer group {_names(error)}"
        case TransactionalIdAuthorizationFailed():
            what = "the transactional ids that start with the installation's name"
        case ClusterAuthorizationFailedError():
            what = "the cluster"
        case _:
            return None
    return f"Kafka denies {_who(settings)} the use of {what}; grant what docs/security.md lists for this command"


async def unreachable(settings: ConnectionSettings) -> BrokerUnreachable | AccessDenied:
    """Find out why no broker could be connected to; aiokafka says it in its log only."""
    given = for_aiokafka(settings)
    for server in given.pop("bootstrap_servers").split(","):
        host, _, port = server.rpartition(":")
        try:
            connection = await create_conn(
                host.strip("[]"), int(port), request_timeout_ms=_REPLY_SECONDS_MAX * 1000, **given
            )
        except (AuthenticationFailedError, SaslAuthenticationFailed, UnsupportedSaslMechanismError) as error:
            return AccessDenied(
                f"Kafka at {server} does not accept {_who(settings)} by {settings.sasl_mechanism}"
                f" ({_first_line(error)}); correct {_credentials(settings)}"
            )
        except ssl.SSLError as error:
            return AccessDenied(
                f"no TLS with {server}: {error.reason or type(error).__name__}"
                f" ({getattr(error, 'verify_message', '') or 'the other side refused, or does not speak TLS'}); correct"
                f" {variable('tls_ca_file')}, our certificate, or {variable('security_protocol')}"
            )
        except (OSError, KafkaError, TimeoutError):
            continue
        connection.close()
        if settings.sasl_mechanism == "OAUTHBEARER":  # then Kafka refuses by hanging up after the token
            return AccessDenied(
                f"Kafka at {server} hangs up after {_who(settings)} came by OAUTHBEARER: the token has ended or is not"
                f" believed; correct {_credentials(settings)}"
            )
    return BrokerUnreachable(settings)


class _Tokens(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka ships no types
    """Asks the operator's function for a token, without holding up the event loop."""

    def __init__(self, settings: ConnectionSettings) -> None:
        assert settings.sasl_token_provider is not None
        self._name = settings.sasl_token_provider
        self._function = _function(self._name)

    async def token(self) -> str:
        """Give a token; what the function raises may hold secrets, so only its kind is told."""
        try:
            if inspect.iscoroutinefunction(self._function):
                found = await self._function()
            else:
                found = await asyncio.to_thread(self._function)
        except Exception as error:  # noqa: BLE001 - it is somebody else's code
            raise AuthenticationFailedError(f"{self._name} raised {type(error).__name__}") from None
        if not isinstance(found, str):
            raise AuthenticationFailedError(f"{self._name} gave {type(found).__name__} instead of str")
        return found


def _function(name: str) -> Callable[[], Any]:
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"{variable('sasl_token_provider')} {name} cannot be imported ({type(error).__name__}); install the module"
            " or correct the name"
        ) from None
    if not callable(found):
        raise SettingsError(f"{variable('sasl_token_provider')} {name} is not a function; correct the name")
    return found  # type: ignore[no-any-return]


def _context(settings: ConnectionSettings) -> ssl.SSLContext | None:
    if not settings.security_protocol.endswith("SSL"):
        return None
    with _readable("tls_ca_file", settings.tls_ca_file):
        context = ssl.create_default_context(cafile=settings.tls_ca_file)
    if settings.tls_certificate_file:
        password = settings.tls_key_password.get_secret_value() if settings.tls_key_password else ""
        with _readable("tls_certificate_file", settings.tls_certificate_file, settings.tls_key_file):
            # A function: with None, OpenSSL would ask the terminal for the password of an encrypted key.
            context.load_cert_chain(settings.tls_certificate_file, settings.tls_key_file, lambda: password)
    return context


def _password(settings: ConnectionSettings) -> str:
    if settings.sasl_password:
        return settings.sasl_password.get_secret_value()
    path = settings.sasl_password_file
    assert path is not None
    with _readable("sasl_password_file", path), path.open("rb") as file:
        found = file.read(_PASSWORD_BYTES_MAX).decode().rstrip("\r\n")
    if not found:
        raise SettingsError(f"{variable('sasl_password_file')} {path} is empty; write the password into it")
    return found


@contextmanager
def _readable(name: str, *paths: Path | None) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:  # those of OpenSSL are among them; neither holds what was read
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        files = " and ".join(str(path) for path in paths)
        raise SettingsError(f"{variable(name)} {files} cannot be used ({why}); correct the path or the file") from None


def _names(error: BaseException) -> str:
    (name,) = error.args[:1] or ("",)
    return ", ".join(sorted(map(str, name))) if isinstance(name, Iterable) and not isinstance(name, str) else str(name)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]


def _who(settings: ConnectionSettings) -> str:
    if settings.security_protocol.startswith("SASL"):
        return f"user {settings.sasl_username}" if settings.sasl_username else "the user of our token"
    return "the user of our certificate" if settings.tls_certificate_file else "users without a name"


def _credentials(settings: ConnectionSettings) -> str:
    if settings.sasl_mechanism == "OAUTHBEARER":
        return f"what {variable('sasl_token_provider')} gives"
    return f"{variable('sasl_username')} or {variable('sasl_password')}"
