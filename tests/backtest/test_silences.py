"""From contacts to silences, computed by hand and held to a definition that reads like one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.backtest.log import LogColumns
from detector.backtest.silences import silences_of
from detector.core.layout import CONTACT, INTERACTION
from detector.core.state.interned import InternedNames
from detector.core.wire.fields import parsed_fields

DAY_S, START_S = 86_400.0, 1_700_000_000.0
SESSION_DAYS = 20 / 24


def test_each_contact_begins_a_silence(silences):
    """Lengths, returns and the number of gaps before, by client and time; the last ones end with the log."""
    assert silences.days.tolist() == pytest.approx([10, 10, 10, 10, 10, 40, 10, 5, 5, 5, 5, 80])
    assert silences.returned.tolist() == [True] * 6 + [False] + [True] * 4 + [False]
    assert silences.gaps.tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4]
    assert silences.watched.tolist() == [False] * 3 + [True] * 4 + [False] * 3 + [True] * 2


def test_mean_gaps_forget_and_are_shrunk(silences):
    """Ann's mean after five gaps of ten days is ten; after the one of forty it is more, the newest counting most.

    The typical gap is (one client with a fifth gap, of mean 10; twenty clients' worth of 14 days).
    """
    typical = np.exp((np.log(10) + 20 * np.log(14)) / 21)
    weight = sum(0.97**k for k in range(5))
    assert silences.own_mean_days[5] == pytest.approx(10)
    assert silences.mean_days[5] == pytest.approx((10 * weight + typical) / (weight + 1))
    total = 40 + sum(10 * 0.97**k for k in range(1, 6))
    assert silences.own_mean_days[6] == pytest.approx(total / sum(0.97**k for k in range(6)))


def test_a_session_is_one_contact(log_of):
    """What follows within 20 hours moves the beginning of the silence, and is no gap."""
    found = silences_of(log_of(10, ann=[0, 0.5, 1.0, 4.0]), SESSION_DAYS)

    assert found.days.tolist() == pytest.approx([3, 6])
    assert found.gaps.tolist() == [0, 1]


def test_only_what_the_client_did_is_a_contact(event, read):
    """Neither what we sent nor what a machine sent ends a silence; both may be the end of the log."""
    log = read(
        [
            event("ann", 0),
            event("ann", 3, direction="outbound"),
            event("ann", 5, automated=True),
            event("bob", 9, direction="none"),
        ]
    ).log()
    found = silences_of(log, SESSION_DAYS)

    assert found.client.tolist() == [0]
    assert found.days.tolist() == pytest.approx([9])


def by_definition(at_s, end_s):
    """Walk through one client's contacts as the definition says: (begin, end, returned, gaps before)."""
    found, gaps = [], 0
    ordered = sorted(at_s)
    for at, following in zip(ordered, [*ordered[1:], None], strict=True):
        if following is None:
            found.append((at, end_s, False, gaps))
        elif following / DAY_S - at / DAY_S > SESSION_DAYS:
            found.append((at, following, True, gaps))
            gaps += 1
    return found


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 4000), min_size=1), min_size=1))
def test_columns_equal_the_definition(hours):
    """Whatever the order of the log, and however often a client is heard."""
    at_s = {client: [START_S + hour * 3600 for hour in at_hours] for client, at_hours in hours.items()}
    clients = InternedNames()
    columns = LogColumns([clients])
    for client, times in at_s.items():
        facts = [
            parsed_fields({"event_id": "e", "client_id": client, "kind": "call", "direction": "inbound", "at": at})
            for at in times
        ]
        events = np.zeros(len(times), INTERACTION)
        events["row"], events["traits"] = clients.number(client), CONTACT
        columns.add(0, events, np.array(facts))
    log = columns.log()
    found = silences_of(log, SESSION_DAYS)

    expected = [silence for client in log.clients for silence in by_definition(at_s[client], log.end_s)]
    columns_of = (found.begin_s, found.end_s, found.returned, found.gaps)
    assert list(zip(*(column.tolist() for column in columns_of), strict=True)) == expected
