"""The settings of `ghosting receive`: where webhooks of other tools arrive, and how much of them is taken."""

from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

BODY_BYTES_MAX: Final = 64 << 20


class ReceiveSettings(BaseSettings):
    """The settings of the endpoint for webhooks."""

    receive_host: str = Field(
        "127.0.0.1",
        pattern=r"^[a-zA-Z0-9._:-]{1,253}$",
        description="Address that `ghosting receive` takes webhooks on. 0.0.0.0 makes it visible to other machines; the"
        " proxy that ends TLS has to be in front of it.",
    )
    receive_port: int = Field(8080, ge=1, le=65535, description="Port that `ghosting receive` takes webhooks on.")
    receive_url: str = Field(
        "",
        description="Address under which other tools reach `ghosting receive`, without a path:"
        " https://hooks.example.com. HubSpot and Twilio sign the address that they post to.",
    )
    receive_body_bytes_max: int = Field(
        4 << 20,
        ge=1024,
        le=BODY_BYTES_MAX,
        description="Bytes that the body of a webhook may have. A longer one is refused with 413, unread.",
    )
    receive_requests_per_s_max: int = Field(
        5000,
        ge=1,
        le=1_000_000,
        description="Webhooks that a process takes in a second. Beyond that it answers 429, and the tool tries again.",
    )
    receive_age_s_max: int = Field(
        300,
        ge=1,
        le=86_400,
        description="Seconds that the signed time of a webhook may differ from ours. An older webhook is refused: it"
        " may be a recorded one.",
    )
    receive_reply_s_max: float = Field(
        4,
        ge=0.1,
        le=60,
        description="Seconds that a webhook may take, both to arrive and to be written to Kafka. Then it is answered"
        " with 408 or 503, and the tool tries again. Shopify and HubSpot wait for 5 s.",
    )

    @field_validator("receive_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.path in ("", "/")
        except ValueError:
            is_one = False
        if value and not is_one:
            raise ValueError("should be an address without a path, such as https://hooks.example.com")
        return value.rstrip("/")
