"""Lets the kernels be compiled, or loaded, before anybody waits for an answer of ours.

The first time it takes ten seconds or more. In the middle of work that would be too long for a group that waits for
heartbeats, and for a watchdog.
"""

from detector.core.clock import DAY_S
from detector.core.intake import Intake
from detector.core.reading import Records
from detector.core.shard import Policy, Shard

_SOURCE = "any"
_AT_S = 1.5e9


_VALUE = b'{"event_id": "e", "client_id": "c", "kind": "email", "direction": "inbound", "at": 1500000000}'


def warm_up() -> int:
    """Let a shard of nobody's read one record, pass a midnight and come back; -> how many interactions it applied.

    >>> warm_up()
    1
    """
    shard = Shard(Policy(sources=(_SOURCE,)))
    Intake(shard, {_SOURCE: _SOURCE}, 0, 1).take_in(_SOURCE, Records([0], [None], [_VALUE], [()]), _AT_S)
    outcome = shard.advance({_SOURCE: _AT_S + 2 * DAY_S})
    Shard(shard.policy).restore(outcome.states)
    return shard.counts["applied"]
