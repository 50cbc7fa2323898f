"""Chances of a return against what came true: Brier score, skill against a constant, and reliability.

Prequential, opened and escalated together, one shard that begins with nothing, one false alert a client-year promised.
An alert is judged where the log shows the end of its days. Skill is that against the share so far, which a constant can
say. Reliability: said / true, of the alerts that said less than .3, .3 to .7, and more.

The simulated firms have loyalty: clients are the likelier to stay the longer they stayed, as real ones.
"""

import json
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.accuracy.cdnow import purchases
from benchmarks.accuracy.logs import Row, judged, retail
from detector.backtest.outlook import Bin, Reliability
from detector.files.files import read_batches
from detector.simulate import Firm, simulate

CLIENTS, DAYS, LOYALTY, SEEDS = 600, 1460, 0.5, (1, 2, 3)
RETAIL_GOALS = (0.2066, 0.2233, 0.1688)


def _cdnow() -> list[bytes]:
    """The purchases as orders; one that repeats a day of its customer is part of the same contact."""
    return [
        b'{"event_id":"%d","client_id":"c%d","kind":"order","direction":"inbound","at":%.0f}' % (n, client, at_s)
        for n, (client, at_s) in enumerate(zip(*(column.tolist() for column in purchases()), strict=True))
    ]


def _simulated(seed: int) -> list[bytes]:
    events = simulate(Firm(clients=CLIENTS, days=DAYS, loyalty=LOYALTY, seed=seed)).events
    return [json.dumps(event).encode() for event in events]


def rows() -> Iterator[Row]:
    """Per log and seed."""
    yield _row("online_retail_ii", read_batches([str(retail())]), RETAIL_GOALS)
    yield _row("CDNOW", [_cdnow()])
    for seed in SEEDS:
        yield _row(
            f"simulated firm, {CLIENTS} clients, {DAYS} days, loyalty {LOYALTY:g}, seed {seed}", [_simulated(seed)]
        )


def _row(log: str, batches: Iterable[Sequence[bytes]], goals: Sequence[float] = ()) -> Row:
    horizons = judged(batches, [1.0]).judged[0].reliability
    reached = all((one.skill or 0.0) > 0 for one in horizons)
    goal = "skill above 0"
    if goals:
        goal += ", Brier <= " + " / ".join(f"{limit:.4f}" for limit in goals)
        reached &= all((one.brier or 1.0) <= limit for one, limit in zip(horizons, goals, strict=True))
    return Row(
        f"outlook: Brier, skill and said / true of no contact in 30 days / 90 days / gone, {log}",
        goal,
        "; ".join(map(_horizon, horizons)),
        reached,
    )


def _horizon(one: Reliability) -> str:
    if one.brier is None:
        return f"{one.horizon}: nothing to judge"
    thirds = one.bins[:3], one.bins[3:7], one.bins[7:]
    return (
        f"{one.horizon}: {one.brier:.4f}, {one.skill:+.3f}, {one.said:.2f} / {one.true:.2f}"
        f" ({', '.join(_told(third) for third in thirds)}; {one.alerts:,} alerts)"
    )


def _told(bins: Sequence[Bin]) -> str:
    """Said / true of the alerts of several bins."""
    alerts = sum(one.alerts for one in bins)
    if not alerts:
        return "-"
    said, true = (
        sum(getattr(one, name) * one.alerts for one in bins if one.alerts) / alerts for name in ("said", "true")
    )
    return f"{said:.2f} / {true:.2f}"
