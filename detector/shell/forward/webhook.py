"""Posts alerts to a webhook: CloudEvents over HTTP in structured mode, signed as Standard Webhooks defines it.

A temporary failure is tried again, with growing pauses and jitter. Addresses and bodies are never logged.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, Literal, NamedTuple

import stamina
import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout

from detector.shell.config.settings import Settings, SettingsError, variable
from detector.shell.telemetry.metrics import Metrics
from schemas.alert import CONTENT_TYPE

TRY_SECONDS_MAX: Final = 10.0
PAUSE_SECONDS_FIRST: Final = 0.2
PAUSE_SECONDS_MAX: Final = 30.0
SECRET_BYTES_MIN: Final = 24  # as Standard Webhooks demands
_PREFIX: Final = "whsec_"
_TEMPORARY: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)  # and 500 to 599

Failure = Literal["refused", "unreachable"]
"""Why a webhook did not take an alert: it refused it, or it gave no answer for as long as was tried."""

log = structlog.stdlib.get_logger(__name__)


class SecretError(SettingsError):
    """There is no usable secret to sign with. The message is one line that names the setting."""


class NotTaken(NamedTuple):
    """How the delivery of an alert failed."""

    reason: Failure
    detail: str
    tries: int


class _TryAgainError(Exception):
    """A temporary failure; `after_s` is how long the receiver asks to wait, if it does."""

    def __init__(self, detail: str, after_s: float | None = None) -> None:
        super().__init__(detail)
        self.after_s = after_s


def signing_key(settings: Settings) -> bytes:
    """Read the signing key from the settings or from the file that they name.

    Raises
    ------
    SecretError
        If there is no key, or it cannot be read.
    """
    text = settings.forward_secret.get_secret_value() if settings.forward_secret else None
    if settings.forward_secret_file:
        try:
            text = settings.forward_secret_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretError(
                f"{settings.forward_secret_file} ({variable('forward_secret_file')}) cannot be read:"
                f" {type(error).__name__}; correct the path or the file"
            ) from None
    if not text:
        raise SecretError(f"webhook posts are signed: set {variable('forward_secret')} or its file")
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True) if text.startswith(_PREFIX) else text.encode()
    except ValueError:
        raise SecretError(f"what follows {_PREFIX} in the secret is not base64; correct it") from None
    if len(key) < SECRET_BYTES_MIN:
        raise SecretError(f"the secret to sign with should have {SECRET_BYTES_MIN} bytes or more; choose a longer one")
    return key


def headers(key: bytes, alert_id: str, body: bytes, now_s: int) -> dict[str, str]:
    """Build the headers of a post, with its signature: of the id, the timestamp and the body.

    Examples
    --------
    >>> headers(b"0" * 24, "a1", b"{}", 1_700_000_000)["webhook-signature"]
    'v1,5Dxi2xfKrsKnZGVOvQoTzFD8Ia/xRY+4tZdlmMQfPeU='
    """
    signed = b".".join([alert_id.encode(), str(now_s).encode(), body])
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {
        "Content-Type": CONTENT_TYPE,
        "Idempotency-Key": alert_id,
        "webhook-id": alert_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": f"v1,{signature}",
    }


class Webhook:
    """One receiver of alerts.

    Parameters
    ----------
    name, url
        The receiver's name and address in the settings.
    key
        Signs the posts.
    session
        Sends the posts.
    metrics
        The metrics of the process.
    retry_s
        How long the delivery of one alert is tried.
    """

    def __init__(
        self, name: str, url: str, key: bytes, session: ClientSession, metrics: Metrics, retry_s: float
    ) -> None:
        self.name = name
        self._url, self._key, self._session = url, key, session
        self._metrics, self._retry_s = metrics, retry_s

    async def deliver(self, alert_id: str, body: bytes) -> NotTaken | None:
        """Post an alert until it is taken, it is refused, or the time is over; None = taken."""
        tries = 0
        try:
            async for attempt in stamina.retry_context(
                on=_pause,
                attempts=None,
                timeout=self._retry_s,
                wait_initial=PAUSE_SECONDS_FIRST,
                wait_max=PAUSE_SECONDS_MAX,
                wait_jitter=PAUSE_SECONDS_FIRST,
            ):
                with attempt:
                    tries = attempt.num
                    if tries > 1:
                        self._metrics.add("ghosting_forward_retries_total", 1, self.name)
                    refusal = await self._post(alert_id, body)
                    return NotTaken("refused", refusal, tries) if refusal else None
        except _TryAgainError as error:
            return NotTaken("unreachable", str(error), tries)
        raise AssertionError("retry_context returns or raises")

    async def _post(self, alert_id: str, body: bytes) -> str | None:
        """Post once; return why it was refused for good, or None if it was taken."""
        began = time.perf_counter()
        try:
            async with self._session.post(
                self._url,
                data=body,
                headers=headers(self._key, alert_id, body, int(time.time())),
                timeout=ClientTimeout(total=TRY_SECONDS_MAX),
                allow_redirects=False,  # an alert goes to the address in the settings, and nowhere else
            ) as response:
                status, after = response.status, _seconds(response.headers)
        except (ClientError, TimeoutError, OSError) as error:
            log.info("webhook does not answer; trying again", receiver=self.name, error=type(error).__name__)
            raise _TryAgainError(type(error).__name__) from None
        finally:
            self._metrics.observe("ghosting_forward_seconds", time.perf_counter() - began, self.name)
        if status in _TEMPORARY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.info("webhook cannot take alerts now; trying again", receiver=self.name, status=status)
            raise _TryAgainError(f"status {status}", after)
        return None if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES else f"status {status}"


def _seconds(response_headers: Mapping[str, str]) -> float | None:
    """Return how long the receiver asks to wait, within our bounds; a date instead of seconds is ignored."""
    asked = response_headers.get("Retry-After", "")
    return min(float(asked), PAUSE_SECONDS_MAX) if asked.isascii() and asked.isdigit() else None


def _pause(error: Exception) -> bool | float:
    """Return whether to try again, or after how many seconds if the receiver asks for that."""
    if not isinstance(error, _TryAgainError):
        return False
    return True if error.after_s is None else error.after_s
