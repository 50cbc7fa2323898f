"""The ids of the last contacts, as a list for each client would keep them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.core.layout import RECENT
from detector.core.state.recent import Recent


def form(*ids):
    """Write ids as they are stored."""
    return b"".join(len(one.encode()).to_bytes(2, "little") + one.encode() for one in ids)


def keep(recent, row, ids):
    """Keep the ids of a client's contacts so far."""
    recent.load(np.array([row]), np.array([len(ids)]), [form(*ids[-RECENT:])])


@given(st.lists(st.tuples(st.integers(0, 2), st.text(max_size=30) | st.just("x" * 300)), max_size=100))
def test_the_newest_ids_are_kept(contacts):
    """Of any length, for each client the last few of its own; what is stored of them is what comes back."""
    recent, ids = Recent(3), {row: [] for row in range(3)}
    for row, event_id in contacts:
        ids[row].append(event_id)
        keep(recent, row, ids[row])
    counts = np.array([len(ids[row]) for row in range(3)])
    assert [recent.ids(row, counts[row]) for row in range(3)] == [ids[row][-RECENT:] for row in range(3)]
    assert recent.encode(np.arange(3), counts) == [form(*ids[row][-RECENT:]) for row in range(3)]


def test_more_clients_may_come():
    """Those that were there keep their ids."""
    recent = Recent(1)
    keep(recent, 0, ["first"])
    recent.grow(4)
    keep(recent, 2, ["third"])
    assert [recent.ids(row, 1) for row in (0, 2)] == [["first"], ["third"]]


def test_an_erased_client_leaves_no_bytes_behind():
    """Nor do the ids of others suffer."""
    recent = Recent(2)
    keep(recent, 0, ["of ann"])
    keep(recent, 1, ["of bob"])
    recent.forget(0)
    assert b"ann" not in recent.kept.text.tobytes()
    assert recent.ids(1, 1) == ["of bob"]


@pytest.mark.parametrize("value", [b"", b"\x01", b"\x01\x00", form("a") + b"x", form("a", "b")])
def test_damage_is_noticed(value):
    """Ids that are cut off, or more than the client had contacts, are not taken."""
    with pytest.raises(ValueError, match="damaged"):
        Recent(1).load(np.array([0]), np.array([1]), [value])
