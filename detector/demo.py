"""The demo: a simulated firm's year through a real worker, and how well its lost clients were found."""

import asyncio
import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any, NamedTuple
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from detector.core.clock import DAY_S
from detector.core.partition import partition_of
from detector.core.shard import POSITION_KEY
from detector.shell import topics
from detector.shell.connection import for_aiokafka
from detector.shell.embedded import PARTITIONS, embedded_broker
from detector.shell.produce import produce
from detector.shell.retention import layout
from detector.shell.settings import Settings, variable
from detector.simulate.firm import Firm
from detector.simulate.simulation import Simulation, Truth, simulate

ROWS_MAX = 15
SETTLE_S = 1
EXIT_INTERRUPTED = 130
_FOLLOW_SECONDS_MAX = 45
_STOP_SECONDS_MAX = 10
_QUIET_MS = 1000


@dataclass
class _Followed:
    """What was read of the worker's output: alerts by id, and each shard's clock."""

    clocks: dict[int, float]
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)


class Incident(NamedTuple):
    """An incident of a client: when it was opened, and its last transition."""

    opened_s: float
    last: dict[str, Any]

    @property
    def is_open(self) -> bool:
        """Whether the client is silent still."""
        return bool(self.last["transition"] != "resolved")


def run_demo(settings: Settings, *, kafka: str | None, clients: int, seed: int) -> int:
    """Simulate a year that ends now, let a worker read it, and print what it found; give the exit status.

    Parameters
    ----------
    settings
        In force; name, partitions and settle time are the demo's own.
    kafka
        Broker to use instead of the embedded one, HOST:PORT.
    clients
        Number of clients.
    seed
        The same seed gives the same firm.
    """
    own = settings.model_copy(
        update={
            "app_id": f"ghosting-demo-{uuid4().hex[:8]}",
            "bootstrap_servers": kafka or settings.bootstrap_servers,
            "partitions": PARTITIONS,
            "settle_s": SETTLE_S,
        }
    )
    console = Console()
    try:
        with ExitStack() as stack:
            if kafka is None:
                address = stack.enter_context(embedded_broker(layout(own)))
                own = own.model_copy(update={"bootstrap_servers": address})
            else:
                asyncio.run(topics.create(own))
            firm = Firm(clients=clients, seed=seed, end=datetime.now(UTC))
            told = simulate(firm)
            values = (json.dumps(event, ensure_ascii=False).encode() for event in told.events)
            produced = asyncio.run(produce(values, own))
            console.print(f"{produced.records} events of {clients} clients in a year; a worker reads them")
            worker = stack.enter_context(_worker(own))
            followed = asyncio.run(_follow(own, told, firm.start.timestamp(), worker))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    if followed is None:
        console.print("the worker ended, or did not get to the end in time")
        return 1
    _report(console, _incidents(followed.alerts.values()), told.truths)
    return 0


@contextmanager
def _worker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker; `env` adds to the environment, which only the settings read."""
    given = {
        "bootstrap_servers": settings.bootstrap_servers,
        "app_id": settings.app_id,
        "settle_s": settings.settle_s,
        "partitions": settings.partitions,
        "log_level": "WARNING",
    }
    variables = [f"{variable(name)}={value}" for name, value in given.items()]
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


async def _follow(
    settings: Settings, told: Simulation, start_s: float, worker: subprocess.Popen[bytes]
) -> _Followed | None:
    """Read alerts until every shard with events is past the last one; None if that does not come about."""
    end_s = max((_seconds(str(event["at"])) for event in told.events), default=start_s)
    shards = {partition_of(str(event["client_id"]), settings.partitions) for event in told.events}
    followed = _Followed(dict.fromkeys(shards, -math.inf))
    consumer = AIOKafkaConsumer(
        **for_aiokafka(settings),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        check_crcs=False,  # the embedded broker returns batches of transactions with a wrong one
    )
    names = settings.alerts_topic, settings.history_topic, settings.state_topic
    await consumer.start()
    consumer.assign([TopicPartition(name, number) for name in names for number in range(settings.partitions)])
    until_s = time.monotonic() + _FOLLOW_SECONDS_MAX
    try:
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("simulated days", total=(end_s - start_s) / DAY_S)
            while min(followed.clocks.values(), default=math.inf) <= end_s:
                if worker.poll() is not None or time.monotonic() > until_s:
                    return None
                await _read(consumer, settings, followed)
                at_s = min(followed.clocks.values(), default=end_s)
                bar.update(task, completed=max(0.0, at_s - start_s) / DAY_S)
        while await _read(consumer, settings, followed):
            pass
    finally:
        await consumer.stop()
    return followed


async def _read(consumer: Any, settings: Settings, followed: _Followed) -> int:  # noqa: ANN401 - ships no types
    """Take in what has come; give how many records it was."""
    found = await consumer.getmany(timeout_ms=_QUIET_MS)
    records = [record for batch in found.values() for record in batch if record.value is not None]
    for record in records:
        if record.topic != settings.state_topic:
            data = json.loads(record.value)["data"]
            followed.alerts[data["alert_id"]] = data
        elif record.key == POSITION_KEY:
            followed.clocks[record.partition] = float(json.loads(record.value[1:])["clock"][0])
    return len(records)


def _incidents(alerts: Iterable[dict[str, Any]]) -> list[Incident]:
    found: dict[str, Incident] = {}
    order = {"opened": 0, "escalated": 1, "resolved": 2}
    for data in sorted(alerts, key=lambda data: order[data["transition"]]):
        found[data["incident_id"]] = Incident(_seconds(data["opened_at"]), data)
    return list(found.values())


def _report(console: Console, incidents: Sequence[Incident], truths: Sequence[Truth]) -> None:
    by_client = {truth.client_id: truth for truth in truths}
    silent = [incident for incident in incidents if incident.is_open]
    silent.sort(key=lambda incident: -by_client[incident.last["client_id"]].value_per_year)
    table = Table(
        title=f"Silent now: {len(silent)} clients, the {min(len(silent), ROWS_MAX)} of most value",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        show_edge=False,
    )
    for name in ("client", "segment", "last heard", "expected by"):
        table.add_column(name, no_wrap=True)
    for name in ("days", "a year", "gone?"):
        table.add_column(name, justify="right", no_wrap=True)
    for incident in silent[:ROWS_MAX]:
        data, truth = incident.last, by_client[incident.last["client_id"]]
        table.add_row(
            data["client_id"],
            data["segment"],
            data["last_heard_at"][:10],
            data["expected_next_at"]["p90"][:10],
            f"{(time.time() - _seconds(data['last_heard_at'])) / DAY_S:.0f}",
            f"{truth.value_per_year:,.0f} {truth.currency}",
            f"{data['probability_gone']:.0%}",
        )
    console.print(table)
    delays = _delays_days(incidents, truths)
    lost = sum(truth.gone_at is not None for truth in truths)
    false = sum(not incident.is_open for incident in incidents)
    console.print(f"lost clients found: {len(delays)} of {lost}", soft_wrap=True)
    days = f"{median(delays):.1f}" if delays else "none"
    console.print(f"median days from the last contact to the alert: {days}", soft_wrap=True)
    rate = false / len(truths)
    console.print(
        f"false alerts (the client came back): {false} of {len(incidents)}, {rate:.2f} per client in the year"
    )
    console.print("promised: at most about one per client and year, pauses and holidays included")
    console.print("a year = value at stake; gone? = chance that the client left, at its last alert")


def _delays_days(incidents: Sequence[Incident], truths: Sequence[Truth]) -> list[float]:
    """Days from the last contact to the first alert after it, of every lost client that was found."""
    delays = []
    for truth in truths:
        if truth.gone_at is not None:
            gone_s = _seconds(truth.gone_at)
            opened = [
                max(incident.opened_s, gone_s)
                for incident in incidents
                if incident.last["client_id"] == truth.client_id and (incident.is_open or incident.opened_s >= gone_s)
            ]
            if opened:
                delays.append((min(opened) - gone_s) / DAY_S)
    return delays


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
