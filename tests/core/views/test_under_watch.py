"""What a shard counts of its clients for those who watch it."""

import pytest

from detector.core.clock import DAY_S
from detector.core.engine.shard import Policy, Shard
from detector.core.views.under_watch import CLIENT_STATES, OpenAlert, count_clients, values_at_stake, waiting_on_us

START_S = 1.5e9
NOW_S = START_S + 2000 * DAY_S


def counted(learning_gaps_min, *clients, until_day):
    """Count a shard whose clients (id, segment, days between contacts, contacts) came and were watched until a day."""
    shard = Shard(Policy(sources=("emails",), learning_gaps_min=learning_gaps_min))
    read = sorted(
        (
            {
                "event_id": f"{client}-{number}",
                "client_id": client,
                "kind": "email",
                "at": START_S + number * days * DAY_S,
                "direction": "inbound",
                "segment": segment,
            }
            for client, segment, days, contacts in clients
            for number in range(contacts)
        ),
        key=lambda interaction: interaction["at"],
    )
    shard.enqueue_interactions("emails", list(enumerate(read)), (), len(read) - 1, NOW_S)
    shard.advance(START_S + until_day * DAY_S)
    return count_clients(shard.table, learning_gaps_min)


def test_each_client_is_in_one_state():
    """Two contacts are too few to judge; a weekly client is active, or silent when it stopped long ago."""
    found = counted(0, ("new", "vip", 7, 2), ("here", "vip", 7, 43), ("gone", "retail", 7, 10), until_day=300)

    assert +found.clients == {"learning": 1, "active": 1, "silent": 1}
    assert found.clients.keys() <= set(CLIENT_STATES)
    assert found.opened == {OpenAlert("silence_exceeded", "contact", "critical", "retail"): 1}
    assert found.clients_under_watch == {"vip": 1}


def test_a_fresh_incident_is_a_warning():
    """It becomes critical when it escalates."""
    found = counted(0, ("gone", "retail", 7, 10), until_day=110)

    assert list(found.opened) == [OpenAlert("silence_exceeded", "contact", "warning", "retail")]


def test_held_incidents_are_silences_that_nobody_was_told_of():
    """While a segment learns, its clients are not watched and nothing of them is open."""
    found = counted(1000, ("gone", "retail", 7, 10), ("here", "retail", 7, 43), until_day=300)

    assert +found.clients == {"silent": 1, "active": 1}
    assert not found.opened
    assert not found.clients_under_watch


def test_an_empty_shard_counts_nothing():
    """Nothing was heard yet."""
    found = count_clients(Shard(Policy(sources=("emails",))).table, 0)

    assert not found.clients.total()
    assert not found.opened
    assert not found.clients_under_watch


def read_in(interactions, until_day):
    """Read interactions of a shard that holds nothing back; -> the shard at that day."""
    shard = Shard(Policy(sources=("emails",), learning_gaps_min=0))
    shard.enqueue_interactions("emails", list(enumerate(interactions)), (), len(interactions) - 1, NOW_S)
    shard.advance(START_S + until_day * DAY_S)
    return shard


def test_value_at_stake_is_what_silent_clients_order_in_a_year():
    """A client that ordered for 50 a week and is silent stands for a year of such orders; one that is here for none."""
    orders = [
        {
            "event_id": f"{client}{day}",
            "client_id": client,
            "kind": "order",
            "at": START_S + day * DAY_S,
            "amount": 50.0,
        }
        | {"direction": "inbound", "segment": segment}
        for day in range(0, 294, 7)
        for client, segment, to_day in (("gone", "retail", 70), ("here", "vip", 300))
        if day < to_day
    ]
    shard = read_in(orders, 300)

    assert values_at_stake(shard.table) == {"retail": pytest.approx(50 * 365.25 / 7, rel=1e-4)}
    assert count_clients(shard.table, 0).clients["silent"] == 1


def test_a_client_waits_for_us_when_we_take_longer_than_usual():
    """Twenty answers within hours are our habit; a message that waits for days is counted, a fresh one is not."""
    messages = []
    for day in range(30):
        for hours, direction in ((0, "inbound"), (3 + day % 3, "outbound")):
            messages.append(
                {"event_id": f"{day}{direction}", "client_id": "ann", "kind": "email", "direction": direction}
                | {"at": START_S + day * DAY_S + hours * 3600}
            )
    shard = read_in(messages[:-1], 29.1)

    assert waiting_on_us(shard.table, START_S + 29.1 * DAY_S) == 0
    assert waiting_on_us(shard.table, START_S + 33 * DAY_S) == 1
