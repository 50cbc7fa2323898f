"""The prior: what one history taught, for a shard that would begin with nothing."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.core.engine.shard import Policy, Shard
from detector.core.layout import RHYTHM_BINS, SILENCES, U_BINS
from detector.core.state.table import SEGMENT_KEY
from detector.core.views import prior
from tests.builders import SOURCES, interaction, run

SUMS = ("completed", "log_mean_sum", "settled", "settled_log_sum")
COUNTS = st.integers(1, 2**40)


def log_sums(count):
    """Draw sums of so many logarithms of days."""
    return st.floats(-20, 20).map(lambda mean: mean * count * 0.999)


@st.composite
def rhythms(draw):
    """Draw what one rhythm has taught."""
    gaps = draw(st.dictionaries(st.integers(0, U_BINS - 1), COUNTS, min_size=1, max_size=5))
    return prior.Rhythm(log_mean_sum=draw(log_sums(sum(gaps.values()))), gaps=gaps)


@st.composite
def populations(draw):
    """Draw what one kind of silence has taught."""
    settled = draw(st.integers(0, 2**40))
    found = draw(st.dictionaries(st.integers(0, RHYTHM_BINS - 1), rhythms(), max_size=4))
    return prior.Population(settled=settled, settled_log_sum=draw(log_sums(settled)), rhythms=found)


SEGMENTS = st.builds(prior.Segment, contact=populations(), orders=populations(), reply=populations())
PRIORS = st.dictionaries(st.text(min_size=1, max_size=64), SEGMENTS, max_size=3).map(
    lambda segments: prior.Prior(version=1, segments=segments)
)


def history(segment="retail", clients=10, every_days=7, contacts=30):
    """Give orders of clients that come by the week, more or less."""
    found = [
        interaction(every_days * k + client / 10 + (k * client) % 3, f"client-{client}", kind="order", segment=segment)
        for client in range(clients)
        for k in range(contacts)
    ]
    return sorted(found, key=lambda one: one["at"])


def taught(**which):
    """Give the prior of a history."""
    shard = Shard(Policy(sources=SOURCES))
    run(shard, history(**which), 400)
    return prior.learned([shard.table])


def begun(known, **policy):
    """Give a shard that begins with a prior."""
    segments, learned = prior.decode(prior.encode(known))
    return Shard(Policy(sources=SOURCES, prior=segments, taught=learned, **policy))


def sums(shard, name):
    """Give the sums of a segment, by silence and field."""
    number = shard.table.segment(name)
    record = shard.table.segments[number]
    return {(silence, field): np.array(record[silence][field]) for silence in SILENCES for field in SUMS}


@settings(deadline=None)
@given(PRIORS)
def test_what_is_written_is_read(known):
    """Every prior comes back as it was, number by number, and a shard that takes it has exactly its sums."""
    assert prior.Prior.model_validate_json(prior.encode(known)) == known
    shard = begun(known)
    for name in known.segments:
        shard.table.segment(name)
    read_back = prior.learned([shard.table])
    assert read_back.segments == {name: one for name, one in known.segments.items() if one != prior.Segment()}


def test_a_shard_begins_where_the_other_ended():
    """The sums are those of the shard that learned them, and the table fitted to them is the same."""
    teacher = Shard(Policy(sources=SOURCES))
    run(teacher, history(), 400)
    pupil = begun(prior.learned([teacher.table]))
    theirs, ours = sums(teacher, "retail"), sums(pupil, "retail")
    assert theirs["contact", "completed"].sum() == 10 * (29 - 3)
    assert all((theirs[key] == ours[key]).all() for key in theirs)
    fitted = [table.segments["orders"][table.segment("retail")] for table in (teacher.table, pupil.table)]
    assert (fitted[0]["minus_log_survival"] == fitted[1]["minus_log_survival"]).all()
    assert fitted[0]["prior_gap_days"] == fitted[1]["prior_gap_days"]


def test_a_shard_goes_on_with_what_the_other_learned_of_returns():
    """The posterior and the segment's own rate are the same, bit by bit; what waited there is not waited for here."""
    teacher = Shard(Policy(sources=SOURCES))
    run(teacher, history(), 400)
    theirs = teacher.table.moments
    assert theirs.posterior[0].labels > 0
    pupil = begun(prior.learned([teacher.table]))
    ours = pupil.table.moments
    for name in ("weights", "covariance", "day", "labels"):
        assert (ours.posterior[name] == theirs.posterior[name]).all()
    numbers = pupil.table.segment("retail"), teacher.table.segment("retail")
    assert ours.waiting.rates[numbers[0]] == theirs.waiting.rates[numbers[1]]
    assert ours.count == 0
    assert prior.learned([pupil.table]).outlook == prior.learned([teacher.table]).outlook


def test_a_prior_of_version_1_is_read():
    """It knows nothing of returns; its segments count as ever."""
    file = json.loads(prior.encode(taught()))
    del file["outlook"]
    segments, learned = prior.decode(json.dumps(file | {"version": 1}).encode())
    assert (list(segments), learned) == (["retail"], None)


def test_of_several_shards_the_one_with_the_most_labels_counts():
    """Posteriors cannot be added up."""
    teacher, other = (Shard(Policy(sources=SOURCES)) for _ in range(2))
    run(teacher, history(), 400)
    both, alone = prior.learned([other.table, teacher.table]), prior.learned([teacher.table])
    assert both.outlook == alone.outlook
    assert both.outlook is not None
    assert prior.learned([other.table]).outlook is None


def test_what_a_shard_learned_itself_is_not_replaced_by_a_prior():
    """After a restart the state counts; where the state has nothing of a segment yet, the prior does."""
    known = taught()
    shard = begun(known)
    states = dict(run(shard, history("wholesale", clients=4), 300).states)
    restarted = begun(known)
    restarted.restore(states.items())
    moments, again = shard.table.moments, restarted.table.moments
    assert moments.posterior[0].labels > prior.decode(prior.encode(known)).taught.posterior[0].labels
    assert again.posterior.tobytes() == moments.posterior.tobytes()
    for name in ("default", "retail", "wholesale"):
        numbers = restarted.table.segment(name), shard.table.segment(name)
        assert again.waiting.rates[numbers[0]] == moments.waiting.rates[numbers[1]]


def test_shards_are_added_up():
    """Two partitions taught what they taught together."""
    shards = [Shard(Policy(sources=SOURCES)) for _ in range(2)]
    for shard in shards:
        run(shard, history(), 400)
    both, one = prior.learned(shard.table for shard in shards), prior.learned([shards[0].table])
    assert prior.gaps_of(both.segments["retail"].contact) == 2 * prior.gaps_of(one.segments["retail"].contact) > 0
    assert both.segments["retail"].contact.settled == 2 * one.segments["retail"].contact.settled


def test_a_prior_ends_the_learning_phase():
    """The first silence of a new firm is told at once; without a prior it is held."""
    few = [interaction(7 * k, "ann", segment="retail") for k in range(6)]
    known = taught()
    begun_with, begun_without = begun(known), Shard(Policy(sources=SOURCES))
    outcomes = [run(shard, few, 200) for shard in (begun_with, begun_without)]
    assert [bool(outcome.alerts) for outcome in outcomes] == [True, False]
    assert begun_without.counts["held"] == 1


def test_a_segment_without_a_prior_still_learns():
    """What a file knows of one segment says nothing of another."""
    shard = begun(taught())
    assert run(shard, [interaction(7 * k, "ann", segment="wholesale") for k in range(6)], 200).alerts == []
    assert shard.counts["held"] == 1


def test_a_restart_does_not_apply_it_again():
    """The state has the prior's gaps once, with or without the file, and whatever the file says by then."""
    known = taught()
    shard = begun(known)
    states = run(shard, [interaction(7 * k, "ann", segment="retail") for k in range(6)], 200).states
    assert any(key.startswith(SEGMENT_KEY) for key, _ in states)
    before = sums(shard, "retail")
    assert before["contact", "completed"].sum() > sums(begun(known), "retail")["contact", "completed"].sum()
    for restarted in (begun(known), begun(taught(contacts=90)), Shard(Policy(sources=SOURCES))):
        restarted.restore(states)
        after = sums(restarted, "retail")
        assert all((before[key] == after[key]).all() for key in before)


GOOD = json.loads(prior.encode(taught()))


def changed(path, value):
    """Give a good prior with another value at one place."""
    copy = json.loads(json.dumps(GOOD))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(copy).encode()


CONTACT = ("segments", "retail", "contact")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"", "is not JSON"),
        (b"client_id,kind,at\n", "is not JSON"),
        (prior.encode(taught())[:-20], "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[]", "is damaged at the whole"),
        (b"{}", "is not of version 1 or 2"),
        (changed(["version"], 3), "is not of version 1 or 2"),
        (changed(["segments"], []), "is damaged at segments"),
        (changed([*CONTACT, "settled"], -1), "is damaged at segments.retail.contact.settled"),
        (changed([*CONTACT, "settled"], 1.5), "is damaged at segments.retail.contact.settled"),
        (changed([*CONTACT, "settled_log_sum"], 1e300), "settled_log_sum should be a sum of"),
        (changed([*CONTACT, "rhythms"], {"9": {}}), "is damaged at segments.retail.contact.rhythms.9"),
        (changed([*CONTACT, "rhythms"], {"2": {"log_mean_sum": 1, "gaps": {"70": 1}}}), "rhythms.2.gaps.70"),
        (changed([*CONTACT, "rhythms"], {"2": {"log_mean_sum": float("nan"), "gaps": {}}}), "rhythms.2.log_mean_sum"),
        (changed([*CONTACT, "surprise"], 1), "segments.retail.contact.surprise"),
        (changed(["outlook", "labels"], 0), "is damaged at outlook.labels"),
        (changed(["outlook", "weights"], [0.0] * 6), "is damaged at outlook.weights"),
        (changed(["outlook", "weights"], [1000.0] * 7), "is damaged at outlook.weights.0"),
        (changed(["outlook", "covariance"], [[1.0] * 7] * 7), "covariance should be symmetric and positive"),
        (changed(["outlook", "covariance"], [[k + 1.0, *[0.0] * 6] for k in range(7)]), "should be symmetric"),
        (changed(["outlook", "segments", "retail", "variance"], 0), "outlook.segments.retail.variance"),
        (b" " * (prior.BYTES_MAX + 1), "is larger than 32 MiB"),
    ],
)  # fmt: skip
def test_what_is_no_prior_is_told_in_one_line(value, said):
    """Nothing is guessed of a file of another version, or of one that is damaged."""
    with pytest.raises(prior.PriorError) as told:
        prior.decode(value)
    assert said in str(told.value)
    assert "\n" not in str(told.value)
