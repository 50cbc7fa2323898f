"""Effects: in one order, and as many as there are."""

from detector.core.alerts.alert import in_order
from detector.core.engine.shard import Shard
from detector.core.incidents.outbox import EFFECTS_AT_ONCE
from tests.builders import POLICY, data, day_of, interaction, run

CLIENTS = 2000


def test_more_clients_fall_silent_and_come_back_at_once_than_effects_fit():
    """A sweep and a batch stop when there is no room and go on: each client's three alerts come once, in order."""
    assert CLIENTS > EFFECTS_AT_ONCE
    names = [f"client-{k}" for k in range(CLIENTS)]
    shard = Shard(POLICY)
    run(shard, [interaction(7 * week, name) for week in range(5) for name in names], 29)
    silent = run(shard, [], 300)
    assert shard.counts["open"] == CLIENTS
    back = run(shard, [interaction(300.5, name) for name in names], 301)
    assert [len(silent.alerts), len(back.alerts)] == [2 * CLIENTS, CLIENTS]
    told = [*silent.alerts, *back.alerts]
    assert told == sorted(told, key=in_order)
    assert len({alert.value for alert in told}) == len(told)
    assert {alert.key.decode() for alert in back.alerts} == set(names)
    assert {key for key, _ in silent.states} >= {b"client\0" + name.encode() for name in names}
    assert shard.counts["open"] == 0


def test_each_alert_has_the_ids_known_at_its_moment():
    """Of a batch with silences and returns in it, every alert names the contacts before it, and none after it."""
    days = [0, 7, 14, 21, 28, 150, 157, 164, 171, 400]
    told = data(run(Shard(POLICY), [interaction(day) for day in days], 700))
    for one in told:
        if one["type"] == "silence_exceeded":
            before = [day for day in days if day <= day_of(one["last_heard_at"])]
            assert one["evidence"]["last_interaction_ids"] == [f"ann-{day}" for day in before[-3:]]
    assert [one["transition"] for one in told] == [*("opened", "escalated", "resolved") * 2, "opened", "escalated"]
