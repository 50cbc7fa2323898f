"""The secrets and certificates of a connection: files are read and token providers imported here."""

import asyncio
import importlib
import inspect
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import AuthenticationFailedError

from detector.shell.config.connection import ConnectionSettings
from detector.shell.config.settings import SettingsError, variable

_PASSWORD_BYTES_MAX = 4096


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka ships no types
    """Asks the operator's function for a token, without blocking the event loop."""

    def __init__(self, settings: ConnectionSettings) -> None:
        assert settings.sasl_token_provider is not None
        self._name = settings.sasl_token_provider
        self._function = _function(self._name)

    async def token(self) -> str:
        """Return a token. An error of the function may contain secrets, so only its type is reported."""
        try:
            if inspect.iscoroutinefunction(self._function):
                token = await self._function()
            else:
                token = await asyncio.to_thread(self._function)
        except Exception as error:  # noqa: BLE001 - it is somebody else's code
            raise AuthenticationFailedError(f"{self._name} raised {type(error).__name__}") from None
        if not isinstance(token, str):
            raise AuthenticationFailedError(f"{self._name} gave {type(token).__name__} instead of str")
        return token


def _function(name: str) -> Callable[[], Any]:
    module, _, attribute = name.partition(":")
    try:
        function = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"{variable('sasl_token_provider')} {name} cannot be imported ({type(error).__name__}); install the module"
            " or correct the name"
        ) from None
    if not callable(function):
        raise SettingsError(f"{variable('sasl_token_provider')} {name} is not a function; correct the name")
    return function  # type: ignore[no-any-return]


def tls_context(settings: ConnectionSettings) -> ssl.SSLContext | None:
    """Build the TLS context of a connection; None if the connection is not encrypted.

    Raises
    ------
    SettingsError
        If a certificate or key file cannot be used.
    """
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


def password_of(settings: ConnectionSettings) -> str:
    """Return the SASL password, from the setting or from its file.

    Raises
    ------
    SettingsError
        If the file cannot be read, or is empty.
    """
    if settings.sasl_password:
        return settings.sasl_password.get_secret_value()
    path = settings.sasl_password_file
    assert path is not None
    with _readable("sasl_password_file", path), path.open("rb") as file:
        password = file.read(_PASSWORD_BYTES_MAX).decode().rstrip("\r\n")
    if not password:
        raise SettingsError(f"{variable('sasl_password_file')} {path} is empty; write the password into it")
    return password


@contextmanager
def _readable(name: str, *paths: Path | None) -> Iterator[None]:
    """Map the errors of reading these files to a line that names the setting."""
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:  # OpenSSL's errors are OSErrors; none of them holds the content
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        files = " and ".join(str(path) for path in paths)
        raise SettingsError(f"{variable(name)} {files} cannot be used ({why}); correct the path or the file") from None
