"""The settings of `ghosting forward`: the webhooks and Alertmanagers that get alerts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from detector.shell.config.text import listed, urls_by_name

SECRETS = ("forward_secret", "forward_webhooks", "forward_alertmanagers")
"""Settings whose values are never shown, not even in the message about a wrong one."""
WEBHOOKS_MAX = 16
SECRET_LENGTH_MIN = 24  # in bytes, as Standard Webhooks demands

WebhookName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,30}$")]


class ForwardSettings(BaseSettings):
    """The settings of receivers of alerts."""

    forward_webhooks: Annotated[Mapping[WebhookName, SecretStr], NoDecode, BeforeValidator(urls_by_name)] = Field(
        default_factory=dict,
        max_length=WEBHOOKS_MAX,
        description="Webhooks that `ghosting forward` posts alerts to, as NAME=ADDRESS:"
        " crm=https://crm.example/alerts. Posts are signed with GHOSTING_FORWARD_SECRET. Addresses are treated as"
        " secrets, because many hold a token.",
    )
    forward_secret: SecretStr | None = Field(
        None,
        description="Secret that signs the posts to webhooks: 24 characters or more, or whsec_ and base64.",
    )
    forward_secret_file: Path | None = Field(
        None, description="File that holds the secret of GHOSTING_FORWARD_SECRET, instead of that setting."
    )
    forward_retry_s: float = Field(
        300,
        ge=0,
        le=86_400,
        description="Seconds for which one alert is posted again to a webhook that does not answer or asks to wait."
        " Then the alert goes to the dead letters.",
    )
    forward_alertmanagers: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(listed)] = Field(
        (),
        max_length=WEBHOOKS_MAX,
        description="Alertmanagers that `ghosting forward` posts open incidents to, all of one cluster:"
        " http://alertmanager:9093.",
    )
    forward_alertmanager_every_s: float = Field(
        60, ge=0.1, le=3600, description="Seconds between two posts of all open incidents to Alertmanager."
    )
    forward_client_ids: bool = Field(
        default=False,
        description="Whether posts to Alertmanager have the client id as a label. Without it they name no client.",
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
    """Check that a text is an http(s) address."""
    try:
        address = urlsplit(text.get_secret_value())
        port = address.port
    except ValueError:
        return False
    return address.scheme in ("http", "https") and bool(address.hostname) and port != 0
