"""What a process answers over HTTP: its metrics, whether it is alive, whether it is ready. Nothing can be changed."""

import os
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client.aiohttp import make_aiohttp_handler

from detector.shell.config.settings import Settings, SettingsError, variable
from detector.shell.telemetry.metrics import Metrics

Complaint = Callable[[], str | None]
"""Says what is wrong, or None if all is well."""


class PortTaken(SettingsError):  # noqa: N818 - says what is the case
    """The port cannot be listened on: one line that names the setting."""


async def serve(
    settings: Settings, metrics: Metrics, *, alive: Complaint, ready: Complaint, refresh: Callable[[], None]
) -> web.AppRunner | None:
    """Serve /metrics, /health and /ready for as long as the event loop turns; None if the settings give no port.

    Parameters
    ----------
    settings
        They say where.
    metrics
        Told on /metrics.
    alive, ready
        Asked on /health and /ready: 200 if there is no complaint, else 503 and the complaint.
    refresh
        Called before the metrics are told.

    Raises
    ------
    PortTaken
        If somebody else listens there.
    """
    if not settings.http_port:
        return None
    runner = web.AppRunner(_application(metrics, alive, ready, refresh), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, settings.http_host, settings.http_port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise PortTaken(
            f"cannot listen on {settings.http_host}:{settings.http_port} ({os.strerror(error.errno or 0)}); choose"
            f" another {variable('http_host')} or {variable('http_port')}"
        ) from None
    return runner


def _application(metrics: Metrics, alive: Complaint, ready: Complaint, refresh: Callable[[], None]) -> web.Application:
    tell = make_aiohttp_handler(metrics.registry)

    async def tell_metrics(request: web.Request) -> web.StreamResponse:
        refresh()
        return await tell(request)

    application = web.Application()
    application.router.add_get("/metrics", tell_metrics)
    application.router.add_get("/health", _answering(alive))
    application.router.add_get("/ready", _answering(ready))
    return application


def _answering(asked: Complaint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        complaint = asked()
        return web.json_response({"ok": complaint is None, "complaint": complaint}, status=503 if complaint else 200)

    return answer
