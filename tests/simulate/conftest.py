"""One simulated firm that several tests look at."""

import pytest

from detector.simulate import Firm, simulate


@pytest.fixture(scope="session")
def firm():
    """A firm with enough clients of every fate to count them."""
    return Firm(clients=500, seed=7)


@pytest.fixture(scope="session")
def simulation(firm):
    """What happens in it."""
    return simulate(firm)


@pytest.fixture(scope="session")
def acts(simulation):
    """What each client did itself: its inbound events, without those that machines sent."""
    by_client = {truth.client_id: [] for truth in simulation.truths}
    for event in simulation.events:
        if event["direction"] == "inbound" and "automated" not in event:
            by_client[event["client_id"]].append(event)
    return by_client


@pytest.fixture(scope="session")
def truths(simulation):
    """The truths by fate."""
    by_fate = {}
    for truth in simulation.truths:
        by_fate.setdefault(truth.fate, []).append(truth)
    return by_fate
