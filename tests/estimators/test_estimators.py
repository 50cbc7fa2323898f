"""The estimators for notebooks: good citizens of River, and the same numbers as a shard's."""

import json
import math
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import anomaly, checks, compose
from scipy import stats

from detector.core.engine.shard import Policy, Shard
from detector.core.layout import TREND
from detector.core.signals import SIGNAL_NUMBER
from detector.estimators import Outlook, Replies, Rhythm, Segment, Trend, client_of
from detector.shell.config.settings import Settings

DAY_S, START_S = 86_400.0, 1.5e9
POLICY = Policy(sources=("emails",), learning_gaps_min=0)
UNTIMED = settings(deadline=None, max_examples=40)

# What River's checks are fed: a client's messages, both ways, with features of no meaning, as they drop some at random.
EVENTS = [
    (
        {
            "at": START_S + k * 1.7 * DAY_S,
            "direction": "inbound" if k % 3 else "outbound",
            "value": float(10 + k * 7 % 13),
            "gaps": 3 + k % 40,
            "mean_gap_days": 2.0 + k * 5 % 30,
            "survival": 0.2 / (1 + k % 9),
            "lasting_30": 0.6,
            "lasting_90": 0.3,
            "lasting_gone": 0.1,
            "gone_after_days": 90.0 + 40 * (k % 3),
            **dict.fromkeys("abcd", 0.0),
        },
        k % 10 == 0,
    )
    for k in range(120)
]
MODELS = [
    klass(**params)
    for klass in (Rhythm, Replies, Trend, Outlook)
    for params in klass._unit_test_params()
    if params.get("signal") in (None, "orders", "order_value", "contact_rate")
]


def rivers_checks():
    """Give River's checks of each model, with our events instead of its data sets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "_yield_datasets", lambda model, scale=1: iter([EVENTS * scale]))
        for model in MODELS:
            for check in checks.yield_checks(model):
                if check.__name__ != "check_roc_auc":  # it needs scikit-learn; see the test of ranks below
                    yield pytest.param(model, check, id=f"{model!r:.40}-{check.__name__}".replace("\n", ""))


@pytest.mark.parametrize(("model", "check"), list(rivers_checks()))
def test_river_would_take_them(model, check):
    """Clones are fresh, pickles come back, scoring is pure, features may be missing, memory is bounded."""
    check(model.clone())


def test_unusual_silences_rank_above_usual_ones():
    """The area under the curve of long silences against usual gaps is 1: what River's check asks is one half."""
    rhythm, usual = Rhythm(), []
    for day in (7 * week + week % 3 for week in range(40)):
        usual.append(rhythm.score_one({"at": START_S + day * DAY_S}))
        rhythm.learn_one({"at": START_S + day * DAY_S})
    unusual = [rhythm.score_one({"at": rhythm.last_s + days * DAY_S}) for days in range(14, 60)]
    assert stats.mannwhitneyu(unusual, usual).statistic == len(unusual) * len(usual)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda: Rhythm(signal="calls"), "choose contact or orders"),
        (lambda: Rhythm(session_hours=-1), "session_hours"),
        (lambda: Trend("mood"), "choose one of contact_rate"),
        (lambda: Trend("substance", false_declines_per_client_year=0), "above 0"),
        (lambda: Segment(false_alerts_per_client_year=0), "above 0"),
        (lambda: Segment(false_overdue_per_client_year=math.nan), "above 0"),
    ],
)
def test_a_wrong_parameter_is_refused_at_once(wrong, named):
    """As River does: a ValueError that says what is allowed."""
    with pytest.raises(ValueError, match=named):
        wrong()


def test_defaults_are_those_of_the_settings():
    """Who compares a notebook with the detector need not set anything."""
    given_settings = Settings()
    assert Segment().false_alerts_per_client_year == given_settings.false_alerts_per_client_year
    assert Segment().false_overdue_per_client_year == POLICY.false_overdue_per_client_year
    assert Trend("substance").false_declines_per_client_year == POLICY.false_declines_per_client_year
    assert Rhythm().session_hours == given_settings.session_hours


def message(day, **fields):
    """Build an interaction of one client."""
    return {
        "event_id": f"{day}-{fields}",
        "client_id": "ann",
        "kind": "email",
        "direction": "inbound",
        "at": START_S + day * DAY_S,
        **fields,
    }


def shard_of(interactions):
    """Let a shard apply interactions, up to the last of them."""
    shard = Shard(POLICY)
    shard.enqueue_interactions("emails", list(enumerate(interactions)), [], len(interactions) - 1, START_S + 1e9)
    shard.advance(math.nextafter(interactions[-1]["at"], math.inf))
    return shard


GAPS = st.lists(st.floats(0.01, 120), min_size=1, max_size=40)


@UNTIMED
@given(GAPS, st.booleans(), st.floats(0, 400))
def test_a_rhythm_alone_is_that_of_the_shard(gaps, orders, days):
    """Deadline, expectation and probabilities after any contacts are the same numbers, to the last bit."""
    at = [sum(gaps[:k]) for k in range(len(gaps) + 1)]
    fields = {"kind": "order"} if orders else {}
    client = client_of(shard_of([message(day, **fields) for day in at]), "ann")
    ours, theirs = Rhythm(signal="orders" if orders else "contact"), client.orders if orders else client.contact
    for day in at:
        ours.learn_one({"at": START_S + day * DAY_S})
    ours.segment.name, ours.segment.outlook = theirs.segment.name, theirs.segment.outlook
    later_s = ours.last_s + days * DAY_S
    assert figures(ours, later_s) == figures(theirs, later_s)
    assert (ours.percentile(later_s) is None) == (ours.deadline_s is None) == (ours.gaps < 3)


def figures(silence, at_s):
    """Give all that a silence says at an instant."""
    asked = (silence.percentile, silence.probability_gone, silence.probability_no_contact_in_30_days)
    known = (silence.gaps, silence.last_s, silence.deadline_s, silence.expected_next, silence.score_one({"at": at_s}))
    return *known, *(ask(at_s) for ask in asked)


@UNTIMED
@given(st.lists(st.tuples(st.floats(0.01, 9), st.booleans(), st.sampled_from([None, "t1", "t2"])), min_size=2))
def test_replies_alone_are_those_of_the_shard(written):
    """So are reply times, what is unanswered, what is overdue, and the trend of the latency."""
    day, messages = 0.0, []
    for gap, ours, thread in written:
        day += gap
        fields = {} if thread is None else {"thread_id": thread}
        messages.append(message(day, direction="outbound" if ours else "inbound", **fields))
    theirs = client_of(shard_of(messages), "ann").replies
    alone = Replies()
    alone.segment.name, alone.segment.outlook = theirs.segment.name, theirs.segment.outlook
    for one in messages:
        alone.learn_one(one)
    later_s = START_S + (day + 5) * DAY_S
    assert figures(alone, later_s) == figures(theirs, later_s)
    # A shard keeps the values of an interaction as 32-bit numbers until they are learned.
    assert alone.trend.rows.tolist()[0] == pytest.approx(theirs.trend.rows.tolist()[0], rel=1e-5, abs=1e-5)
    assert alone.waits_for_us(later_s) == theirs.waits_for_us(later_s)


def test_a_trend_alone_is_that_of_the_shard():
    """Scores, threshold and levels of the order value are the same, and a decline is one for both."""
    amounts = [900.0, 1000.0, 1100.0] * 10 + [300.0] * 8
    orders = [message(7 * week, kind="order", amount=amount) for week, amount in enumerate(amounts)]
    client = client_of(shard_of(orders), "ann")
    assert set(client.trends) == {"contact_rate", "order_rate", "order_value"}
    theirs = client.trends["order_value"]
    ours = Trend("order_value", false_declines_per_client_year=0.5 / 3)  # the budget is shared by the signals
    for order in orders:
        ours.learn_one({"at": order["at"], "value": order["amount"]})
    learned = [name for name in TREND.names if name not in ("opened_s", "state")]  # only a shard has incidents
    assert ours.rows[learned].tolist() == theirs.rows[learned].tolist()
    assert (ours.threshold, ours.levels, ours.since_s) == (theirs.threshold, theirs.levels, theirs.since_s)
    assert ours.declines
    assert ours.levels.ratio_to_first_half_year == pytest.approx(0.3, abs=0.02)


def test_an_outlook_alone_is_that_of_the_shard():
    """Taught the stages of a client's silences when they are over, it says what the next alert says."""
    days = [*range(0, 140, 7), *range(400, 540, 7), *range(1300, 1440, 7)]
    shard = Shard(POLICY)
    shard.enqueue_interactions("emails", list(enumerate(map(message, days))), [], len(days) - 1, START_S + 1e9)
    alerts = [json.loads(alert.value)["data"] for alert in shard.advance(START_S + 2000 * DAY_S).alerts]
    alone, labels = Outlook(), []
    for alert in alerts:
        if alert["transition"] == "resolved" or alert["signal"] != "contact":
            continue
        at_s = datetime.fromisoformat(alert["at"]).timestamp()
        while labels and labels[0][0] <= at_s:
            _, _, x, silent = labels.pop(0)
            alone.learn_one(x, silent)
        assert alone.labels == alert["evidence"]["outlook_labels"]
        x = moment_of(shard_until(days, at_s), at_s)
        told = alone.chances(x)
        assert round(told.no_contact_in_30_days, 6) == alert["probability_no_contact_in_30_days"]
        assert round(told.no_contact_in_90_days, 6) == alert["probability_no_contact_in_90_days"]
        assert round(told.gone, 6) == alert["probability_gone"]
        between = alert["evidence"]["probability_gone_between"]
        assert [round(told.gone_low, 6), round(told.gone_high, 6)] == between
        heard_s = min((START_S + day * DAY_S for day in days if START_S + day * DAY_S > at_s), default=math.inf)
        ends = (30, 90, x["gone_after_days"])
        for stage in range(3 if x["gone_after_days"] > 90.5 else 2):
            end_s = at_s + ends[stage] * DAY_S
            labels.append((end_s, len(labels), {**x, "stage": stage}, heard_s > end_s))
            if heard_s <= end_s:
                break
        labels.sort(key=lambda label: label[:2])
    assert alone.labels > 5


def shard_until(days, at_s):
    """Give a shard that has read all before an instant and has come to it."""
    before = [message(day) for day in days if START_S + day * DAY_S < at_s]
    shard = shard_of(before)
    shard.advance(at_s)
    return shard


def moment_of(shard, at_s):
    """Describe the silence of the only client at an instant."""
    return {**client_of(shard, "ann").contact.moment(at_s), "segment": "default"}


def test_without_a_feature_an_outlook_says_one_half_and_learns_nothing():
    """As River asks of its estimators."""
    outlook = Outlook()
    outlook.learn_one({"at": START_S}, y=True)
    assert outlook.labels == 0
    assert outlook.chances({"at": START_S}) is None
    assert outlook.predict_proba_one({"at": START_S}) == {False: 0.5, True: 0.5}
    assert Rhythm().moment(START_S) == {"at": START_S}
    assert Rhythm().probability_gone(START_S) is Rhythm().probability_no_contact_in_30_days(START_S) is None


def test_a_trend_begins_with_nothing():
    """Before its first values it has neither a threshold nor a decline, and says so without an error."""
    trend = Trend("sentiment")
    assert (trend.mean_score, trend.threshold, trend.declines, trend.since_s) == (0.0, math.inf, False, None)
    assert trend.levels.ratio_to_first_half_year is None


def test_they_work_in_a_pipeline_and_under_a_filter():
    """River's transformers feed them, River's filters ask them."""

    def contacts(x):
        return {"at": x["at"]} if x["direction"] == "inbound" else {}

    pipeline = compose.FuncTransformer(contacts) | Rhythm()
    for day in range(0, 70, 7):
        pipeline.learn_one(message(day))
        pipeline.learn_one(message(day + 1, direction="outbound"))
    assert pipeline[-1].gaps == 9
    assert pipeline.score_one(message(70, direction="outbound")) == 0
    unusual = anomaly.ThresholdFilter(pipeline[-1], threshold=0.95)
    assert unusual.classify(unusual.score_one(message(120)))
    assert not unusual.classify(unusual.score_one(message(71)))


def test_every_signal_has_a_trend():
    """All that can decline can be had alone."""
    assert [Trend(signal).signal for signal in SIGNAL_NUMBER] == list(SIGNAL_NUMBER)
