"""From the settings to the arguments of a Kafka client, and from a started client to a stopped one.

Every client takes its arguments from here, so that no connection is less secure than another.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from faust.auth import Credentials, OAuthCredentials, SASLCredentials, SSLCredentials

from detector.shell.config.connection import ConnectionSettings
from detector.shell.config.settings import Settings, variable
from detector.shell.kafka.credentials import TokenProvider, password_of, tls_context
from detector.shell.kafka.errors import AccessDenied, BrokerUnreachable, mapping_denials, user_of

_REPLY_SECONDS_MAX = 5


class Client(Protocol):
    """A reader or a producer, ours or aiokafka's."""

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Disconnect; also if `start` was never called or has failed."""


def for_aiokafka(settings: ConnectionSettings) -> dict[str, Any]:
    """Return the connection arguments of any aiokafka client.

    Raises
    ------
    SettingsError
        If a file or the token provider that the settings name cannot be used.
    """
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": settings.security_protocol,
        "ssl_context": tls_context(settings),
    }
    if settings.security_protocol.startswith("SASL"):
        arguments["sasl_mechanism"] = settings.sasl_mechanism
        if settings.sasl_mechanism == "OAUTHBEARER":
            arguments["sasl_oauth_token_provider"] = TokenProvider(settings)
        else:
            arguments["sasl_plain_username"] = settings.sasl_username
            arguments["sasl_plain_password"] = password_of(settings)
    return arguments


def for_producers(settings: Settings) -> dict[str, Any]:
    """Return the connection and compression arguments of an aiokafka producer.

    Raises
    ------
    SettingsError
        As `for_aiokafka`.
    """
    codec = settings.compression_type
    return {**for_aiokafka(settings), "compression_type": None if codec == "none" else codec}


def for_faust(settings: ConnectionSettings) -> Credentials | None:
    """Return the credentials of a Faust app. Faust takes the addresses as a separate argument.

    Raises
    ------
    SettingsError
        As `for_aiokafka`.
    """
    context = tls_context(settings)  # Faust derives from it whether to encrypt
    if settings.security_protocol.startswith("SASL"):
        if settings.sasl_mechanism == "OAUTHBEARER":
            return OAuthCredentials(oauth_cb=TokenProvider(settings), ssl_context=context)
        return SASLCredentials(
            username=settings.sasl_username,
            password=password_of(settings),
            ssl_context=context,
            mechanism=settings.sasl_mechanism,
        )
    return SSLCredentials(context) if context else None


@asynccontextmanager
async def started(*clients: Client) -> AsyncIterator[None]:
    """Start clients, and stop them however the block ends. Errors come as Kafka's client raises them."""
    try:
        for client in clients:
            await client.start()
        yield
    finally:
        for client in clients:
            await client.stop()


@asynccontextmanager
async def connected(settings: ConnectionSettings, *clients: Client) -> AsyncIterator[None]:
    """Start clients, stop them however the block ends, and map what a user can correct to one line.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    AccessDenied
        If Kafka refuses the connection, or something that the block does.
    """
    try:
        with mapping_denials(settings):
            try:
                for client in clients:
                    await client.start()
            except KafkaConnectionError:
                raise await connection_failure(settings) from None
            yield
    finally:
        for client in clients:
            await client.stop()


async def connection_failure(settings: ConnectionSettings) -> BrokerUnreachable | AccessDenied:
    """Find out why no client could connect: aiokafka writes the reason to its log only."""
    arguments = for_aiokafka(settings)
    for server in arguments.pop("bootstrap_servers").split(","):
        host, _, port = server.rpartition(":")
        try:
            connection = await create_conn(
                host.strip("[]"), int(port), request_timeout_ms=_REPLY_SECONDS_MAX * 1000, **arguments
            )
        except (AuthenticationFailedError, SaslAuthenticationFailed, UnsupportedSaslMechanismError) as error:
            return AccessDenied(
                f"Kafka at {server} does not accept {user_of(settings)} by {settings.sasl_mechanism}"
                f" ({_first_line(error)}); correct {_credential_settings(settings)}"
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
        if settings.sasl_mechanism == "OAUTHBEARER":  # Kafka refuses a token by closing the connection after it
            return AccessDenied(
                f"Kafka at {server} hangs up after {user_of(settings)} came by OAUTHBEARER: the token has ended or is"
                f" not believed; correct {_credential_settings(settings)}"
            )
    return BrokerUnreachable(settings)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]


def _credential_settings(settings: ConnectionSettings) -> str:
    if settings.sasl_mechanism == "OAUTHBEARER":
        return f"what {variable('sasl_token_provider')} gives"
    return f"{variable('sasl_username')} or {variable('sasl_password')}"
