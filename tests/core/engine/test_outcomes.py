"""Chances and outcomes in the order of time, on the fixture of the study that chose the model, to nine digits."""

import math

import numba
import numpy as np
import pytest

from detector.core.clock import DAY_S
from detector.core.engine import outcomes
from detector.core.incidents.effect import CONTACT_SIGNAL, EFFECT, ORDERS_SIGNAL, RESOLVED
from detector.core.incidents.transitions import OPENED
from detector.core.layout import LABELS_RECENT, MOMENT, POSTERIOR
from detector.core.primitives.heap import ENTRY
from detector.core.state import moments
from detector.core.state.interned import InternedNames
from detector.core.state.moments import Moments


def integers(seed=12345):
    """Draw numbers from 0 to 1 by an integer generator that is the same everywhere."""
    while True:
        seed = (1103515245 * seed + 12345) % 2**31
        yield seed / 2**31


def study(count=400):
    """Build alerts of two segments, one each 1.25 days, and the returns of most of their clients, in order of time."""
    drawn, effects = integers(), np.zeros(2 * count, EFFECT).view(np.recarray)
    used, returns_s = count, np.full(count, math.inf)
    for k in range(count):
        at_s, gaps, mean_days = k * 1.25 * DAY_S, 3 + int(40 * next(drawn) ** 2), 2.0 + 58.0 * next(drawn) ** 2
        deadline_days = 4.0 * mean_days
        effect = effects[k]
        effect.row, effect.segment, effect.at_s, effect.emitted_s = k, k % 2, at_s, at_s
        effect.signal, effect.transition = CONTACT_SIGNAL, OPENED
        facts = effect.facts
        facts.gaps, facts.mean_gap_days = gaps, mean_days
        facts.survival = max(min(mean_days / 365.25, 0.25), 0.002)
        facts.gone_after_days = max(90.0, min(3.0 * deadline_days, 365.0))
        ends = (30.0, 90.0, facts.gone_after_days)
        scale = 2.5 * mean_days
        facts.lasting[:] = [((deadline_days + scale) / (deadline_days + days + scale)) ** 3.5 for days in ends]
        if next(drawn) > (0.35 if k % 2 else 0.15):
            effects[used].row, effects[used].segment = k, k % 2
            effects[used].signal, effects[used].transition = CONTACT_SIGNAL, RESOLVED
            after_days = -math.log(1.0 - next(drawn)) * (deadline_days + scale) / 3.5
            returns_s[k] = effects[used].at_s = effects[used].emitted_s = at_s + after_days * DAY_S
            used += 1
    return effects[:used], returns_s


def names_of(rows):
    """Name the clients so that their names are in the order of their numbers."""
    return [f"c{row:06}" for row in rows]


def begun():
    """Give moments of two segments."""
    found = Moments()
    found.add_segment(1, "b")
    return found


def run(found, effects):
    """Let effects come in the order of their time."""
    waiting = found.reserve(len(effects), 1 + int(effects.row.max(initial=0)))
    outcomes.run(waiting, effects, outcomes.in_order(effects, names_of))


def chances(effect):
    """Give the chances that an alert says."""
    return (
        effect.probability_no_contact_in_30_days,
        effect.probability_no_contact_in_90_days,
        effect.probability_gone,
    )


def test_the_numbers_are_those_of_the_study():
    """Chances of single alerts, their Brier scores, and what was learned of all of them."""
    effects, returns_s = study()
    found = begun()
    run(found, effects)
    told = {
        0: (0.381168154, 0.216492332, 0.216492332),
        50: (0.243623377, 0.200227895, 0.200227895),
        200: (0.593982071, 0.323465059, 0.091040684),
        399: (0.587098705, 0.580739511, 0.580739511),
    }
    for k, expected in told.items():
        assert chances(effects[k]) == pytest.approx(expected, abs=1e-9)
    scores = np.zeros(3)
    for k in range(400):
        ends = (30, 90, effects[k].facts.gone_after_days)
        stays = [returns_s[k] > effects[k].at_s + days * DAY_S for days in ends]
        scores += (np.array(chances(effects[k])) - stays) ** 2 / 400
    assert scores == pytest.approx([0.207657751, 0.207824924, 0.178685718], abs=1e-9)
    outcomes.learn_until(found.waiting, math.inf)
    assert found.posterior[0].labels == 709
    assert found.posterior[0].weights == pytest.approx(
        [-1.530429634, -0.374046964, -0.079344283, -0.583915878, -0.214187171, -0.162595543, -0.306988252], abs=1e-9
    )
    rates = found.waiting.rates
    assert rates.log_rate == pytest.approx([-0.769625871, 0.711556258], abs=1e-9)
    assert rates.variance == pytest.approx([0.14003396, 0.107662965], abs=1e-9)
    assert found.count == 0


def test_each_horizon_is_less_likely_than_the_one_before():
    """Nobody is silent for 90 days who is not silent for 30, and each chance lies within its band."""
    effects, _ = study()
    run(begun(), effects)
    for effect in effects[:400]:
        thirty, ninety, gone = chances(effect)
        low, high = effect.probability_gone_between
        assert 0 < low < gone < high < 1
        assert gone <= ninety < thirty < 1


def test_the_band_narrows_as_outcomes_become_known():
    """Eight in ten: half as wide after 400 alerts as before the first."""
    effects, _ = study()
    run(begun(), effects)
    first, last = (effects[k].probability_gone_between for k in (0, 396))
    assert (last[1] - last[0]) / effects[396].probability_gone < (first[1] - first[0]) / effects[0].probability_gone


def state(found, rows=400):
    """Give all that is learned and waited for, as bytes."""
    found.reserve(0, rows)
    return found.posterior.tobytes(), found.waiting.rates.tobytes(), found.encode(np.arange(rows))


@pytest.mark.parametrize("step", [1, 7, 50])
def test_cuts_and_restarts_change_nothing(step):
    """However the effects are cut, and with a new start from the stored form after each part: the same bytes."""
    effects, _ = study(100)
    whole, found = begun(), begun()
    run(whole, effects)
    ordered = effects[outcomes.in_order(effects, names_of)]
    names = {f"c{row:06}": row for row in range(100)}
    for start in range(0, len(ordered), step):
        some = ordered[start : start + step].copy()
        run(found, some)
        outcomes.learn_until(found.waiting, math.nextafter(some[-1].emitted_s, -math.inf))
        found = restarted(found, names)
        assert some.tobytes() == ordered[start : start + step].tobytes()
    outcomes.learn_until(whole.waiting, float(ordered[-1].emitted_s))
    outcomes.learn_until(found.waiting, float(ordered[-1].emitted_s))
    assert state(found, 100) == state(whole, 100)


def restarted(found, names):
    """Write everything, and load it into new moments."""
    known = InternedNames()
    known.numbers(list(names))
    new = begun()
    found.reserve(0, len(names))
    for name, value in zip(names, found.encode(np.arange(len(names))), strict=True):
        new.load_client(name, value)
    new.load_posterior(found.posterior.tobytes())
    for number in (0, 1):
        new.load_rate(number, found.waiting.rates[number].tobytes())
    new.begin(known)
    return new


def test_effects_of_one_instant_come_in_the_order_of_their_clients_ids():
    """Numbers of rows say who came first to this shard, which a restart or another partition changes."""
    effects = np.zeros(4, EFFECT).view(np.recarray)
    effects.row, effects.emitted_s = [3, 1, 2, 1], [7.0, 7.0, 5.0, 7.0]
    names = {1: "zoe", 2: "mia", 3: "ann"}
    assert outcomes.in_order(effects, lambda rows: [names[row] for row in rows]).tolist() == [2, 0, 1, 3]
    effects.emitted_s = [7.0, 8.0, 5.0, 9.0]
    assert outcomes.in_order(effects, None).tolist() == [2, 0, 1, 3]


def test_a_return_is_learned_when_its_stage_is_over():
    """Who is heard on the second day teaches nothing before the thirtieth."""
    effects, _ = study(1)
    alert, back = np.zeros(1, EFFECT).view(np.recarray), np.zeros(1, EFFECT).view(np.recarray)
    alert[0] = effects[0]
    back.signal, back.transition, back.at_s, back.emitted_s = CONTACT_SIGNAL, RESOLVED, 2 * DAY_S, 2 * DAY_S
    found = begun()
    run(found, alert)
    run(found, back)
    outcomes.learn_until(found.waiting, 29.9 * DAY_S)
    assert (found.posterior[0].labels, found.count) == (0, 1)
    outcomes.learn_until(found.waiting, 30 * DAY_S)
    assert (found.posterior[0].labels, found.count) == (1, 0)
    assert found.posterior[0].recent_labels[0] == 0  # the first stage, and heard in it
    assert found.posterior[0].recent_chances[0] == np.float32(alert[0].probability_no_contact_in_30_days)


def test_only_silences_of_contact_teach():
    """What is said of orders or of a decline gets its chances, and nothing follows of it."""
    effects, _ = study(1)
    effects.signal = ORDERS_SIGNAL
    found = begun()
    run(found, effects)
    assert found.count == 0
    assert 0 < effects[0].probability_gone < 1


def test_without_a_rhythm_nothing_is_said():
    """Too few gaps: the chances are not known, and nothing is waited for."""
    effects, _ = study(1)
    effects[0].facts.mean_gap_days = 0
    found = begun()
    run(found, effects)
    assert np.isnan(chances(effects[0])).all()
    assert np.isnan(effects[0].probability_gone_between).all()
    assert found.count == 0


def test_a_clock_that_jumps_a_year_learns_what_lies_in_between():
    """All stages are over at once, in their order; what was learned long ago weighs less, and is not lost."""
    effects, _ = study(100)
    found = begun()
    run(found, effects[:100])
    before = found.posterior[0].labels
    outcomes.learn_until(found.waiting, 3 * 365 * DAY_S)
    assert found.count == 0
    assert found.posterior[0].labels > before
    weights = found.posterior[0].weights.copy()
    later = effects[:1].copy()
    later.at_s = later.emitted_s = 20 * 365 * DAY_S
    run(found, later)
    assert (found.posterior[0].weights == weights).all()


def test_a_hundred_thousand_labels_at_one_instant():
    """They are learned one after the other; the posterior stays one, and every number finite."""
    count = 100_000 if not numba.config.DISABLE_JIT else 500
    one, _ = study(1)
    effects = np.repeat(one[:1], count).view(np.recarray)
    effects.row = np.arange(count)
    found = begun()
    run(found, effects)
    outcomes.learn_until(found.waiting, 400 * DAY_S)
    posterior = found.posterior[0]
    assert posterior.labels == count * 2
    assert np.isfinite(posterior.weights).all()
    assert (np.linalg.eigvalsh(posterior.covariance) > 0).all()
    assert (posterior.covariance == posterior.covariance.T).all()
    late = one[:1].copy()
    late.emitted_s = late.at_s = 400 * DAY_S
    run(found, late)
    assert late[0].probability_gone > 0.95  # everybody stayed away


def test_moments_that_wait_are_bounded(monkeypatch):
    """One too many teaches nothing; the others are not disturbed, and their places are used again."""
    monkeypatch.setattr(moments, "MOMENTS_MAX", 5)
    monkeypatch.setattr(moments, "_SLOTS_AT_FIRST", 2)
    effects, _ = study(20)
    found, in_parts = begun(), begun()
    run(found, effects[:8])
    for k in range(8):
        run(in_parts, effects[k : k + 1])
    assert found.count == 5
    assert state(found) == state(in_parts)
    outcomes.learn_until(found.waiting, 400 * DAY_S)
    assert (found.count, found.posterior[0].moments) == (0, 5)
    later = effects[8:9].copy()
    later.at_s = later.emitted_s = 400 * DAY_S
    run(found, later)
    assert found.count == 1


def test_the_sizes_are_those_that_are_stated():
    """What a moment takes as it is stored, and what it takes in memory with its places in the heap and the chains."""
    assert MOMENT.itemsize == 74
    assert MOMENT.itemsize + ENTRY.itemsize + 4 + 4 == 98
    assert POSTERIOR.itemsize < 3000
    assert LABELS_RECENT == 500


def test_a_client_that_comes_and_goes_has_several_moments():
    """Each has an outcome of its own: two returns are learned when their thirty days are over, and the third waits."""
    one, _ = study(1)
    effects = np.repeat(one[:1], 5).view(np.recarray)
    effects.at_s = effects.emitted_s = np.array([0, 1, 10, 11, 20]) * DAY_S
    effects.transition[[1, 3]] = RESOLVED
    found = begun()
    run(found, effects)
    assert found.count == 3
    stored = np.frombuffer(found.encode(np.arange(1))[0], MOMENT)
    assert stored["heard"].tolist() == [1, 1, 0]
    outcomes.learn_until(found.waiting, 30 * DAY_S)
    assert (found.posterior[0].labels, found.count) == (1, 2)
    outcomes.learn_until(found.waiting, 49 * DAY_S)
    assert (found.posterior[0].labels, found.count) == (2, 1)
    stored = np.frombuffer(found.encode(np.arange(1))[0], MOMENT)
    assert stored["number"].tolist() == [2]


def test_there_is_room_for_as_many_clients_as_there_are():
    """Their chains grow with them; what was waited for is still."""
    effects, _ = study(3)
    found = begun()
    run(found, effects[:3])
    before = state(found, 3)
    found.reserve(0, 1000)
    assert len(found.waiting.newest) >= 1000
    assert state(found, 3) == before
