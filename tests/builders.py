"""What tests build and read again: interactions, histories of clients, and a shard that they are run through."""

import json
from datetime import datetime

import numpy as np

from detector.core.clock import DAY_S
from detector.core.engine.shard import Policy
from detector.core.layout import MOMENT, SILENCES
from tests.contract import held

START_S = 1.5e9
NOW_S = START_S + 2000 * DAY_S
SOURCES = ("emails", "orders")
POLICY = Policy(sources=SOURCES, learning_gaps_min=0)


def interaction(day, client_id="ann", **fields):
    """Build an inbound e-mail at a day after the start."""
    return {
        "event_id": f"{client_id}-{day}",
        "client_id": client_id,
        "kind": "email",
        "at": START_S + day * DAY_S,
        "direction": "inbound",
        **fields,
    }


def run(shard, interactions, until_day, source="emails", rejected=()):
    """Hand interactions to one source and advance; -> the outcome."""
    first = shard.read_to(source) + 1
    read = list(enumerate(interactions, first))
    shard.enqueue_interactions(source, read, rejected, first + len(read) + len(rejected) - 1, NOW_S)
    return shard.advance(START_S + until_day * DAY_S)


def data(outcome):
    """Read the alerts of an outcome, each held to its contract."""
    return [json.loads(value)["data"] for value in held(alert.value for alert in outcome.alerts)]


def weekly(weeks, client_id="ann", **fields):
    """Build one contact a week."""
    return [interaction(7 * week, client_id, **fields) for week in range(weeks)]


def by_time(*parts):
    """Put interactions of several kinds in the order of their time."""
    return sorted((one for part in parts for one in part), key=lambda one: one["at"])


def day_of(text):
    """Say how many days after the start an instant of an alert is."""
    return (datetime.fromisoformat(text).timestamp() - START_S) / DAY_S


def read_all(shard, events):
    """Let all events wait in their sources."""
    for source, interactions in events.items():
        first = shard.read_to(source) + 1
        new = list(enumerate(interactions))[first:]
        shard.enqueue_interactions(source, new, [], first + len(new) - 1, NOW_S)


def known(shard):
    """Say what a shard knows, without the numbers that depend on who came first."""
    table = shard.table
    clients = {name: _known_client(table, row) for row, name in enumerate(table.names) if table.clients[row].seen[0]}
    return {**clients, "": _known_outlook(table)}


def _known_outlook(table):
    """Say what was learned of returns, and of whom outcomes are waited for; segments by name."""
    moments = table.moments
    moments.reserve(0, len(table.names))
    rates = moments.waiting.rates
    values = moments.encode(np.arange(len(table.names)))
    waiting = {name: np.frombuffer(value, MOMENT).copy() for name, value in zip(table.names, values, strict=True)}
    found = {}
    for name, known in waiting.items():
        segments = [table.segment_names[number] for number in known["segment"]]
        known["segment"] = 0
        if len(known):
            found[name] = segments, known.tobytes()
    return {
        "posterior": moments.posterior.tobytes(),
        "rates": {name: rates[number].tobytes() for number, name in enumerate(table.segment_names)},
        "waiting": found,
    }


def _known_client(table, row):
    client = table.clients[row]
    return {
        **{silence: client[silence].tobytes() for silence in SILENCES},
        **{
            field: client[field].tolist()
            for field in ("contacts", "thread", "awaiting_reply_s", "channels_s", "seen", "seen_next")
        },
        "trends": table.trends[table.trend_of[row][table.trend_of[row] > 0]].tobytes(),
        "channels": [table.channels[number] for number in client.channels],
        "account": table.accounts[client.account],
        "recent": table.recent_ids(row),
        "segment": table.segment_names[client.segment],
        "segment_knows": table.segments[client.segment].tobytes(),
    }
