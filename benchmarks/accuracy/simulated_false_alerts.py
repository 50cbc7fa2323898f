"""False alerts on clients whose gaps follow a known law, one a client-year promised; a third of them leave."""

import math
from collections.abc import Iterator

import numpy as np

from benchmarks.accuracy.logs import Row, judged
from detector.core.clock import DAY_S
from detector.simulate.gap_distributions import GAP_DISTRIBUTIONS, GapDistribution, draw_gaps

CLIENTS, DAYS, START_S = 600, 900, 1.5e9
IRREGULARITIES = (0.3, 0.5, 0.7, 1.0)
MEDIAN_GAP_DAYS, GAP_SCATTER = 12.0, 0.8  # of the clients' mean gaps, log-normal
LEAVING = 1 / 3


def contacts(law: GapDistribution, seed: int) -> list[bytes]:
    """Draw the contacts of all clients, in order of time."""
    rng = np.random.Generator(np.random.PCG64([seed, GAP_DISTRIBUTIONS.index(law)]))
    drawn: list[tuple[float, int]] = []
    for client in range(CLIENTS):
        mean_days = math.exp(rng.normal(math.log(MEDIAN_GAP_DAYS), GAP_SCATTER))
        gaps = draw_gaps(law, float(rng.choice(IRREGULARITIES)), int(DAYS / mean_days * 4) + 20, rng) * mean_days
        days = rng.uniform(0, mean_days) + np.cumsum(gaps)
        until = rng.uniform(0, DAYS) if rng.random() < LEAVING else DAYS
        drawn += [(START_S + day * DAY_S, client) for day in days[days < until].tolist()]
    return [
        b'{"event_id":"%d","client_id":"c%d","kind":"email","direction":"inbound","at":%.3f}' % (n, client, at_s)
        for n, (at_s, client) in enumerate(sorted(drawn))
    ]


def rows() -> Iterator[Row]:
    """Per law."""
    ratios = {law: judged([contacts(law, 1)], [1.0]).judged[0].calibration.overall for law in GAP_DISTRIBUTIONS}
    yield Row(
        f"the same on simulated clients ({CLIENTS} of each law, {DAYS} days, a third of them leaving)",
        ".6-1.4, each law",
        "; ".join(f"{law} {rate.realised_over_nominal:.2f}" for law, rate in ratios.items()),
        all(0.6 <= (rate.realised_over_nominal or 0) <= 1.4 for rate in ratios.values()),
    )
