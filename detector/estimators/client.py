"""All estimators of one client of a shard, as copies."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from detector.core.engine.shard import Shard
from detector.core.incidents.transitions import decline_budget
from detector.core.layout import Records
from detector.core.signals import SIGNAL_NUMBER
from detector.estimators.outlook import Outlook
from detector.estimators.replies import Replies
from detector.estimators.rhythm import Rhythm
from detector.estimators.segment import Segment
from detector.estimators.trend import Trend
from schemas.incident import Signal

_HOURS_PER_DAY = 24


@dataclass(frozen=True)
class Client:
    """What a shard knows of a client, as River components.

    Parameters
    ----------
    client_id
        The client.
    segment_name, segment
        The clients that it is compared with; the components below share it.
    contact, orders, replies
        Its rhythms. An escalated or open silence keeps the deadline by which it was opened.
    trends
        Its signals that can decline; only those that it has. That of the reply latency is also `replies.trend`.
    """

    client_id: str
    segment_name: str
    segment: Segment
    contact: Rhythm
    orders: Rhythm
    replies: Replies
    trends: Mapping[Signal, Trend]


class UnknownClientError(KeyError):
    """Nothing was read of this client."""

    def __str__(self) -> str:
        return "this shard has read nothing of this client: it may belong to another partition"


def client_of(shard: Shard, client_id: str) -> Client:
    """Return what a shard knows of a client: copies, which can be read and taught apart from the shard.

    Raises
    ------
    UnknownClientError
        If nothing was read of the client.
    """
    table, rules, refit_s = shard.table, shard.rules, shard.refit_s
    if client_id not in table.names:
        raise UnknownClientError
    row = table.row(client_id)
    number = int(table.clients.segment[row])
    common = _copy(table.segments, number)
    segment = Segment(float(common.contact["budget"][0]), float(common.reply["budget"][0]))
    name = str(table.segment_names[number])
    outlook, rates = Outlook(), table.moments.waiting.rates
    outlook.resume(table.moments.posterior.copy(), {name: _copy(rates, number)})
    segment.resume(name, common, outlook, refit_s)
    hours = rules.session_days * _HOURS_PER_DAY
    contact, orders, replies = Rhythm(segment, "contact", hours), Rhythm(segment, "orders", hours), Replies(segment)
    for silence in (contact, orders, replies):
        silence.resume(_copy(table.clients, row))
    budget = decline_budget(table.trend_numbers()[row], rules.decline_budget)
    trends = {name: Trend(name, budget) for name in SIGNAL_NUMBER if table.trend_of[row, SIGNAL_NUMBER[name]] > 0}
    for name, trend in trends.items():
        trend.resume(_copy(table.trends, int(table.trend_of[row, SIGNAL_NUMBER[name]])))
    replies.trend = trends.get("reply_latency", replies.trend)
    return Client(table.names[row], table.segment_names[number], segment, contact, orders, replies, trends)


def _copy(rows: Records, k: int) -> Records:
    """A row alone."""
    return rows[k : k + 1].copy().view(np.recarray)
