"""Moments as they are stored: one record per client, gone when nothing is waited for, bounded, erasable."""

import numpy as np
import pytest

from detector.core.engine.shard import Shard
from detector.core.layout import LAYOUT, MOMENT
from detector.core.state.table import CLIENT_KEY, MOMENTS_KEY, OUTLOOK_KEY, RATE_KEY, UnknownLayoutError
from tests.builders import POLICY, interaction, known, run, weekly

ANN = MOMENTS_KEY + b"ann"


def silent(until_day=160):
    """Give a shard with a weekly client that fell silent, and all that it made durable."""
    shard = Shard(POLICY)
    return shard, dict(run(shard, weekly(10), until_day).states)


def test_a_moment_is_stored_with_its_client():
    """Opened and escalated: two moments of 74 bytes behind the version; what is learned has records of its own."""
    _, states = silent()
    assert states[ANN][0] == states[OUTLOOK_KEY + b"0"][0] == LAYOUT
    moments = np.frombuffer(states[ANN][1:], MOMENT)
    assert len(states[ANN]) == 1 + len(moments) * 74
    assert moments["number"].tolist() == [0, 1]


def test_what_is_over_is_erased_from_the_state():
    """Once the last stage is over the client has no record, and what was learned has changed."""
    shard, states = silent()
    later = dict(run(shard, [], 1000).states)
    assert later[ANN] is None
    assert later[OUTLOOK_KEY + b"0"] != states[OUTLOOK_KEY + b"0"]
    assert RATE_KEY + b"0" in later
    assert run(shard, [], 1001).states == run(shard, [], 1001).states


def test_what_does_not_change_is_not_written_again():
    """A quiet day writes nothing of it."""
    shard, _ = silent()
    assert not {key for key, _ in run(shard, [interaction(160.5, "bob")], 161).states} & {ANN, OUTLOOK_KEY + b"0"}


@pytest.mark.parametrize("day", [71, 90, 100, 150, 200, 400])
def test_a_shard_goes_on_where_it_was(day):
    """Restored at any day, it says and learns the same as one that never stopped."""
    shard, states = silent(70)
    states |= dict(run(shard, [], day).states)
    restarted = Shard(POLICY)
    restarted.restore(states.items())
    back = [interaction(500 + 7 * week) for week in range(9)]
    assert run(restarted, back, 900).alerts == run(shard, back, 900).alerts
    assert known(restarted) == known(shard)


def test_an_erased_client_leaves_no_moment():
    """By a tombstone of its row alone, as a former version writes it, or of both records in any order."""
    shard, states = silent()
    for tombstones in ([CLIENT_KEY + b"ann"], [ANN, CLIENT_KEY + b"ann"], [CLIENT_KEY + b"ann", ANN]):
        restarted = Shard(POLICY)
        restarted.restore([*states.items(), *((key, None) for key in tombstones)])
        assert restarted.table.moments.count == 0
        assert list(restarted.outlooks(restarted.clock_s)) == []
        run(restarted, [interaction(161, "bob")], 1000)
    restarted = Shard(POLICY)
    restarted.restore([(key, value) for key, value in states.items() if key != CLIENT_KEY + b"ann"])
    assert restarted.table.moments.count == 0
    assert shard.table.moments.count == 2


@pytest.mark.parametrize("key", [ANN, OUTLOOK_KEY + b"0", RATE_KEY + b"0"])
def test_a_damaged_record_stops_the_restore(key):
    """It names the kind."""
    shard, states = silent()
    states |= dict(run(shard, [], 180).states)
    with pytest.raises(UnknownLayoutError, match=f"a stored {key.partition(bytes(1))[0].decode()} record is damaged"):
        Shard(POLICY).restore([(key, states[key][:-1])])
