"""What can be set about those whom `ghosting forward` tells of alerts: webhooks and Alertmanagers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from detector.shell.config.text import listed, urls_by_name

SECRETS = ("forward_secret", "forward_webhooks", "forward_alertmanagers")
"""Settings that are never shown; not even when they are wrong."""
WEBHOOKS_MAX = 16
SECRET_LENGTH_MIN = 24  # as Standard Webhooks has it, in bytes

WebhookName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,30}$")]


class ForwardSettings(BaseSettings):
    """Where alerts are posted to, and how."""

    forward_webhooks: Annotated[Mapping[WebhookName, SecretStr], NoDecode, BeforeValidator(urls_by_name)] = Field(
        default_factory=dict,
        max_length=WEBHOOKS_MAX,
        description="Where `ghosting forward` posts alerts to, each under a name: crm=https://crm.example/alerts. What"
        " is posted is signed with the secret. Addresses are kept as secrets, as many have a token in them.",
    )
    forward_secret: SecretStr | None = Field(
        None,
        description="Secret that webhook posts are signed with: 24 characters or more, or whsec_ and base64.",
    )
    forward_secret_file: Path | None = Field(
        None, description="File that holds the secret, instead of the secret itself."
    )
    forward_retry_s: float = Field(
        300,
        ge=0,
        le=86_400,
        description="How long a webhook that does not answer, or asks to wait, is tried again with one alert. Then the"
        " alert goes to the dead letters.",
    )
    forward_alertmanagers: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(listed)] = Field(
        (),
        max_length=WEBHOOKS_MAX,
        description="Alertmanagers that `ghosting forward` tells of open incidents, all of one cluster:"
        " http://alertmanager:9093.",
    )
    forward_alertmanager_every_s: float = Field(
        60, ge=0.1, le=3600, description="How often Alertmanager is told again of what is open."
    )
    forward_client_ids: bool = Field(
        default=False,
        description="Whether Alertmanager is told the client id, as a label; else it gets no name at all.",
    )

    @field_validator("forward_webhooks", "forward_alertmanagers")
    @classmethod
    def _are_urls(
        cls, value: Mapping[str, SecretStr] | tuple[SecretStr, ...]
    ) -> Mapping[str, SecretStr] | tuple[SecretStr, ...]:
        if not all(map(_is_url, value.values() if isinstance(value, Mapping) else value)):
            raise ValueError("should be http:// or https:// addresses")
        return value

    @field_validator("forward_secret")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value and len(value.get_secret_value()) < SECRET_LENGTH_MIN:
            raise ValueError(f"should have {SECRET_LENGTH_MIN} characters or more")
        return value

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.forward_secret and self.forward_secret_file:
            raise ValueError("forward_secret and forward_secret_file should not both be set; remove one of them")
        return self


def _is_url(text: SecretStr) -> bool:
    """Whether it is an address to post to."""
    try:
        found = urlsplit(text.get_secret_value())
        port = found.port
    except ValueError:
        return False
    return found.scheme in ("http", "https") and bool(found.hostname) and port != 0
