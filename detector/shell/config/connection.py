"""The settings of the connection to Kafka: the brokers, TLS, and our credentials.

Settings that contradict each other are refused: a name needs a password, and credentials need TLS unless a setting
allows plaintext. `detector.shell.kafka.client` turns these settings into the arguments of a client.
"""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings

SECRETS = ("tls_key_password", "sasl_password")
"""Settings whose values are never shown, not even in the message about a wrong one."""

_SERVER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9._-]+):[0-9]{1,5}")
_FUNCTION = re.compile(r"[a-zA-Z_]\w*(\.[a-zA-Z_]\w*)*:[a-zA-Z_]\w*")


class ConnectionSettings(BaseSettings):
    """The settings that every connection to Kafka uses."""

    bootstrap_servers: str = Field(
        "127.0.0.1:9092",
        description="Kafka brokers to connect to first, as HOST:PORT; several are separated by commas.",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="Protocol of the brokers: SSL encrypts, SASL authenticates, SASL_SSL does both."
    )
    tls_ca_file: Path | None = Field(
        None,
        description="CA certificates (PEM) that sign the brokers' certificates; without it, those of the system.",
    )
    tls_certificate_file: Path | None = Field(
        None, description="Certificate of this client and its chain (PEM), for brokers that ask for one (mutual TLS)."
    )
    tls_key_file: Path | None = Field(
        None, description="Private key (PEM) of the client certificate that GHOSTING_TLS_CERTIFICATE_FILE names."
    )
    tls_key_password: SecretStr | None = Field(
        None, description="Password of the private key of the client certificate, if that key is encrypted."
    )
    sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER"] = Field(
        "SCRAM-SHA-512",
        description="SASL mechanism of the brokers. OAUTHBEARER needs a token provider, the others need a password.",
    )
    sasl_username: str | None = Field(None, max_length=255, description="User name on the brokers, for SASL.")
    sasl_password: SecretStr | None = Field(
        None,
        description="Password on the brokers, for SASL. Fewer people can read a file than a variable: see"
        " GHOSTING_SASL_PASSWORD_FILE.",
    )
    sasl_password_file: Path | None = Field(
        None, description="File with the SASL password, such as a mounted secret. It is read at each start."
    )
    sasl_token_provider: str | None = Field(
        None,
        description="Function that returns an OAuth token, as module:function. It is called for each new connection,"
        " so it should reuse a token until that expires.",
    )
    credentials_in_plaintext: bool = Field(
        default=False,
        description="Whether SASL_PLAINTEXT is allowed, which shows the credentials to everybody on the network.",
    )

    @field_validator("bootstrap_servers")
    @classmethod
    def _are_servers(cls, value: str) -> str:
        servers = [server.strip() for server in value.split(",")]
        if not all(_SERVER.fullmatch(server) for server in servers):
            raise ValueError("should be HOST:PORT, several separated by commas, such as kafka-1:9092,kafka-2:9092")
        return ",".join(servers)

    @field_validator("sasl_token_provider")
    @classmethod
    def _is_function(cls, value: str | None) -> str | None:
        if value is not None and not _FUNCTION.fullmatch(value):
            raise ValueError("should be module:function, such as my_company.kafka:token")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for problem in (self._sasl_problem(), self._tls_problem()):
            if problem:
                raise ValueError(problem)
        return self

    def _sasl_problem(self) -> str | None:
        has_password = bool(self.sasl_password or self.sasl_password_file)
        if not self.security_protocol.startswith("SASL"):
            has_credentials = has_password or self.sasl_username or self.sasl_token_provider
            return (
                f"credentials are set, but security_protocol is {self.security_protocol}, which does not use them; set"
                " security_protocol to SASL_SSL"
                if has_credentials
                else None
            )
        if self.security_protocol == "SASL_PLAINTEXT" and not self.credentials_in_plaintext:
            return (
                "security_protocol SASL_PLAINTEXT would send credentials in the clear; set it to SASL_SSL, or set"
                " credentials_in_plaintext to true if nobody else can listen"
            )
        if self.sasl_password and self.sasl_password_file:
            return "sasl_password and sasl_password_file are both set; keep one of them"
        if self.sasl_mechanism == "OAUTHBEARER":
            return None if self.sasl_token_provider else "sasl_mechanism OAUTHBEARER needs sasl_token_provider"
        if not (self.sasl_username and has_password):
            return f"sasl_mechanism {self.sasl_mechanism} needs sasl_username, and sasl_password or sasl_password_file"
        return None

    def _tls_problem(self) -> str | None:
        if bool(self.tls_certificate_file) != bool(self.tls_key_file):
            return "tls_certificate_file and tls_key_file belong together; set both or neither"
        if self.tls_key_password and not self.tls_key_file:
            return "tls_key_password is set, but tls_key_file is not"
        if not self.security_protocol.endswith("SSL") and (self.tls_ca_file or self.tls_certificate_file):
            return (
                f"certificates are set, but security_protocol is {self.security_protocol}, which does not use them; set"
                " security_protocol to SSL or SASL_SSL"
            )
        return None
