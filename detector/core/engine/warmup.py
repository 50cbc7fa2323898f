"""Sends a small history through shards that are thrown away: it calls every kernel, so that all of them are compiled.

Numba compiles a function where it is first called, up to a minute for all, or loads what it compiled once. A process
that cannot stop in the middle of its work warms up before.
"""

import json
from collections.abc import Iterator
from typing import Final

from detector.core.clock import DAY_S
from detector.core.engine.intake import Intake
from detector.core.engine.shard import Outcome, Policy, Shard
from detector.core.wire.records import RecordColumns
from detector.core.wire.routing import addresses_of

_SOURCE: Final = "rehearsal"
_CLIENT: Final = "a client"
_POLICY = Policy(sources=(_SOURCE,), learning_gaps_min=0)
_NOT_PLAIN: Final = {"thread_id": "t", "in_reply_to": "e", "account_id": "a", "segment": "s", "attributes": {"a": "b"}}
_ID_SIZE = 200
_START_S = 1e9
_WEEKS, _RETURNS_WEEK, _END_WEEK = 20, 80, 120


def warm_up(*, files: bool = True, durable: bool = True) -> Outcome:
    """Run a client that comes, fades, falls silent and returns; -> the outcome.

    Parameters
    ----------
    files
        Whether to call also the kernels that only a run over files needs.
    durable
        Whether to call also the kernels that write and restore states; a run over files needs none of them.
    """
    shard, end_s = Shard(_POLICY, keeps_states=durable), _at_s(_END_WEEK)
    values = list(_history())
    if files:
        addresses_of(values, 1)
    records = RecordColumns(range(len(values)), [_CLIENT.encode()] * len(values), values, [()] * len(values))
    Intake(shard, {_SOURCE: _SOURCE}, 0, 1).read(_SOURCE, records, end_s)
    outcome = shard.advance(end_s)
    if durable:
        restored = Shard(_POLICY)
        restored.restore(outcome.states)
    if files:
        list(shard.outlooks(end_s))
    return outcome


def _history() -> Iterator[bytes]:
    """An email of ours, a reply and an ever smaller order each week; then one email of each side, far apart."""
    for week in range(_WEEKS):
        yield _value(week, "email", "outbound")
        yield _value(week + 0.1, "email", "inbound")
        yield _value(week + 0.2, "order", "inbound", amount=1000.0 / 2**week)
    yield _value(_WEEKS, "email", "outbound")
    yield _value(_RETURNS_WEEK, "email", "inbound", **_NOT_PLAIN)
    yield _value(_RETURNS_WEEK + 0.1, "order", "inbound", amount=1.0, currency="EUR", **_NOT_PLAIN)


def _value(week: float, kind: str, direction: str, **more: object) -> bytes:
    event_id = f"{kind} {week}".rjust(_ID_SIZE)  # so long that there is more to keep than there is room for
    interaction = {"event_id": event_id, "client_id": _CLIENT, "kind": kind, "direction": direction}
    return json.dumps({**interaction, "at": _at_s(week), **more}).encode()


def _at_s(week: float) -> float:
    return _START_S + week * 7 * DAY_S
