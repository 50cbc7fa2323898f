"""Whatever bytes arrive: an interaction, or a rejection; never an error."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.core.engine.intake import Intake
from detector.core.engine.shard import Policy, Shard
from detector.core.wire.records import columns_of
from schemas.envelope import InteractionReader
from schemas.interaction import OPTIONAL, Refusal

NOW_S = 1_700_000_000.0
GOOD = {"event_id": "e1", "client_id": "c", "kind": "email", "at": NOW_S, "direction": "inbound"}

# Bytes as they come, JSON of any shape, and interactions with something else in place of one field.
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
fields = st.sampled_from([*GOOD, "segment", "account_id", "amount", "automated", "specversion", "data", "subject"])
nearly_good = st.dictionaries(fields, json_values, max_size=3).map(lambda some: json.dumps({**GOOD, **some}).encode())
values = st.none() | st.binary(max_size=300) | json_values.map(lambda one: json.dumps(one).encode()) | nearly_good
headers = st.lists(
    st.tuples(st.sampled_from(["ce_type", "ce_id", "ce_specversion", "content-type", "x"]), st.binary(max_size=20))
)


class Record:
    """A record of a source."""

    def __init__(self, offset, key, value, headers):
        self.offset, self.key, self.value, self.headers, self.timestamp = offset, key, value, headers, None


@given(values, st.none() | st.binary(max_size=20), headers)
@example(b"[" * 100_000, None, [])
@example(b'{"at": 1' + b"0" * 5000 + b"}", b"\xff", [])
@example(json.dumps(GOOD).encode()[:-1] + b"\x00", b"c", [("ce_specversion", b"\xff")])
def test_bytes_become_an_interaction_or_a_refusal(value, key, headers):
    """The reader of records raises nothing, whatever it is given."""
    found = InteractionReader().read(value, key=key, headers=headers, now_s=NOW_S)
    assert isinstance(found, Refusal) or found["client_id"]


@settings(deadline=None)  # the first one compiles the kernels
@given(st.lists(st.tuples(st.none() | st.binary(max_size=20), values, headers), max_size=5))
def test_every_record_is_applied_or_rejected(records):
    """Through the whole intake: as many interactions and refusals as records, and each rejection is JSON."""
    shard = Shard(Policy(("emails",)))
    intake = Intake(shard, {"emails": "ghosting.emails"}, 0, 1)
    numbered = [Record(offset, *record) for offset, record in enumerate(records)]
    counts = intake.read("emails", columns_of(numbered), NOW_S)
    outcome = shard.advance(NOW_S + 10)
    assert counts.read == len(records)
    rejections = [json.loads(rejected) for rejected in outcome.rejected]
    assert sum(not rejection["kept"] for rejection in rejections) == counts.refused
    assert shard.counts["applied"] + counts.refused == len(records)
    assert all(set(rejection["fields"]) <= set(OPTIONAL) for rejection in rejections if rejection["kept"])
