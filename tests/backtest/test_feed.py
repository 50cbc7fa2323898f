"""A log on its way to the shards, and what is kept of it: counts, clients, contacts and order values."""

import base64
import json

import numpy as np
import pytest

from detector.core.engine.shard import Policy, Shard

START_S, DAY_S = 1_700_000_000.0, 86_400.0
SOURCES = ("emails", "orders")


def orders_apart(kind):
    """Give the source of a kind."""
    return "orders" if kind == "order" else "emails"


def line(event):
    """Give a line of a file."""
    return json.dumps(event).encode()


def enveloped(event):
    """Give the event as a CloudEvent, whose client nobody knows who does not read it."""
    data = base64.b64encode(line(event)).decode()
    return line({"specversion": "1.0", "id": event["event_id"], "source": "/crm", "type": "x", "data_base64": data})


def test_a_log_keeps_the_contacts_of_people_and_the_span_of_all_events(read, event):
    """What we sent, what a machine sent and what nobody did are no contacts, but the log lasts as long as they do."""
    log = read(
        [
            event("ann", 3, direction="none"),
            event("ann", 5),
            event("bob", 4, automated=True),
            event("bob", 6, direction="outbound"),
            event("ann", 7, automated="no"),
            event("bob", 9, direction="outbound", automated=True),
        ]
    ).log()

    assert log.clients == ["ann", "bob"]
    assert [(log.clients[c], (at - START_S) / DAY_S) for c, at in zip(log.client, log.at_s, strict=True)] == [
        ("ann", 5), ("ann", 7),
    ]  # fmt: skip
    assert ((log.start_s - START_S) / DAY_S, (log.end_s - START_S) / DAY_S) == (3, 9)
    assert log.counts == {"records": 6, "outbound": 2}


def test_order_values_are_what_clients_ordered_for(read, event):
    """To the last digit; what goes back counts against it, what we ordered or has no amount does not count."""
    log = read(
        [
            event("ann", 1),
            event("bob", 1, kind="order", amount=0.1),
            event("bob", 2, kind="order", amount=1e6, outcome="returned"),
            event("bob", 3, kind="order", amount=-0.3, automated=True),
            event("bob", 4, kind="order"),
            event("bob", 5, kind="order", amount=7, direction="outbound"),
            event("bob", 6, kind="payment", amount=7),
        ]
    ).log()

    assert log.order_value.tolist() == [0, 0.1 + 1e6 - 0.3]
    assert log.counts == {"records": 7, "outbound": 1, "orders": 4, "amounts": 3}


def test_what_cannot_be_read_is_counted_and_changes_nothing(read, event):
    """By reason; the events around it are read, and a line of nothing is no record."""
    shard, alone = Shard(Policy(("emails",))), Shard(Policy(("emails",)))
    good = [event("ann", 1), event("bob", 2, segment="näh"), event("ann", 3)]

    log = read(
        [
            b"?",
            good[0],
            b" ",
            event("ann", 9000),
            event("ann", -13_000),
            good[1],
            event("cy", 2, kind="sigh"),
            event("dee", 2, note="x" * 70_000),
            good[2],
        ],
        [shard],
    ).log()

    assert log.counts == {
        "records": 8, "rejected malformed_json": 1, "rejected time_out_of_range": 2, "rejected unknown_kind": 1,
        "rejected too_large": 1,
    }  # fmt: skip
    read(good, [alone])
    assert log.clients == ["ann", "bob"] == list(shard.table.names)
    assert list(shard.table.segment_names) == ["default", "näh"]
    assert shard.waiting("emails") == alone.waiting("emails") == 3


@pytest.mark.parametrize("written", [line, enveloped, lambda one: line({**one, "attributes": {"a": 1}})])
def test_records_come_to_their_source_and_shard_however_they_are_written(read, event, written):
    """Also if the client is seen only by whoever reads the whole record."""
    shards = [Shard(Policy(SOURCES)) for _ in range(3)]
    events = [event(f"client-{k % 9}", k, kind="order" if k % 4 == 0 else "email") for k in range(36)]

    log = read([written(one) for one in events], shards, orders_apart).log()

    assert sorted(log.clients) == [f"client-{k}" for k in range(9)]
    assert {name for shard in shards for name in shard.table.names} == set(log.clients)
    assert all(len(shard.table.names) > 0 for shard in shards)
    assert sum(shard.waiting("orders") for shard in shards) == 9
    assert sum(shard.waiting("emails") for shard in shards) == 27
    assert np.bincount(log.client).tolist() == [4] * 9


def test_a_record_without_an_id_is_given_one(read, event):
    """As `replay` does it, so that lines of JSON need none."""
    named = event("ann", 1)
    del named["event_id"]

    assert read([named]).log().counts == {"records": 1}


def test_clients_keep_their_numbers_when_more_are_met(read, event):
    """In a log that is read in several parts, by several shards."""
    shards = [Shard(Policy(SOURCES)) for _ in range(3)]
    events = [event(f"client-{k % 997:03d}", k / 100, amount=k, kind="order") for k in range(12_000)]

    log = read(events, shards, orders_apart).log()

    assert sorted(log.clients) == [f"client-{k:03d}" for k in range(997)]
    expected = [sum(range(int(client[-3:]), 12_000, 997)) for client in log.clients]
    assert log.order_value.tolist() == expected
    at_s = {client: log.at_s[log.client == number] for number, client in enumerate(log.clients)}
    assert at_s["client-123"].tolist() == [one["at"] for one in events if one["client_id"] == "client-123"]
