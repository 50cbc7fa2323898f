"""What a shard counts of its clients for those who watch it."""

from detector.core.census import CLIENT_STATES, OpenAlert, census
from detector.core.shard import Policy, Shard

DAY_S = 86_400.0
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
    shard.take_in("emails", list(enumerate(read)), (), len(read) - 1, NOW_S)
    shard.advance({"emails": START_S + until_day * DAY_S})
    return census(shard.table, learning_gaps_min)


def test_each_client_is_in_one_state():
    """Two contacts are too few to judge; a weekly client is active, or silent when it stopped long ago."""
    found = counted(0, ("new", "vip", 7, 2), ("here", "vip", 7, 43), ("gone", "retail", 7, 10), until_day=300)

    assert +found.clients == {"learning": 1, "active": 1, "silent": 1}
    assert found.clients.keys() <= set(CLIENT_STATES)
    assert found.opened == {OpenAlert("silence_exceeded", "contact", "critical", "retail"): 1}
    assert found.watched == {"vip": 1}


def test_a_fresh_incident_is_a_warning():
    """It becomes critical when it escalates."""
    found = counted(0, ("gone", "retail", 7, 10), until_day=110)

    assert list(found.opened) == [OpenAlert("silence_exceeded", "contact", "warning", "retail")]


def test_held_incidents_are_silences_that_nobody_was_told_of():
    """While a segment learns, its clients are not watched and nothing of them is open."""
    found = counted(1000, ("gone", "retail", 7, 10), ("here", "retail", 7, 43), until_day=300)

    assert +found.clients == {"silent": 1, "active": 1}
    assert not found.opened
    assert not found.watched


def test_an_empty_shard_counts_nothing():
    """Nothing was heard yet."""
    found = census(Shard(Policy(sources=("emails",))).table, 0)

    assert not found.clients.total()
    assert not found.opened
    assert not found.watched
