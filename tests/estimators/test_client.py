"""What a shard gives back of a client: its estimators, as copies."""

import json
import math
import pickle

import pytest

from detector.core.engine.shard import Policy, Shard
from detector.estimators import UnknownClientError, client_of

DAY_S, START_S = 86_400.0, 1.5e9
POLICY = Policy(sources=("emails",), learning_gaps_min=0)


def message(day, **fields):
    """Build an interaction of one client."""
    given = {"event_id": f"{day}-{fields}", "client_id": "ann", "kind": "email", "direction": "inbound"}
    return {**given, "at": START_S + day * DAY_S, **fields}


def shard_of(interactions):
    """Let a shard apply interactions, up to the last of them."""
    shard = Shard(POLICY)
    shard.enqueue_interactions("emails", list(enumerate(interactions)), [], len(interactions) - 1, START_S + 1e9)
    shard.advance(math.nextafter(interactions[-1]["at"], math.inf))
    return shard


def test_a_client_is_a_copy():
    """Reading and teaching it changes nothing in the shard; its components share the segment among themselves."""
    shard = shard_of([message(day) for day in range(0, 70, 7)])
    before = pickle.dumps(shard)
    client = client_of(shard, "ann")
    assert client.segment_name == "default"
    assert client.contact.segment is client.orders.segment is client.replies.segment is client.segment
    client.contact.probability_gone(START_S + 100 * DAY_S)
    client.trends["contact_rate"].score_one({"at": START_S + 80 * DAY_S, "value": 17.0})
    assert pickle.dumps(shard) == before
    for week in range(10, 40):
        client.contact.learn_one({"at": START_S + 7 * week * DAY_S})
        client.trends["contact_rate"].learn_one({"at": START_S + 7 * week * DAY_S, "value": 7.0})
        client.replies.learn_one(message(7 * week, direction="outbound"))
    assert client.segment.completed_gaps == 6 + 30 - 1
    assert pickle.dumps(shard) == before


def test_an_open_silence_keeps_its_deadline():
    """The deadline is the one that was passed: the alert's."""
    shard = shard_of([message(day) for day in range(0, 70, 7)])
    (opened,) = shard.advance(START_S + 110 * DAY_S).alerts
    assert client_of(shard, "ann").contact.deadline_s == opened.opened_s
    told = json.loads(opened.value)["data"]
    assert round(client_of(shard, "ann").contact.percentile(opened.opened_s), 6) == told["silence_percentile"]
    assert round(client_of(shard, "ann").contact.probability_gone(opened.opened_s), 6) == told["probability_gone"]


def test_an_unknown_client_is_an_error_that_says_why():
    """It is a KeyError, and does not repeat the client's name, which may end up in a log."""
    with pytest.raises(UnknownClientError, match="may belong to another partition") as error:
        client_of(shard_of([message(0)]), "bob")
    assert isinstance(error.value, KeyError)
    assert "bob" not in str(error.value)
