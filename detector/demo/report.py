"""The summary of the demo: what was promised and what came of it, then who is silent now."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from detector.core.clock import DAY_S
from detector.shell.config.settings import Settings
from detector.simulate.firm import Firm
from detector.simulate.simulation import Truth
from schemas.alert import AlertData

ROWS_MAX = 15
_YEAR_S = 365.25 * DAY_S


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
    incidents: dict[str, Incident] = {}
    order = {"opened": 0, "escalated": 1, "resolved": 2}
    for data in sorted(alerts, key=lambda data: order[data.transition]):
        incidents[data.incident_id] = Incident(_seconds(data.opened_at), data)
    return list(incidents.values())


def report(
    console: Console, incidents: Sequence[Incident], truths: Sequence[Truth], *, firm: Firm, settings: Settings
) -> None:
    """Print how the alerts compare with the promise and with the truth, and who is silent.

    Parameters
    ----------
    console
        Where to.
    incidents
        Of all types and signals.
    truths
        Of all clients of the firm.
    firm
        The firm, whose span was watched.
    settings
        Of the installation: they hold what was promised.
    """
    declines = [incident for incident in incidents if incident.last.type == "declining_trend"]
    silences = [incident for incident in incidents if incident.last.signal == "contact"]
    for line in (*_promise(silences, truths, firm, settings), *_departures(silences, declines, truths)):
        console.print(line, soft_wrap=True)
    console.print()
    console.print(_table([incident for incident in silences if incident.is_open], truths))
    console.print("a year = value of its orders; gone? = chance that it is not heard again, as its last alert said")


def _promise(silences: Sequence[Incident], truths: Sequence[Truth], firm: Firm, settings: Settings) -> Iterable[str]:
    """Count false alerts over the time in which clients were clients: who has gone raises none."""
    false = sum(not incident.is_open for incident in silences)
    ends = [_seconds(truth.gone_at) if truth.gone_at else firm.end.timestamp() for truth in truths]
    client_years = sum(end - firm.start.timestamp() for end in ends) / _YEAR_S
    budgets = [settings.segment_budgets.get(truth.segment, settings.false_alerts_per_client_year) for truth in truths]
    rate, allowed = false / max(client_years, 1 / 365), sum(budgets) / len(budgets)
    yield f"{rate:.2f} false alerts per client-year, {allowed:.3g} was allowed"
    yield f"  (after {false} of {len(silences)} alerts of silence the client came back, pauses and holidays included)"


def _departures(silences: Sequence[Incident], declines: Sequence[Incident], truths: Sequence[Truth]) -> Iterable[str]:
    lost = sum(truth.gone_at is not None for truth in truths)
    delays = _delays_days(silences, truths)
    half = f", half of them within {median(delays):.0f} days of the last contact" if delays else ""
    yield f"{len(delays)} of {lost} lost clients found{half}"
    fading = {truth.client_id for truth in truths if truth.outcome == "fades"}
    noticed = fading & {incident.last.client_id for incident in declines}
    yield f"{len(noticed)} of {len(fading)} fading clients found by the decline of a signal"


def _table(silent: Sequence[Incident], truths: Sequence[Truth]) -> Table:
    """Make a table of the silent clients of most value, apart by currency: amounts in two cannot be compared."""
    by_client = {truth.client_id: truth for truth in truths}
    by_currency: dict[str, list[Incident]] = defaultdict(list)
    for incident in sorted(silent, key=lambda incident: -by_client[incident.last.client_id].value_per_year):
        by_currency[by_client[incident.last.client_id].currency].append(incident)
    each_max = ROWS_MAX // max(len(by_currency), 1)
    table = Table(
        title=f"Silent now: {len(silent)} clients. Those of most value, up to {each_max} per currency:",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        show_edge=False,
    )
    for name in ("client", "segment", "last heard", "expected by"):
        table.add_column(name, no_wrap=True)
    for name in ("days", "a year", "gone?"):
        table.add_column(name, justify="right", no_wrap=True)
    for _, incidents in sorted(by_currency.items(), key=lambda each: -len(each[1])):
        for incident in incidents[:each_max]:
            table.add_row(*_row(incident.last, by_client[incident.last.client_id]))
        table.add_section()
    return table


def _row(data: AlertData, truth: Truth) -> tuple[str, ...]:
    return (
        data.client_id,
        data.segment,
        data.last_heard_at[:10],
        data.expected_next_at.p90[:10] if data.expected_next_at else "",
        f"{(time.time() - _seconds(data.last_heard_at)) / DAY_S:.0f}",
        f"{truth.value_per_year:,.0f} {truth.currency}",
        f"{data.probability_gone or 0:.0%}",
    )


def _delays_days(incidents: Sequence[Incident], truths: Sequence[Truth]) -> list[float]:
    """Return the days from the last contact to the first alert after it, for every lost client that was found."""
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
