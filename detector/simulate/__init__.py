"""A simulated firm: its clients' interactions, and apart from them the truth about who left, when and how.

It feeds the demo and the tests, which can only be judged because here the truth is known. What is drawn from what
is told in ``docs/simulation.md``. Nothing here knows the detector: a simulation that shared its assumptions would
flatter it.

An event passes the files in this order: `firm` (the parameters), `client` (who the client is), `fate` (what becomes
of it), `laws` (when it makes contact), `correspondence` and `trade` (what happens at a contact), `diary` (the event).
"""

from detector.simulate.firm import SOURCES, Firm, Mix, Outage
from detector.simulate.laws import LAWS, Law
from detector.simulate.simulation import Simulation, Truth, simulate, write_events, write_truth

__all__ = [
    "LAWS",
    "SOURCES",
    "Firm",
    "Law",
    "Mix",
    "Outage",
    "Simulation",
    "Truth",
    "simulate",
    "write_events",
    "write_truth",
]
