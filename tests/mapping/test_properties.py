"""Whatever a record holds, a preset answers with interactions that the contract takes, or with a reason."""

import tomllib

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.mapping import library
from detector.mapping.mapping_file import _paths
from detector.mapping.outcome import REASONS, Dropped
from detector.mapping.paths import parse
from schemas.interaction import INTERACTION
from tests.mapping.invented import preset, result

LEAVES = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 7.5, 1e22, 2**70, "", "0", "x", "CREATE", "Completed", "Call", "Task", "true"),
        *("2025-05-01T08:00:00Z", "2025-05-01", 1746086400, "1746086400000"),
        *("Anna@West-Laden.example", "me@sued-werk.example", "<m@x.example>", "+43 1 5550199", "101"),
        *("1.5", "1,5", "EUR", "usd", "4.9E+11", "completed", "call.ended", "track", "Order Completed", "c"),
        *([], [1, "2", None], [{"id": 5}, {"id": "5"}, 3], {}, {"id": 9}, "orders/create", "\ud83d"),
    ]
)


def nested(steps, leaf):
    """Return a record with a leaf at the end of a path."""
    for step in reversed(steps):
        leaf = {step: leaf} if isinstance(step, str) else [leaf]
    return leaf


def merged(into, other):
    """Put one record into another."""
    for key, value in other.items():
        both = isinstance(value, dict) and isinstance(into.get(key), dict)
        into[key] = merged(into[key], value) if both else value
    return into


@st.composite
def records(draw):
    """Draw a preset and a record that holds some of the places that it asks for."""
    name = draw(st.sampled_from(library.names()))
    paths = sorted({path for path in _paths(tomllib.loads(library.text_of(name))) if not path.startswith("@")})
    record = {}
    for path in draw(st.lists(st.sampled_from(paths), min_size=1, max_size=2 * len(paths))):
        record = merged(record, nested(parse(path, ()), draw(LEAVES)))
    return name, record


@settings(max_examples=600)
@given(records())
def test_every_preset_answers(drawn):
    """No record makes a preset fail, whether it was parsed before or not."""
    name, record = drawn
    found = result(name, record)
    if isinstance(found, Dropped):
        assert found.reason in REASONS
    elif isinstance(found, list):
        assert found
        for one in found:
            INTERACTION.validate_python(one)
            orjson.dumps(one)
    else:
        orjson.dumps(found.fields)


@given(st.binary(max_size=200))
def test_bytes_are_no_error(raw):
    """Bytes that are no JSON are a record that is dropped."""
    assert preset("shopify").mapper is not None
    assert isinstance(result("shopify", raw), Dropped)
