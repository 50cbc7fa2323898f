"""The ids of the last contacts, as a list for each client would keep them."""

from hypothesis import given
from hypothesis import strategies as st

from detector.core.layout import RECENT
from detector.core.recent import Recent


@given(st.lists(st.tuples(st.integers(0, 2), st.text(max_size=30)), max_size=300))
def test_the_newest_ids_are_kept(contacts):
    """Of any length, for each client the last few of its own."""
    recent, ids = Recent(3), {row: [] for row in range(3)}
    for row, event_id in contacts:
        ids[row].append(event_id)
        recent.put_all([row], [len(ids[row])], [[event_id]])
    assert {row: recent.ids(row, len(ids[row])) for row in ids} == {row: ids[row][-RECENT:] for row in ids}


def test_more_clients_may_come():
    """Those that were there keep their ids."""
    recent = Recent(1)
    recent.put_all([0], [1], [["first"]])
    recent.grow(2)
    recent.put_all([2], [1], [["third"]])
    assert [recent.ids(row, 1) for row in (0, 2)] == [["first"], ["third"]]


def test_an_erased_client_leaves_no_bytes_behind():
    """Nor do the ids of others suffer."""
    recent = Recent(2)
    recent.put_all([0, 1], [1, 1], [["of ann"], ["of bob"]])
    recent.forget(0)
    assert b"ann" not in recent.kept.text.tobytes()
    assert recent.ids(1, 1) == ["of bob"]
