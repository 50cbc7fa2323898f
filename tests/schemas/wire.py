"""Interactions as producers send them (Hypothesis), and what they mean, said the slow way."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

from hypothesis import strategies as st

from schemas.ids import normal_client_id
from schemas.interaction import AutoSubmitted, Direction, Kind, Outcome
from schemas.times import AHEAD_MAX_S, AT_MIN_S

NOW_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()

names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=32)
client_ids = names.filter(lambda name: normal_client_id(name) != "")
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
numbers = st.floats(-1e15, 1e15) | st.integers(-(10**15), 10**15)
offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
datetimes = st.datetimes(datetime(1990, 1, 3), datetime(2025, 12, 31), timezones=offsets)  # noqa: DTZ001 (bounds are naive)
times = (
    st.floats(AT_MIN_S, NOW_S + AHEAD_MAX_S)
    | st.integers(int(AT_MIN_S), int(NOW_S))
    | st.builds(lambda at, sep: at.isoformat(sep).replace("+00:00", "Z"), datetimes, st.sampled_from("T "))
)
attributes = st.dictionaries(
    texts, st.booleans() | numbers | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
)


def or_null(strategy):
    """Let a producer write null for what it does not know."""
    return strategy | st.none()


interactions = st.fixed_dictionaries(
    {
        "event_id": texts,
        "client_id": client_ids,
        "kind": st.sampled_from(get_args(Kind)),
        "at": times,
        "direction": st.sampled_from(get_args(Direction)),
    },
    optional={
        "account_id": or_null(names),
        "channel": or_null(names),
        "thread_id": or_null(texts),
        "in_reply_to": or_null(texts),
        "automated": or_null(st.booleans() | st.sampled_from(get_args(AutoSubmitted))),
        "length": or_null(st.integers(0, 10**6) | st.integers(0, 10**6).map(float)),
        "duration_s": or_null(st.floats(0, 1e9) | st.integers(0, 10**9)),
        "outcome": or_null(st.sampled_from(get_args(Outcome))),
        "amount": or_null(numbers),
        "currency": or_null(st.sampled_from(["EUR", "USD", "VND"])),
        "due_at": or_null(times),
        "substantive": or_null(st.booleans()),
        "sentiment": or_null(st.floats(-1, 1) | st.integers(-1, 1)),
        "segment": or_null(names),
        "attributes": or_null(attributes.filter(lambda entries: len(entries) <= 16)),
    },
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=8,
)


def encoded(value, **options):
    """Write JSON as a producer would."""
    return json.dumps(value, **options).encode()


def meaning(sent):
    """Say what the reader should make of an interaction: the definition, field by field."""
    read = {name: value for name, value in sent.items() if value is not None}
    if "client_id" in read:
        read["client_id"] = normal_client_id(read["client_id"])
    for name in read.keys() & {"at", "due_at"}:
        read[name] = read[name] if not isinstance(read[name], str) else datetime.fromisoformat(read[name]).timestamp()
    if "automated" in read:
        read["automated"] = read["automated"] not in (False, "no")
    return read
