"""The rehearsal meets whatever a shard can do, so that nothing is new afterwards."""

import json

from detector.core.engine.warmup import warm_up
from tests.contract import held


def test_all_that_can_happen_happens():
    """Each type of alert and each transition, silences of all kinds and a decline, and nothing is refused."""
    outcome = warm_up()

    told = [json.loads(value)["data"] for value in held(alert.value for alert in outcome.alerts)]
    assert {one["transition"] for one in told} == {"opened", "escalated", "resolved"}
    assert {one["signal"] for one in told} == {"contact", "orders", "reply_overdue", "order_value"}
    assert outcome.states
    assert outcome.rejected == []


def test_a_run_over_files_makes_nothing_durable():
    """Its shards keep no states, so it needs no kernel that writes or restores them; alerts are the same."""
    outcome = warm_up(durable=False)
    assert outcome.states == []
    assert [alert.value for alert in outcome.alerts] == [alert.value for alert in warm_up(files=False).alerts]
