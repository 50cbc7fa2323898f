"""States that former versions wrote, kept as they were made (tests/core/fixtures/make.py), read by this one."""

import gzip
import json

import pytest

from detector.core.engine.shard import Shard
from detector.core.layout import LAYOUT
from detector.core.state.migrate import DECODE_CLIENTS
from detector.core.state.table import CLIENT_KEY, UnknownLayoutError
from tests.core.fixtures.make import CUT_S, END, FOLDER, POLICY, go_on

FIXTURES = {path.name.split("-")[1].split(".")[0]: path for path in sorted(FOLDER.glob("layout-*.json.gz"))}


def restored(fixture):
    """Give the fixture and a shard that was restored from it."""
    found = json.loads(gzip.decompress(fixture.read_bytes()))
    shard = Shard(POLICY)
    shard.restore((bytes.fromhex(key), bytes.fromhex(value)) for key, value in found["state"])
    return found, shard


def nearly(value):
    """Compare numbers as near as another layout may keep them, and everything else exactly."""
    if isinstance(value, dict):
        return {name: nearly(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [nearly(inner) for inner in value]
    return pytest.approx(value, rel=1e-4, abs=1e-4) if isinstance(value, float) else value


def told(alert):
    """Say what an alert tells, without what another version words or computes anew."""
    data = json.loads(alert)["data"]
    return {
        name: data[name] for name in ("incident_id", "signal", "transition", "reason", "client_id", "last_heard_at")
    }


def without_chances(client):
    """Leave out the fields that the outlook model makes."""
    return {name: value for name, value in client.items() if name != "gone_after_days" and "probability" not in name}


def test_every_former_layout_has_its_fixture():
    """Whoever changes the layout keeps what the former one wrote, and how it is read."""
    assert {*map(str, DECODE_CLIENTS)} == {*FIXTURES, str(LAYOUT)}
    assert [*DECODE_CLIENTS] == list(range(min(DECODE_CLIENTS), LAYOUT + 1))


@pytest.mark.parametrize("version", FIXTURES)
def test_a_state_of_a_former_layout_says_the_same(version):
    """Each client stands where it stood: when it was heard, when it is expected, what is open.

    Its chances are those of a model that those versions did not have, and that has learned nothing yet.
    """
    found, shard = restored(FIXTURES[version])
    before = [without_chances(json.loads(line)) for line in found["outlooks"]]
    now = [json.loads(line) for line in shard.outlooks(CUT_S)]
    assert {client.pop("outlook_labels") for client in now} == {0}
    assert [without_chances(client) for client in now] == nearly(before)


@pytest.mark.parametrize("version", FIXTURES)
def test_a_shard_goes_on_from_a_state_of_a_former_layout(version):
    """What happens next brings the alerts that it would have brought; what it writes is of the present layout.

    Since then deadlines may be as early as the median gap: this adds the silence of a slow buyer.
    """
    found, shard = restored(FIXTURES[version])
    states, alerts = go_on(shard, found["then"], END.timestamp())
    before, now = list(map(told, found["alerts"])), list(map(told, alerts))
    assert [one for one in now if one in before] == before
    (added,) = (one for one in now if one not in before)
    assert (added["signal"], added["client_id"]) == ("orders", "client-0001")
    assert {value[0] for value in states.values() if value is not None} == {LAYOUT}


@pytest.mark.parametrize("version", [version for version in DECODE_CLIENTS if version > 4])
@pytest.mark.parametrize("left", [1, 5, 30])
def test_a_client_that_was_cut_off_is_refused_in_every_layout(version, left):
    """Nothing is taken for bytes that are missing, in a former layout neither."""
    shard = Shard(POLICY)
    with pytest.raises(UnknownLayoutError):
        shard.restore([(CLIENT_KEY + b"ann", bytes([version]) + b"\xff" * left)])
