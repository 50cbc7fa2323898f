"""What the demo says at its end: who is silent, and how well the clients were found that the firm really lost."""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from detector.core.clock import DAY_S
from detector.simulate.simulation import Truth
from schemas.alert import AlertData

ROWS_MAX = 15


class Incident(NamedTuple):
    """An incident of a client: when it was opened, and its last transition."""

    opened_s: float
    last: AlertData

    @property
    def is_open(self) -> bool:
        """Whether the client is silent still."""
        return self.last.transition != "resolved"


def incidents_of(alerts: Iterable[AlertData]) -> list[Incident]:
    """Put the alerts of each incident together."""
    found: dict[str, Incident] = {}
    order = {"opened": 0, "escalated": 1, "resolved": 2}
    for data in sorted(alerts, key=lambda data: order[data.transition]):
        found[data.incident_id] = Incident(_seconds(data.opened_at), data)
    return list(found.values())


def report(console: Console, incidents: Sequence[Incident], truths: Sequence[Truth]) -> None:
    """Print who is silent, and how the alerts compare with the truth."""
    declines = [incident for incident in incidents if incident.last.type == "declining_trend"]
    incidents = [incident for incident in incidents if incident.last.signal == "contact"]
    console.print(_table(incidents, truths))
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
    fading = {truth.client_id for truth in truths if truth.outcome == "fades"}
    found = fading & {incident.last.client_id for incident in declines}
    console.print(f"fading clients found by a decline of a signal: {len(found)} of {len(fading)}", soft_wrap=True)
    console.print("promised: at most about one per client and year, pauses and holidays included")
    console.print("a year = value at stake; gone? = chance that the client left, at its last alert")


def _table(incidents: Sequence[Incident], truths: Sequence[Truth]) -> Table:
    by_client = {truth.client_id: truth for truth in truths}
    silent = [incident for incident in incidents if incident.is_open]
    silent.sort(key=lambda incident: -by_client[incident.last.client_id].value_per_year)
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
        data, truth = incident.last, by_client[incident.last.client_id]
        table.add_row(
            data.client_id,
            data.segment,
            data.last_heard_at[:10],
            data.expected_next_at.p90[:10] if data.expected_next_at else "",
            f"{(time.time() - _seconds(data.last_heard_at)) / DAY_S:.0f}",
            f"{truth.value_per_year:,.0f} {truth.currency}",
            f"{data.probability_gone or 0:.0%}",
        )
    return table


def _delays_days(incidents: Sequence[Incident], truths: Sequence[Truth]) -> list[float]:
    """Days from the last contact to the first alert after it, of every lost client that was found."""
    delays = []
    for truth in truths:
        if truth.gone_at is not None:
            gone_s = _seconds(truth.gone_at)
            opened = [
                max(incident.opened_s, gone_s)
                for incident in incidents
                if incident.last.client_id == truth.client_id and (incident.is_open or incident.opened_s >= gone_s)
            ]
            if opened:
                delays.append((min(opened) - gone_s) / DAY_S)
    return delays


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
