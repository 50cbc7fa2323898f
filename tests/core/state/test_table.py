"""The durable form of a client: how large it is, and that it comes back whole."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.core.engine.shard import Shard
from detector.core.incidents.outbox import TREND_NUMBERS
from detector.core.layout import CLIENT, SEGMENT, SIGNALS, TREND, new_clients
from detector.core.state.codec import decode_clients, encode_clients
from detector.core.state.table import CLIENT_KEY
from detector.estimators import client_of
from detector.simulate import Firm, simulate
from schemas.interaction import INTERACTION
from tests.builders import NOW_S, POLICY, data, interaction, known, run, weekly

RICH = {"length": 100, "sentiment": 0.5, "substantive": True}


def record_of(states, client_id="ann"):
    """Give the durable record of a client."""
    return dict(states)[CLIENT_KEY + client_id.encode()]


def size_of_ids(shard, row=0):
    """Say how many bytes the ids of a client's last contacts take: each its own, and two for how many these are."""
    return sum(2 + len(one.encode()) for one in shard.table.recent_ids(row))


def test_the_size_of_a_row_is_what_is_stated():
    """What a client and each of its signals take; a million clients are held by these numbers."""
    assert CLIENT.itemsize == 176
    assert TREND.itemsize == 44
    assert SEGMENT.itemsize < 20_000


def test_a_client_takes_the_room_of_what_it_has():
    """A client of two mails takes 96 bytes, its ids apart; each further signal takes 23."""
    shard = Shard(POLICY)
    plain = record_of(run(shard, [interaction(0), interaction(7)], 8).states)
    assert len(plain) - size_of_ids(shard) == 96
    rich = record_of(run(shard, [interaction(14, **RICH)], 15).states)
    assert len(rich) - size_of_ids(shard) == 96 + 3 * 23


def test_the_clients_of_a_simulated_firm_take_the_room_of_their_signals():
    """Nobody takes more than all of a row and three ids, and most take far less."""
    events, truths = simulate(Firm(clients=20, days=180))
    shard = Shard(POLICY)
    read = [(offset, INTERACTION.validate_python(event)) for offset, event in enumerate(events)]
    shard.enqueue_interactions("emails", read, [], len(read) - 1, NOW_S + 1e9)
    states = dict(shard.advance(NOW_S + 1e9).states)
    ids = {name: size_of_ids(shard, row) for row, name in enumerate(shard.table.names)}
    sizes = [
        len(value) - ids[key.removeprefix(CLIENT_KEY).decode()]
        for key, value in states.items()
        if key.startswith(CLIENT_KEY)
    ]
    assert len(sizes) == len(truths)
    assert max(sizes) < CLIENT.itemsize + SIGNALS * (TREND.itemsize + 2)
    assert np.mean(sizes) < 400


def table_of(clients, trends):
    """Build what kernels see of a table with these clients, each with these trends: a dictionary by signal."""
    numbers = np.zeros(len(clients), TREND_NUMBERS)
    rows = [np.zeros(1, TREND)]
    for client, by_signal in enumerate(trends):
        for signal, trend in by_signal.items():
            numbers["of"][client, signal] = len(rows)
            rows.append(trend)
    return clients, np.concatenate(rows), numbers.view(np.recarray), np.arange(len(clients))


def drawn(data, dtype):
    """Draw one record, of any bytes."""
    return np.frombuffer(data.draw(st.binary(min_size=dtype.itemsize, max_size=dtype.itemsize)), dtype)


@given(st.data())
def test_a_client_comes_back_whatever_is_in_it(data):
    """A client and its trends are the same again, alone and among others, and what follows them is left."""
    clients = np.concatenate([drawn(data, CLIENT) for _ in range(data.draw(st.integers(1, 3)))])
    trends = []
    for _ in clients:
        by_signal = {signal: drawn(data, TREND).copy() for signal in data.draw(st.sets(st.integers(0, SIGNALS - 1)))}
        for signal, trend in by_signal.items():
            trend["signal"] = signal
        trends.append(by_signal)
    stored = encode_clients(*table_of(clients, trends))
    decoded = decode_clients([value + b"more" for value in stored])
    assert decoded.clients.tobytes() == clients.tobytes()
    kept = [(owner, trend.tobytes()) for owner, trend in zip(decoded.owners, decoded.trends, strict=True)]
    assert kept == [(k, by[signal].tobytes()) for k, by in enumerate(trends) for signal in sorted(by)]
    assert decoded.ids == [b"more"] * len(clients)


def test_what_is_as_in_a_new_client_takes_no_room():
    """Somebody of whom nothing is known takes the flags and a count of no trends."""
    (stored,) = encode_clients(*table_of(new_clients(1), [{}]))
    assert len(stored) < 10
    assert decode_clients([stored]).clients.tobytes() == new_clients(1).tobytes()


def test_a_signal_more_changes_nothing_in_what_is_stored_of_others():
    """A client's stored form names its signals; those that it does not have take no byte."""
    trend = np.zeros(1, TREND)
    trend["signal"], trend["count"] = SIGNALS - 1, 1
    without, last = encode_clients(*table_of(new_clients(2), [{}, {SIGNALS - 1: trend}]))
    assert last.startswith(without[:-1] + bytes([1, SIGNALS - 1]))


@pytest.mark.parametrize("left", [-1, *range(1, 45, 4)])
def test_a_client_that_was_cut_off_is_refused(left):
    """Nothing is taken for what is missing: in its record, in a trend, in their flags, or between them."""
    client, trend = new_clients(1), np.zeros(1, TREND)
    client["seen"], client["awaiting_reply_s"] = 7, 8
    trend["count"], trend["since_s"] = 1, 2
    (stored,) = encode_clients(*table_of(client, [{0: trend}]))
    with pytest.raises(ValueError, match="fewer bytes"):
        decode_clients([stored[:left]])


def test_a_signal_that_is_not_known_is_refused():
    """A later version may have signals that this one does not: it cannot go on from their state."""
    trend = np.zeros(1, TREND)
    trend["count"] = 1
    (stored,) = encode_clients(*table_of(new_clients(1), [{0: trend}]))
    (without,) = encode_clients(*table_of(new_clients(1), [{}]))
    at = len(without)
    assert stored[at] == 0
    with pytest.raises(ValueError, match="not known here"):
        decode_clients([stored[:at] + bytes([SIGNALS]) + stored[at + 1 :]])


@pytest.mark.parametrize("backwards", [False, True])
def test_trends_come_back_whoever_had_them_first(backwards):
    """Numbers of trends are given anew; each client has its own again, and goes on with it."""
    shard, restored = Shard(POLICY), Shard(POLICY)
    states = {}
    for week in range(12):
        some = [
            interaction(7 * week, "ann", **(RICH if week > 3 else {})),
            interaction(7 * week + 0.1, "bob", kind="order", amount=90.0 + week),
            interaction(7 * week + 0.2, "cyd", kind="meeting", outcome="held"),
        ]
        states |= run(shard, some, 7 * week + 1).states
    restored.restore(sorted(states.items(), reverse=backwards))
    assert known(restored) == known(shard)
    worse = [interaction(90 + 7 * k, "bob", kind="order", amount=5.0) for k in range(8)]
    told = data(run(restored, worse, 150))
    assert "order_value" in {one["signal"] for one in told}
    assert told == data(run(shard, worse, 150))


def test_a_later_record_replaces_an_earlier_one():
    """A topic that is not compacted yet has both; the client's trends are not doubled."""
    shard, restored = Shard(POLICY), Shard(POLICY)
    records = []
    for week in range(12):
        records += run(shard, [interaction(7 * week, **(RICH if week > 3 else {}))], 7 * week + 1).states
    restored.restore(records)
    assert known(restored) == known(shard)
    assert restored.table.trends_used[0] == shard.table.trends_used[0]


def test_open_declines_are_counted_after_a_restart():
    """As open silences are."""
    shard, restored = Shard(POLICY), Shard(POLICY)
    values = [100.0, 110.0, 90.0] * 6 + [20.0] * 8
    orders = [interaction(7 * week, kind="order", amount=value) for week, value in enumerate(values)]
    restored.restore(run(shard, orders, 7 * len(values) - 6).states)
    assert restored.counts["open"] == shard.counts["open"] == 1


@pytest.mark.parametrize("at_once", [True, False])
def test_an_erased_client_is_not_restored(at_once):
    """A tombstone after a client's record, fetched with it or later, leaves nothing of it; others are as they were."""
    shard, restored = Shard(POLICY), Shard(POLICY)
    records = list(run(shard, [*weekly(5), interaction(29, "bob")], 30).states)
    tombstones = [(CLIENT_KEY + b"ann", None), (CLIENT_KEY + b"nobody", None), (b"probe\0", None)]
    for fetched in [records + tombstones] if at_once else [records, tombstones]:
        restored.load(fetched)
    restored.restore(())
    assert "ann" not in restored.table.names
    assert b"ann-" not in restored.table.recent.kept.text.tobytes()
    assert restored.table.clients[restored.table.row("bob")].contacts == 1
    assert [json.loads(line)["client_id"] for line in restored.outlooks(NOW_S)] == ["bob"]
    run(restored, [interaction(31)], 32)
    assert client_of(restored, "ann").contact.gaps == 0
    assert [json.loads(line)["client_id"] for line in restored.outlooks(NOW_S)] == ["bob", "ann"]
