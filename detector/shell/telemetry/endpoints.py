"""The HTTP endpoints of a process: its metrics, whether it is alive, whether it is ready. They only read."""

import os
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client.aiohttp import make_aiohttp_handler

from detector.shell.config.settings import Settings, SettingsError, variable
from detector.shell.telemetry.metrics import Metrics

HealthCheck = Callable[[], str | None]
"""Returns what is wrong, or None if nothing is."""


class PortTaken(SettingsError):  # noqa: N818 - names the state
    """The port cannot be listened on. The message is one line that names the setting."""


async def serve(
    settings: Settings, metrics: Metrics, *, alive: HealthCheck, ready: HealthCheck, refresh: Callable[[], None]
) -> web.AppRunner | None:
    """Serve /metrics, /health and /ready while the event loop runs. Without a port in the settings, return None.

    Parameters
    ----------
    settings
        In force; they name address and port.
    metrics
        Served on /metrics.
    alive, ready
        Called for /health and /ready: 200 if they return None, else 503 with what is wrong.
    refresh
        Called before the metrics are served: sets the gauges.

    Raises
    ------
    PortTaken
        If another process listens there.
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


def _application(
    metrics: Metrics, alive: HealthCheck, ready: HealthCheck, refresh: Callable[[], None]
) -> web.Application:
    write = make_aiohttp_handler(metrics.registry)

    async def write_metrics(request: web.Request) -> web.StreamResponse:
        refresh()
        return await write(request)

    application = web.Application()
    application.router.add_get("/metrics", write_metrics)
    application.router.add_get("/health", _answering(alive))
    application.router.add_get("/ready", _answering(ready))
    return application


def _answering(check: HealthCheck) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        problem = check()
        return web.json_response({"ok": problem is None, "complaint": problem}, status=503 if problem else 200)

    return answer
