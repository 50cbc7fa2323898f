"""The numbers that a process tells: declared, at zero from the start, and without a word of a stranger."""

import json
import re
import time
from types import SimpleNamespace

import pytest
from aiohttp import ClientSession
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from detector.core.clock import DAY_S
from detector.core.engine.intake import Intake
from detector.core.engine.shard import Shard
from detector.core.wire.records import columns_of
from detector.shell.config.policy import policy_of
from detector.shell.config.settings import Settings
from detector.shell.pages import metrics as metrics_page
from detector.shell.telemetry.catalogue import BOTH, FORWARDER, WORKER, label_sets
from detector.shell.telemetry.endpoints import PortTaken, serve
from detector.shell.telemetry.metrics import Metrics
from detector.shell.worker.gauges import Gauges
from detector.shell.worker.meter import Meter
from tests.kafka import free_port

START_S = 1_704_067_200.0
HOSTILE = [
    "ann@example.com", 'quote"d', "back\\slash", "{braces}", "comma,equals=", "\u202eright to left", "#" * 64,
    "ghosting_rejected_total 7", "other", "x" * 64, "😀", "default ",
]  # fmt: skip
WEBHOOKS = {"crm": "https://crm.example/hook"}
SETTINGS = Settings(
    sources=("emails",), partitions=1, learning_gaps_min=1, metrics_segments=("vip",), forward_webhooks=WEBHOOKS
)


def record(offset, **fields):
    """Give a record of an e-mail as Kafka hands it over."""
    interaction = {"event_id": f"e{offset}", "kind": "email", "direction": "inbound", **fields}
    key = interaction["client_id"].encode()
    return SimpleNamespace(offset=offset, key=key, value=json.dumps(interaction).encode(), headers=(), timestamp=None)


class Worked:
    """A shard, fed as a worker feeds it, with its metrics."""

    def __init__(self, settings=SETTINGS):
        self.settings = settings
        self.shard = Shard(policy_of(settings))
        self.intake = Intake(self.shard, {"emails": "ghosting.emails"}, 0, 1)
        self.metrics = Metrics(settings, WORKER)
        self.meter = Meter(self.metrics, settings, self.shard, self.intake)
        task = SimpleNamespace(restored=self.shard, lag=lambda source: 3)
        self.gauges = Gauges(self.metrics, settings, {0: task})
        self.meter.restored(0.1)

    def take(self, records, until_day):
        """Take in records, go on to a day, and count what came of it."""
        self.intake.read("emails", columns_of(records), time.time())
        outcome = self.shard.advance(START_S + until_day * DAY_S)
        self.meter.committed(0.01, outcome.alerts, ())
        self.meter.advanced()
        self.gauges.refresh()

    def told(self):
        """Give what a scrape finds: value by series."""
        families = text_string_to_metric_families(generate_latest(self.metrics.registry).decode())
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }


def weekly(client, weeks, first=0, **fields):
    """Give one contact a week."""
    return [record(first + n, client_id=client, at=START_S + 7 * n * DAY_S, **fields) for n in range(weeks)]


@pytest.mark.parametrize("metrics", [WORKER, FORWARDER], ids=["worker", "forwarder"])
def test_every_label_set_exists_from_the_start(metrics):
    """At 0, so that the first event is an increase; and the names are those of OpenMetrics."""
    found = Metrics(SETTINGS, metrics).registry
    for metric in (*metrics, *BOTH):
        suffix = "_count" if metric.kind == "histogram" else ""
        for values in label_sets(metric, SETTINGS):
            labels = dict(zip(metric.labels, values, strict=True))
            assert found.get_sample_value(metric.name + suffix, labels) == float(metric.name == "ghosting_build_info")
        assert re.fullmatch(r"ghosting_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter")


def test_names_are_declared_once():
    """Nothing is told twice, and every declaration says what it means."""
    names = [metric.name for metric in (*WORKER, *FORWARDER, *BOTH)]
    assert len(set(names)) == len(names)
    assert all(metric.help.endswith(".") for metric in (*WORKER, *FORWARDER, *BOTH))


def test_the_page_is_up_to_date(capsys):
    """docs/metrics.md says what the code says."""
    assert metrics_page.main(["--check"]) == 0, capsys.readouterr().err


def test_what_is_left_out_or_lies_ahead_is_counted():
    """Fields by their names in the contract; promises; and clients that look like another one, without their names."""
    worked = Worked()
    worked.take(
        [
            record(0, client_id="C-7", at=START_S, amount="1,013.50", currency="usd"),
            record(1, client_id="c-7", at=START_S + DAY_S, currency="usd"),
            record(2, client_id="c-7", at=time.time() + DAY_S / 2, kind="meeting"),
        ],
        2,
    )
    told = worked.told()
    assert told["ghosting_fields_left_out_total", ("field", "currency")] == 2
    assert told["ghosting_fields_left_out_total", ("field", "amount")] == 1
    assert told["ghosting_fields_left_out_total", ("field", "segment")] == 0
    assert told["ghosting_promises_total",] == 1
    assert told["ghosting_lookalike_clients",] == 1
    assert told["ghosting_rejected_total", ("reason", "invalid_field")] == 0


def test_what_alerts_said_is_set_beside_what_came_true():
    """Nothing at first; after a client stayed away, the chance that its alerts said, and the share that was true."""
    worked = Worked()
    worked.take(weekly("ann", 20), 134)
    assert worked.told()["ghosting_outlook_labels",] == worked.told()["ghosting_outlook_brier",] == 0
    worked.take([], 900)
    told = worked.told()
    first = ("stage", "first_30_days")
    assert told["ghosting_outlook_labels",] > 1
    assert told["ghosting_outlook_true_ratio", first] == 1
    assert 0 < told["ghosting_outlook_said_ratio", first] < 1
    assert told["ghosting_outlook_brier",] > told["ghosting_outlook_brier_constant",] == 0


def test_what_a_shard_does_is_counted():
    """A weekly client falls silent and comes back: told, escalated, resolved, and a false alert of its segment."""
    worked = Worked()
    worked.take([*weekly("ann", 20, segment="vip"), record(20, client_id="ann", at="nonsense")], 300)
    told = worked.told()
    emails = ("kind", "email"), ("result", "accepted"), ("source", "emails")
    silence = ("signal", "contact"), ("transition", "opened"), ("type", "silence_exceeded")
    assert told["ghosting_interactions_total", *emails] == 20
    assert told["ghosting_rejected_total", ("reason", "invalid_field")] == 1
    assert told["ghosting_alerts_total", ("severity", "warning"), *silence] == 1
    assert told["ghosting_clients", ("state", "silent")] == 1
    assert told["ghosting_alerts_open", ("severity", "critical"), ("signal", "contact"), silence[2]] == 1
    assert told["ghosting_segment_alerts_open", ("segment", "vip"), ("severity", "critical"), silence[2]] == 1
    assert told["ghosting_source_lag_records", ("source", "emails")] == 3
    assert told["ghosting_shard_clock_timestamp_seconds",] == START_S + 300 * DAY_S
    assert told["ghosting_detection_delay_seconds_count",] == 1

    worked.take([record(21, client_id="ann", at=START_S + 310 * DAY_S)], 311)
    told = worked.told()
    assert told["ghosting_reactivations_total", silence[2]] == 1
    assert told["ghosting_reactivation_seconds_count", silence[2]] == 1
    assert told["ghosting_false_alerts_total", ("segment", "vip")] == 1
    assert told["ghosting_clients", ("state", "active")] == 1
    assert told["ghosting_segment_alerts_open", ("segment", "vip"), ("severity", "critical"), silence[2]] == 0


def test_the_promise_is_the_budget_for_the_time_that_clients_are_watched():
    """One client watched for a year at a budget of two a year may cause two false alerts, and caused none."""
    budget = SETTINGS.model_copy(update={"segment_budgets": {"vip": 2.0}})
    worked = Worked(budget)
    contacts = weekly("ann", 60, segment="vip")
    worked.take(contacts[:4], 22)
    for week in range(4, 57):
        worked.take([contacts[week]], 7 * week + 1)

    promised = worked.told()["ghosting_false_alerts_promised_total", ("segment", "vip")]
    assert promised == pytest.approx(2.0 * (7 * 56 + 1 - 22) / 365.25, rel=0.05)
    assert worked.told()["ghosting_false_alerts_ratio", ("segment", "vip")] == 0


def test_a_restored_shard_counts_only_what_it_does_itself():
    """Its former owner told of the rest."""
    worked = Worked()
    worked.shard.counts.update({"duplicates": 5, "late/emails": 2, "held": 3})
    worked.meter.restored(0.1)
    worked.shard.counts.update({"duplicates": 1, "late/emails": 1})
    worked.meter.advanced()
    told = worked.told()
    assert told["ghosting_duplicates_total",] == 1
    assert told["ghosting_late_total", ("source", "emails")] == 1
    assert told["ghosting_alerts_held_total", ("reason", "learning")] == 0


def test_no_text_of_a_stranger_gets_into_a_label():
    """10,000 segments, of which a shard takes 1,000, and hostile names of everything: no series is added."""
    worked = Worked()
    before = set(worked.told())
    named = [
        record(n, client_id=f"person {text}", at=START_S + n, segment=text, channel=text[:32], account_id=text)
        for n, text in enumerate(HOSTILE)
    ]
    many = [record(100 + n, client_id=f"many-{n % 50}", at=START_S + n, segment=f"segment-{n}") for n in range(10_000)]
    bad = [record(20_000 + n, client_id="bad", at=START_S, kind=text) for n, text in enumerate(HOSTILE)]
    alerting = [
        record(30_000 + n, client_id=text, at=START_S + (n // 12) * 7 * DAY_S + n, segment=text)
        for n, text in enumerate(HOSTILE * 12)
    ]
    worked.take([*named, *many, *bad, *alerting], 400)

    told = worked.told()
    assert set(told) == before
    unreadable = ("kind", "unreadable"), ("result", "rejected"), ("source", "emails")
    too_many = told["ghosting_fields_left_out_total", ("field", "segment")]
    assert too_many > 8_900
    assert told["ghosting_interactions_total", *unreadable] == len(bad)
    silence = ("type", "silence_exceeded")
    assert told["ghosting_segment_alerts_open", ("segment", "other"), ("severity", "critical"), silence] >= len(HOSTILE)
    scraped = generate_latest(worked.metrics.registry).decode()
    assert not [text for text in (*HOSTILE, "many-", "segment-", "person ") if text != "other" and text in scraped]


def test_hostile_words_in_the_settings_stay_one_label():
    """An operator's segment with quotes and line ends is written so that it can be read again."""
    settings = SETTINGS.model_copy(update={"metrics_segments": ('a"b\\c\nd{}',)})
    text = generate_latest(Metrics(settings, WORKER).registry).decode()
    segments = {s.labels.get("segment") for family in text_string_to_metric_families(text) for s in family.samples}
    assert 'a"b\\c\nd{}' in segments


@pytest.fixture
async def served():
    """Serve metrics on a free port, with complaints that a test can change."""
    complaints = {"alive": None, "ready": "shard 3 is being restored"}
    settings = SETTINGS.model_copy(update={"http_port": free_port()})
    runner = await serve(
        settings,
        Metrics(settings, WORKER),
        alive=lambda: complaints["alive"],
        ready=lambda: complaints["ready"],
        refresh=lambda: None,
    )
    async with ClientSession(f"http://127.0.0.1:{settings.http_port}") as session:
        yield session, complaints, settings
    await runner.cleanup()


async def test_health_and_readiness_are_told_apart(served):
    """Alive while it restores; ready when it has; the reason is told."""
    session, complaints, _ = served
    async with session.get("/health") as alive, session.get("/ready") as ready:
        assert (alive.status, ready.status) == (200, 503)
        assert await ready.json() == {"ok": False, "complaint": "shard 3 is being restored"}
    complaints.update(alive="no assignment for 60 s", ready=None)
    async with session.get("/health") as alive, session.get("/ready") as ready:
        assert (alive.status, ready.status) == (503, 200)


async def test_metrics_are_open_metrics_for_those_who_ask(served):
    """And the older text for a browser; nothing can be posted."""
    session, _, _ = served
    asked = {"Accept": "application/openmetrics-text;version=1.0.0"}
    async with session.get("/metrics", headers=asked) as new, session.get("/metrics") as old:
        assert new.content_type == "application/openmetrics-text"
        assert (await new.text()).endswith("# EOF\n")
        assert old.content_type == "text/plain"
    async with session.post("/metrics") as posted:
        assert posted.status == 405


async def test_a_taken_port_is_told_in_one_line(served):
    """With the settings that choose another."""
    _, _, settings = served
    with pytest.raises(
        PortTaken, match=r"\(Address already in use\); choose another GHOSTING_HTTP_HOST or GHOSTING_HTTP_PORT$"
    ):
        await serve(settings, Metrics(settings, WORKER), alive=str, ready=str, refresh=lambda: None)


async def test_nothing_is_served_without_a_port():
    """Which is the default, so that several workers can run side by side."""
    metrics = Metrics(SETTINGS, WORKER)
    assert await serve(SETTINGS, metrics, alive=str, ready=str, refresh=lambda: None) is None
