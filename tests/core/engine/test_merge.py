"""Event-time order across sources."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detector.core.engine.merge import Merge, Position
from detector.core.layout import INTERACTION
from detector.core.primitives.hashing import text_of

NOW_S = 1e9


def batch(*times, first_offset=0):
    """Columns of interactions at these times, and their ids."""
    columns = np.zeros(len(times), INTERACTION)
    columns["at_s"], columns["offset"] = times, first_offset + np.arange(len(times))
    columns["id_size"] = [len(f"{at}") for at in times]
    columns["id_start"] = np.cumsum(columns["id_size"]) - columns["id_size"]
    return columns, text_of("".join(f"{at}" for at in times).encode())


def ids(released):
    """Read the ids of what was released."""
    return [
        released.ids[start : start + size].tobytes().decode()
        for start, size in released.batch[["id_start", "id_size"]].tolist()
    ]


def take(merge, source, *times, first_offset=0, rejected=()):
    """Hand interactions to a source of the merge."""
    columns, ids = batch(*times, first_offset=first_offset)
    merge.feeds[source].append(columns, ids, rejected, first_offset + len(times) - 1, NOW_S)


def test_sources_are_merged_by_time_up_to_the_frontier():
    """What lies before the frontier comes in the order of time; the rest waits."""
    merge = Merge(["a", "b"])
    take(merge, "a", 1, 4, 9)
    take(merge, "b", 2, 3, 7)
    first = merge.release(7)
    assert first.batch["at_s"].tolist() == [1, 2, 3, 4]
    assert ids(first) == ["1", "2", "3", "4"]
    assert merge.feeds["a"].waiting == 1
    assert merge.feeds["a"].position == Position(1, 4)
    assert ids(merge.release(math.inf)) == ["7", "9"]


def test_a_source_keeps_its_own_order():
    """A record that is older than the one before it in its source does not overtake it."""
    merge = Merge(["a"])
    take(merge, "a", 5, 1, 6)
    released = merge.release(math.inf)
    assert released.batch["at_s"].tolist() == [5, 1, 6]
    assert released.batch["key_s"].tolist() == [5, 5, 6]
    assert ids(released) == ["5", "1", "6"]


def test_ties_go_by_source_then_offset():
    """Equal times are released in the order of the sources, then of the offsets."""
    merge = Merge(["a", "b"])
    take(merge, "b", 1, 1)
    take(merge, "a", 1, 1, first_offset=10)
    assert merge.release(2).batch["offset"].tolist() == [10, 11, 0, 1]


def test_a_clock_that_is_ahead_does_not_hold_up_its_source():
    """A time in the future waits only until now."""
    merge = Merge(["a"])
    take(merge, "a", NOW_S + 5000)
    assert merge.feeds["a"].key_s == NOW_S


def test_rejections_wait_among_the_records():
    """A rejection is released with the position behind it, not before."""
    merge = Merge(["a"])
    take(merge, "a", 1, 5, rejected=[(2, b"bad")])
    merge.feeds["a"].read_to = 2
    assert merge.release(2).rejected == []
    assert merge.release(6).rejected == [b"bad"]


def test_a_feed_resumes_behind_its_position():
    """After a restart offsets and keys go on where they were durable."""
    merge = Merge(["a"])
    merge.feeds["a"].resume(Position(7, 50.0))
    take(merge, "a", 3, first_offset=8)
    assert merge.feeds["a"].read_to == 8
    assert merge.release(math.inf).batch["key_s"].tolist() == [50.0]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50)), max_size=40), st.integers(0, 60))
def test_any_frontier_gives_the_same_order(records, cut):
    """Releasing in two steps gives what one step gives."""
    whole, halves = Merge("abc"), Merge("abc")
    for source in "abc":
        times = [at for name, at in records if name == source]
        if times:
            take(whole, source, *times)
            take(halves, source, *times)
    at_once, first, second = whole.release(math.inf), halves.release(cut), halves.release(math.inf)
    assert at_once.batch["offset"].tolist() == [*first.batch["offset"], *second.batch["offset"]]
    assert at_once.batch["key_s"].tolist() == [*first.batch["key_s"], *second.batch["key_s"]]
    assert ids(at_once) == ids(first) + ids(second)
