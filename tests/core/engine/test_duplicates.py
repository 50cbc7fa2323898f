"""An event that comes again, by its id, among the last four interactions of its client."""

import pytest

from detector.core.engine.shard import Shard
from detector.core.layout import SEEN
from tests.builders import POLICY, data, interaction, known, run, weekly


@pytest.mark.parametrize("later", range(SEEN))
def test_an_event_repeated_among_the_last_four_counts_once(later):
    """What was read again teaches nothing and is told of in no alert's evidence; it is counted."""
    events = weekly(10)
    once, twice = Shard(POLICY), Shard(POLICY)
    run(once, events, 300)
    place = 5 + later
    told = data(run(twice, [*events[: place + 1], events[5], *events[place + 1 :]], 300))
    assert told[0]["evidence"]["last_interaction_ids"] == ["ann-49", "ann-56", "ann-63"]
    assert known(twice) == known(once)
    assert twice.counts["duplicates"] == 1
    assert twice.counts["late"] == 0


def test_an_event_repeated_after_four_others_is_late():
    """It is older than the last contact, so that it teaches nothing either."""
    shard, events = Shard(POLICY), weekly(10)
    run(shard, [*events, events[5]], 70)
    assert shard.counts["duplicates"] == 0
    assert shard.counts["late"] == 1
    assert shard.table.clients[0].contact.gaps == 9


@pytest.mark.parametrize("fields", [{"direction": "outbound"}, {"automated": True}, {"direction": "none"}])
def test_what_is_no_contact_is_recognised_too(fields):
    """Every interaction has an id, whoever acted."""
    shard = Shard(POLICY)
    event = interaction(1, **fields)
    run(shard, [event, event], 2)
    assert shard.counts["duplicates"] == 1


def test_the_same_id_of_two_clients_is_two_events():
    """A client's interactions are compared with its own."""
    shard = Shard(POLICY)
    run(shard, [interaction(1, "ann", event_id="e"), interaction(1, "bob", event_id="e")], 2)
    assert shard.counts["duplicates"] == 0
    assert shard.table.clients[1].contacts == 1


def test_an_event_is_recognised_over_a_restart():
    """What was seen is durable."""
    shard, restored = Shard(POLICY), Shard(POLICY)
    restored.restore(run(shard, weekly(4), 22).states)
    run(restored, weekly(4)[-1:], 23)
    assert restored.counts["duplicates"] == 1


def test_a_duplicate_does_not_move_the_client():
    """It carries no news: neither a segment nor an account."""
    shard = Shard(POLICY)
    event = interaction(1, segment="key", account_id="acme")
    run(shard, [event, interaction(2), event | {"segment": "small", "account_id": "bolt"}], 3)
    client = shard.table.clients[0]
    assert shard.table.segment_names[client.segment] == "key"
    assert shard.table.accounts[client.account] == "acme"
