"""The demo: a simulated firm's year through a real worker, and how well its lost clients were found."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from types import FrameType
from uuid import uuid4

from rich.console import Console

from detector.demo.follow import follow
from detector.demo.report import incidents_of, report
from detector.shell.config.settings import Settings, variable
from detector.shell.kafka import topics
from detector.shell.kafka.mock_broker import PARTITIONS, embedded_broker
from detector.shell.kafka.topic_layout import layout
from detector.shell.operations.produce import produce
from detector.shell.worker.exit_codes import Exit
from detector.shell.worker.warmup import make_ready
from detector.simulate.firm import Firm
from detector.simulate.simulation import simulate

SETTLE_S = 1
_STOP_SECONDS_MAX = 10


def run_demo(settings: Settings, *, kafka: str | None, clients: int, seed: int) -> int:
    """Simulate a year that ends now, let a worker read it, and print what it found; return the exit status.

    Parameters
    ----------
    settings
        In force; partitions and settle time are the demo's own, and its name begins with that of the installation.
    kafka
        Broker to use instead of the embedded one, HOST:PORT. The demo deletes its topics there when it ends.
    clients
        Number of clients.
    seed
        The same seed gives the same firm.
    """
    own = settings.model_copy(
        update={
            "app_id": f"{settings.app_id}-demo-{uuid4().hex[:8]}",
            "bootstrap_servers": kafka or settings.bootstrap_servers,
            "partitions": PARTITIONS,
            "settle_s": SETTLE_S,
        }
    )
    console = Console()
    ended_by: list[int] = []
    try:
        with ExitStack() as stack:
            ended_by = stack.enter_context(_interrupted_by_signals())
            make_ready(console.print)  # so that the worker need not
            if kafka is None:
                address = stack.enter_context(embedded_broker(layout(own)))
                own = own.model_copy(update={"bootstrap_servers": address})
            else:
                stack.enter_context(_topics_on_a_broker(own))
            firm = Firm(clients=clients, seed=seed, end=datetime.now(UTC))
            simulation = simulate(firm)
            values = (json.dumps(event, ensure_ascii=False).encode() for event in simulation.events)
            produced = asyncio.run(produce(values, own))
            console.print(f"{produced.records} events of {clients} clients in a year; a worker reads them")
            worker = stack.enter_context(_worker(own))
            alerts = asyncio.run(follow(own, simulation.events, firm.start.timestamp(), worker))
    except KeyboardInterrupt:
        return 128 + ended_by[0] if ended_by else Exit.INTERRUPTED
    if alerts is None:
        console.print("the worker ended, or stopped before it was through; run it again, or with fewer --clients")
        return 1
    report(console, incidents_of(alerts), simulation.truths, firm=firm, settings=own)
    return 0


@contextmanager
def _topics_on_a_broker(settings: Settings) -> Iterator[None]:
    """Create the demo's topics on the user's broker, and delete them at the end."""
    asyncio.run(topics.create(settings))
    try:
        yield
    finally:
        asyncio.run(topics.delete(settings))


@contextmanager
def _interrupted_by_signals() -> Iterator[list[int]]:
    """End the demo and its worker on SIGTERM and SIGHUP as on Ctrl-C; yield the signals that came."""
    came: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        came.append(number)
        signal.raise_signal(signal.SIGINT)  # which asyncio knows to answer

    handlers = {signal.SIGTERM: interrupt, signal.SIGINT: signal.default_int_handler}  # a shell's `&` has it ignored
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # else nohup asked for it
        handlers[signal.SIGHUP] = interrupt
    former = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield came
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def _worker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker. `env` passes the settings on: only the module of the settings reads the environment."""
    worker_settings = {
        "bootstrap_servers": settings.bootstrap_servers,
        "app_id": settings.app_id,
        "settle_s": settings.settle_s,
        "partitions": settings.partitions,
        "log_level": "WARNING",
    }
    variables = [f"{variable(name)}={value}" for name, value in worker_settings.items()]
    # In a session of its own, Ctrl-C reaches us alone, and we end it.
    process = subprocess.Popen(  # noqa: S603 - our own program
        ["/usr/bin/env", *variables, sys.executable, "-m", "detector", "worker"], start_new_session=True
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
