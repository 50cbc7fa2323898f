"""The invariant: however the input is cut and wherever a shard is restarted, alerts and rows are the same."""

import random
from itertools import takewhile

import numba
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.engine.shard import Policy, Shard
from tests.builders import DAY_S, SOURCES, START_S, interaction, known, read_all

# As plain Python a refit takes a hundred times as long; the compiled run looks harder.
EXAMPLES, DAYS = (2, 300) if numba.config.DISABLE_JIT else (80, 900)
END_S = START_S + (DAYS + 100) * DAY_S
OUTCOMES = {
    "email": (None, None, "bounced"),
    "message": (None,),
    "ticket": ("opened", None),
    "call": ("answered", "voicemail", None),
    "meeting": ("held", "held", "no_show", "declined", None),
    "order": ("placed", None, "cancelled", "returned"),
    "payment": ("paid", "refunded"),
    "survey": (None,),
}
HABITS = (
    ("order",),
    ("email", "message"),
    ("meeting", "payment"),
    ("email", "email", "order", "call"),
    tuple(OUTCOMES),
)


def fields_of(draw, kind, day, worse):
    """Draw what an interaction of this kind may say; `worse`: as of a client that fades out."""
    found = {
        "outcome": draw.choice(OUTCOMES[kind]),
        "direction": draw.choice(("inbound", "inbound", "inbound", "outbound", "outbound", "none")),
        "thread_id": draw.choice((None, None, "t1", "t2", f"t{day:.0f}")),
        "channel": draw.choice((None, None, "gmail", "whatsapp", "shop", "fax", "desk")),
        "segment": draw.choice((None,) * 20 + ("key", "small")),
        "account_id": draw.choice((None,) * 9 + ("acme", "bolt")),
        "automated": draw.choice((None,) * 9 + (True,)),
        "substantive": draw.choice((None, not worse, not worse, True)),
        "sentiment": draw.choice((None, draw.gauss(-0.5 if worse else 0.5, 0.2))),
        "length": draw.choice((None, int(draw.expovariate(1 / (50 if worse else 500))))),
        "amount": draw.choice((None, draw.expovariate(1 / (20 if worse else 200)), -5.0)),
        "due_at": draw.choice((None, START_S + (day - draw.gauss(30 if worse else 2, 2)) * DAY_S)),
    }
    return {name: value for name, value in found.items() if value is not None}


def life(draw, client_id):
    """Draw a client's interactions, each with the day on which it arrives: steady, then fading, silent at times."""
    every_days, turn, habit = draw.choice((1.5, 4, 9)), draw.uniform(DAYS / 4, DAYS), draw.choice(HABITS)
    direction = draw.choice((None, None, None, "outbound", "inbound"))
    day, count = 0.0, 0
    while day < DAYS:
        worse = day > turn
        day += draw.gammavariate(2, every_days * (1.5 if worse else 0.5))
        day += draw.choice((0,) * 60 + (40, 150))
        count += 1
        kind = draw.choice(habit)
        fields = {"kind": kind, "event_id": f"{client_id}-{count}", **fields_of(draw, kind, day, worse)}
        fields["direction"] = direction or fields["direction"]
        event = interaction(round(day) if draw.random() < 0.1 else day, client_id, **fields)
        yield day + draw.choice((0,) * 15 + (0.5, 5, 90)), event
        if draw.random() < 0.05:
            yield day + draw.choice((0, 1, 20)), event


def histories(seed):
    """Draw what two sources deliver, each in the order of arrival."""
    draw = random.Random(seed)
    arrived = [one for client_id in ("ann", "bob", "cyd", "dan") for one in life(draw, client_id)]
    found = {source: [] for source in SOURCES}
    for _, event in sorted(arrived, key=lambda one: one[0]):
        found[draw.choice(SOURCES)].append(event)
    return found


def before(events, until_s):
    """Give what each source delivers before the first of which the time is not before this instant."""
    return {
        source: list(takewhile(lambda one: one["at"] < until_s, interactions))
        for source, interactions in events.items()
    }


@settings(deadline=None, max_examples=EXAMPLES)
@given(
    st.integers(0, 2**32),
    st.sampled_from([0, 20, 100]),
    st.lists(st.tuples(st.floats(0, DAYS), st.booleans(), st.booleans()), max_size=8),
)
def test_any_batching_gives_the_same_alerts_and_rows(seed, learning_gaps_min, cuts):
    """The clock's way cut anywhere, with restarts from the compacted state at some cuts: the same bytes."""
    policy = Policy(sources=SOURCES, learning_gaps_min=learning_gaps_min, segment_budgets={"key": 6.0})
    events, whole, shard = histories(seed), Shard(policy), Shard(policy)
    read_all(whole, events)
    expected = whole.advance(END_S).alerts
    found, states = [], {}
    for day, restarts, reads_ahead in [*sorted(cuts), (DAYS + 100, False, True)]:
        read_all(shard, events if reads_ahead else before(events, START_S + day * DAY_S))
        outcome = shard.advance(START_S + day * DAY_S)
        found += outcome.alerts
        states |= outcome.states
        if restarts:
            shard = Shard(policy)
            shard.restore(states.items())
    assert found == expected
    assert known(shard) == known(whole)
    assert shard.counts["open"] == whole.counts["open"]


@settings(deadline=None, max_examples=max(EXAMPLES // 4, 2))
@given(st.integers(0, 2**32), st.floats(0, DAYS), st.integers(0, 5))
def test_going_as_far_as_is_in_reach_comes_to_the_same(seed, day, dues_max):
    """A long way in steps within which few clients fall due: the same bytes, and every step leads on."""
    policy, half_s = Policy(sources=SOURCES, learning_gaps_min=0), START_S + day * DAY_S
    events, whole, shard = histories(seed), Shard(policy), Shard(policy)
    read_all(whole, events)
    expected = whole.advance(END_S).alerts
    read_all(shard, before(events, half_s))
    found = shard.advance(half_s).alerts
    read_all(shard, events)
    while shard.clock_s < END_S:
        reach_s = shard.within_reach_s(END_S, dues_max)
        assert shard.clock_s < reach_s <= END_S
        due_s = shard.table.due_s[: len(shard.table.names)]
        assert len(due_s[due_s < reach_s - 1]) <= dues_max
        found += shard.advance(reach_s).alerts
    assert found == expected
    assert known(shard) == known(whole)
