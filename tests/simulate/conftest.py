"""One simulated firm that several tests look at."""

import pytest

from detector.simulate import Firm, simulate


@pytest.fixture(scope="session")
def firm():
    """A firm with enough clients of every outcome to count them."""
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
    """The truths by outcome."""
    by_outcome = {}
    for truth in simulation.truths:
        by_outcome.setdefault(truth.outcome, []).append(truth)
    return by_outcome
