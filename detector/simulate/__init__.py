"""A simulated firm: its clients' interactions, and apart from them the truth about who left, when and how.

It feeds the demo and the tests, which can only be judged because here the truth is known. ``docs/simulation.md``
describes what is drawn from what. Nothing here knows the detector: a simulation that shared its assumptions would
flatter it.

An event passes the files in this order: `firm` (the parameters), `client` (who the client is), `outcome` (what becomes
of it), `gap_distributions` (when it makes contact), `correspondence` and `trade` (what happens at a contact),
`event_log` (the event). `scenario` holds one client's part of all of them, `simulation` runs through all clients.
"""

from detector.simulate.firm import FADING_SIGNALS, SOURCES, Firm, Mix, Outage
from detector.simulate.gap_distributions import GAP_DISTRIBUTIONS, GapDistribution
from detector.simulate.simulation import Simulation, Truth, simulate, write_events, write_truth

__all__ = [
    "FADING_SIGNALS",
    "GAP_DISTRIBUTIONS",
    "SOURCES",
    "Firm",
    "GapDistribution",
    "Mix",
    "Outage",
    "Simulation",
    "Truth",
    "simulate",
    "write_events",
    "write_truth",
]
