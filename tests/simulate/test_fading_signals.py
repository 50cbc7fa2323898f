"""Fades that are weak in each signal, and fades of some signals only."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from detector.simulate import FADING_SIGNALS, Firm, simulate
from detector.simulate.simulation import draw_courses

FADING = Firm(
    clients=200, fading_share=1.0, ghosting_share=0.0, pausing_share=0.0, seasonal_share=0.0, moving_share=0.0
)


def fade_of(course):
    """Return by how much each signal has faded in the middle of a fade, if at all."""
    middle = (course.begins + course.ends) // 2
    faded = {signal: course.decline(signal, middle) for signal in FADING_SIGNALS}
    return {signal: share for signal, share in faded.items() if share}


def test_all_signals_fade_fully_by_default():
    """In the middle of a fade every signal has faded by half."""
    for _, course in draw_courses(FADING):
        assert fade_of(course) == dict.fromkeys(FADING_SIGNALS, pytest.approx(0.5, abs=0.01))


def test_a_shallow_fade_is_weak_in_each_signal():
    """At a depth of .3 all signals fade together, each by a third of what it would."""
    for _, course in draw_courses(replace(FADING, fade_depth=0.3)):
        assert fade_of(course) == dict.fromkeys(FADING_SIGNALS, pytest.approx(0.15, abs=0.01))
        # Until it has gone the client makes contact nearly as often as before.
        assert course.activity[course.activity > 0].min() > 1 - 0.3 * 0.75


def test_each_client_draws_the_signals_that_fade_together():
    """Of eight signals three fade, each as often as the others; the rest stay as they are."""
    fades = [fade_of(course) for _, course in draw_courses(replace(FADING, fading_signals=3))]
    assert {len(fade) for fade in fades} == {3}
    counts = Counter(signal for fade in fades for signal in fade)
    assert set(counts) == set(FADING_SIGNALS)
    assert min(counts.values()) > 50
    assert max(counts.values()) < 100


def test_a_shallow_fade_shrinks_orders_less():
    """In the second half of a fade orders are worth 40 % less than before it; at a depth of .3, 14 % less."""
    assert shrinkage(FADING) == pytest.approx(0.40, abs=0.05)
    assert shrinkage(replace(FADING, fade_depth=0.3)) == pytest.approx(0.14, abs=0.05)


def shrinkage(firm):
    """Measure how much less the orders in the second half of the fades are worth than those before, per client."""
    events, truths = simulate(firm)
    courses = dict(zip((truth.client_id for truth in truths), draw_courses(firm), strict=True))
    before, during = [], []
    for event in events:
        if event["kind"] == "order":
            client, course = courses[event["client_id"]]
            day = (course.begins + course.ends) / 2
            value, at = event["amount"] / client.order_amount, event["at"][:10]
            if at < course_date(firm, course.begins):
                before.append(value)
            elif course_date(firm, day) <= at < course_date(firm, course.ends):
                during.append(value)
    return 1 - (sum(during) / len(during)) / (sum(before) / len(before))


def course_date(firm, day):
    """Return the date of a day of a course."""
    return (firm.monday + timedelta(days=int(day))).isoformat()


def test_the_rate_alone_may_stay_as_it_is():
    """A client whose rate of contact does not fade is in contact as often as before, until it has gone."""
    steady = [
        course for _, course in draw_courses(replace(FADING, fading_signals=3)) if "contact_rate" not in course.fading
    ]
    assert len(steady) > 50
    for course in steady:
        assert set(course.activity[: course.ends]) <= {0.0, 1.0}
        assert not course.activity[course.ends :].any()
