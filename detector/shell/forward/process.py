"""The forwarder process: all webhooks and the Alertmanagers at the same time, until a signal comes."""

import asyncio
import signal

import stamina
import structlog
from aiohttp import ClientSession

from detector.shell.config.settings import Settings, SettingsError, variable
from detector.shell.forward.alertmanager import AlertmanagerReporter
from detector.shell.forward.filter import Selection
from detector.shell.forward.webhook import Webhook, signing_key
from detector.shell.forward.webhooks import WebhookForwarder
from detector.shell.telemetry import logs
from detector.shell.telemetry.catalogue import FORWARDER
from detector.shell.telemetry.endpoints import serve
from detector.shell.telemetry.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)


class NothingToForwardTo(SettingsError):  # noqa: N818 - names the state
    """No receiver is set. The message is one line that names the settings."""


async def forward(settings: Settings, selection: Selection, *, from_beginning: bool) -> None:
    """Forward alerts until SIGTERM, or until it is cancelled.

    Parameters
    ----------
    settings
        Of the installation; its topics exist.
    selection
        Which alerts are forwarded.
    from_beginning
        Where a webhook that is new begins: with the oldest alert that the topic keeps, instead of the next one.

    Raises
    ------
    SettingsError
        If there is no receiver, no secret to sign with, or no free port.
    BrokerUnreachable
        If no broker answers.
    """
    if not settings.forward_webhooks and not settings.forward_alertmanagers:
        raise NothingToForwardTo(
            f"nothing to forward to: set {variable('forward_webhooks')} or {variable('forward_alertmanagers')}"
        )
    key = signing_key(settings) if settings.forward_webhooks else b""
    logs.configure(settings.log_level, settings.log_format)
    stamina.instrumentation.set_on_retry_hooks([])  # they would log exceptions, which contain addresses
    metrics = Metrics(settings, FORWARDER)
    async with ClientSession() as session:
        parts: list[WebhookForwarder | AlertmanagerReporter] = [
            WebhookForwarder(
                settings,
                Webhook(name, url.get_secret_value(), key, session, metrics, settings.forward_retry_s),
                selection,
                metrics,
                from_beginning=from_beginning,
            )
            for name, url in settings.forward_webhooks.items()
        ]
        if settings.forward_alertmanagers:
            parts.append(AlertmanagerReporter(settings, selection, session, metrics))
        await _run(settings, metrics, parts)


async def _run(settings: Settings, metrics: Metrics, parts: list[WebhookForwarder | AlertmanagerReporter]) -> None:
    def ready() -> str | None:
        return next(filter(None, (part.ready() for part in parts)), None)

    # A part that fails ends the process, and each part bounds its waits: a process that answers is alive.
    runner = await serve(settings, metrics, alive=lambda: None, ready=ready, refresh=lambda: None)
    log.info("forwarder started", webhooks=list(settings.forward_webhooks), parts=len(parts))
    tasks = [asyncio.create_task(part.run()) for part in parts]

    def end() -> None:
        for task in tasks:
            task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    try:
        await asyncio.gather(*tasks)
    except asyncio.CancelledError:
        me = asyncio.current_task()
        if me and me.cancelling():  # Ctrl-C, which has an exit code of its own
            raise
    finally:
        end()
        await asyncio.gather(*tasks, return_exceptions=True)
        if runner:
            await runner.cleanup()
