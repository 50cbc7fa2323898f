"""The process of `ghosting receive`: the server for webhooks, and beside it the endpoints that only read."""

import asyncio
import os
import signal
import socket
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, Final

import structlog
import uvicorn
import uvloop

from detector.shell.config.settings import Settings, SettingsError, variable
from detector.shell.kafka.client import connected
from detector.shell.kafka.producer import ConcurrentProducer
from detector.shell.receive.endpoint import Endpoint, Tool
from detector.shell.receive.signatures import SIGN_THE_ADDRESS
from detector.shell.telemetry import logs
from detector.shell.telemetry.catalogue import RECEIVER
from detector.shell.telemetry.endpoints import PortTaken, serve
from detector.shell.telemetry.metrics import Metrics
from detector.shell.worker.exit_codes import Exit

_CONNECTIONS_MAX: Final = 2000
_BACKLOG: Final = 2048
_KEEP_ALIVE_S: Final = 30

log = structlog.stdlib.get_logger(__name__)


def _listening(settings: Settings) -> socket.socket:
    """Listen, before anything is told to be ready."""
    family = socket.AF_INET6 if ":" in settings.receive_host else socket.AF_INET
    try:
        return socket.create_server((settings.receive_host, settings.receive_port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise PortTaken(
            f"cannot listen on {settings.receive_host}:{settings.receive_port} ({os.strerror(error.errno or 0)});"
            f" choose another {variable('receive_host')} or {variable('receive_port')}"
        ) from None


class _Server(uvicorn.Server):
    """Uvicorn, which leaves the signals to us: it would end the process by the signal instead of with a code."""

    def capture_signals(self) -> Any:  # noqa: ANN401 (a context manager of uvicorn's own kind)
        return nullcontext()


def run_receiver(settings: Settings, tools: Mapping[str, Tool]) -> None:
    """Take webhooks until SIGTERM or Ctrl-C; what came is answered first. The caller has checked the topics.

    Raises
    ------
    SettingsError
        If a port is taken, or the address that a tool signs is not set.
    BrokerUnreachable
        If no broker answers at the start.
    """
    signing = sorted(SIGN_THE_ADDRESS & tools.keys())
    if signing and not settings.receive_url:
        raise SettingsError(f"{' and '.join(signing)} sign the address they post to; set {variable('receive_url')}")
    logs.configure(settings.log_level, settings.log_format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings, tools))


async def _run(settings: Settings, tools: Mapping[str, Tool]) -> None:
    metrics, producer = Metrics(settings, RECEIVER), ConcurrentProducer(settings)
    endpoint = Endpoint(settings, tools, producer, metrics)
    server = _Server(
        uvicorn.Config(
            endpoint.application(),
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nothing depends on the address of the caller
            limit_concurrency=_CONNECTIONS_MAX,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(1, int(settings.shutdown_s_max / 2)),
        )
    )

    def ready() -> str | None:
        if not server.started:
            return "the server has not started"
        return "Kafka does not take what is written" if producer.is_away else None

    came: list[int] = []

    def end(number: int) -> None:
        if came:
            os._exit(Exit.TERMINATED)
        came.append(number)
        server.should_exit = True

    async with connected(settings, producer):
        listening = _listening(settings)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end, number)
        # A process that answers is alive: every wait of a webhook is bounded.
        runner = await serve(settings, metrics, alive=lambda: None, ready=ready, refresh=lambda: None)
        log.info("receiver started", app_id=settings.app_id, port=settings.receive_port, tools=sorted(tools))
        try:
            await server.serve([listening])
        finally:
            if runner:
                await runner.cleanup()
    log.info("receiver stopped")
    if signal.SIGINT in came:
        raise KeyboardInterrupt
