"""Rules and dashboards: a real Prometheus scrapes a real worker under load; a real Alertmanager hears of a fault."""

import json
import math
import os
import random
import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest
import yaml
from confluent_kafka import Producer

from detector.core.clock import DAY_S
from detector.shell.config.settings import Settings
from detector.shell.kafka import topics
from tests import kafka as broker
from tests import prometheus

DEPLOY = prometheus.ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yml"
RUNBOOK = (prometheus.ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
KINDS = {"emails": "email", "calls": "call", "orders": "order"}
STOPPED = "calls"
SILENT_AFTER_S = 8
SECONDS_MAX = 60


def rules():
    """Give the rules."""
    return yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]


def queries(name):
    """Give the queries of a dashboard, with the panel each is on."""
    panels = json.loads((DEPLOY / "grafana" / "dashboards" / name).read_text(encoding="utf-8"))["panels"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", ())]


@pytest.fixture(scope="module", autouse=True)
def programs():
    """Have Prometheus and Alertmanager."""
    prometheus.install()


def test_each_rule_fires_on_its_fault_and_not_without_it():
    """By promtool, which also checks the files."""
    prometheus.promtool("check", "rules", RULES)
    prometheus.promtool("test", "rules", DEPLOY / "prometheus" / "rules.test.yml")
    prometheus.promtool("check", "config", "--syntax-only", DEPLOY / "prometheus" / "prometheus.yml")
    tested = (DEPLOY / "prometheus" / "rules.test.yml").read_text(encoding="utf-8")
    for rule in rules():
        assert f"alertname: {rule['alert']}\n        exp_alerts:" in tested


def test_alertmanager_takes_its_configuration():
    """By amtool."""
    command = [prometheus.PROGRAMS / "amtool", "check-config", DEPLOY / "prometheus" / "alertmanager.yml"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_alert_says_what_it_means_and_what_to_do(rule):
    """A summary, a description, and a section of the runbook."""
    found = rule["annotations"]
    assert found.keys() == {"summary", "description", "runbook_url"}
    page, section = found["runbook_url"].split("#")
    assert (page, section) == ("docs/runbook.md", rule["alert"].lower())
    assert f"\n## {rule['alert']}\n" in RUNBOOK


def test_the_dashboards_are_up_to_date():
    """The committed JSON is what the code builds."""
    checked = subprocess.run(
        [sys.executable, DEPLOY / "grafana" / "build.py", "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_dashboards_are_provisioned_from_where_they_are():
    """Every panel has a number of its own and asks the data source that can be chosen."""
    for name in ("clients.json", "detector.json"):
        dashboard = json.loads((DEPLOY / "grafana" / "dashboards" / name).read_text(encoding="utf-8"))
        panels = dashboard["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        assert {panel["datasource"]["uid"] for panel in panels if panel["type"] != "row"} == {"${datasource}"}
        assert [variable["name"] for variable in dashboard["templating"]["list"]] == ["datasource"]


def interaction(number, client, kind, at):
    """Give the value of a record."""
    segment = ("vip", "retail")[client % 2]
    fields = {"event_id": f"e{number}", "client_id": f"client-{client}", "kind": kind, "at": at, "segment": segment}
    return json.dumps({**fields, "direction": "inbound"}).encode()


def history(now_s):
    """Give half a year of sixty clients: some were silent for a month, and they stopped one by one until two days ago.

    So the load finds the clock of the shards days behind, and takes it over some midnights.
    """
    chance = random.Random(5)
    found = []
    for client in range(60):
        at = now_s - 200 * DAY_S
        end = now_s - (2 + client * 0.4) * DAY_S  # so that some deadlines have just passed
        while (at := at + DAY_S * chance.expovariate(1) + DAY_S) < end:
            at += chance.choice([0] * 30 + [25]) * DAY_S
            found.append((min(at, end), client, chance.choice(list(KINDS))))
    return sorted(found)


class Load:
    """Produces all the time, until it is stopped; a source can be stopped alone."""

    def __init__(self, settings):
        self._settings = settings
        self._producer = Producer({"bootstrap.servers": settings.bootstrap_servers, "partitioner": "murmur2_random"})
        self._stopped, self.silent = threading.Event(), threading.Event()
        self._numbers = iter(range(10**9))
        self._thread = threading.Thread(target=self._run)

    def produce_past(self):
        """Produce the history, all of it, before a worker comes: what arrives behind its clock is late."""
        for at, client, source in history(time.time()):
            self._produce(source, client, at)
        assert self._producer.flush(broker.REPLY_SECONDS_MAX) == 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join()
        self._producer.flush(broker.REPLY_SECONDS_MAX)

    def _run(self):
        while not self._stopped.wait(0.1):
            for source in KINDS:
                if source != STOPPED or not self.silent.is_set():
                    for _ in range(20):
                        self._produce(source, random.randrange(5), time.time())
                    self._producer.produce(self._settings.topic(source), b"{nope", partition=0)
            self._producer.poll(0)

    def _produce(self, source, client, at):
        value = interaction(next(self._numbers), client, KINDS[source], at)
        self._producer.produce(self._settings.topic(source), value, f"client-{client}")


@contextmanager
def running(command, port, settings, folder, **given):
    """Run a command of ours with its metrics on a port."""
    environment = {
        "GHOSTING_BOOTSTRAP_SERVERS": settings.bootstrap_servers, "GHOSTING_APP_ID": settings.app_id,
        "GHOSTING_PARTITIONS": str(settings.partitions), "GHOSTING_HTTP_PORT": str(port),
        "GHOSTING_LEARNING_GAPS_MIN": "1", "GHOSTING_SETTLE_S": "60",
        "GHOSTING_METRICS_SEGMENTS": "vip,retail", **given,
    }  # fmt: skip
    with (folder / f"{command}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "detector", command],
            env={**os.environ, **environment},
            cwd=prometheus.ROOT,
            stderr=log,
        )
    try:
        yield
        assert process.poll() is None, (folder / f"{command}.log").read_text()
    finally:
        process.kill()
        process.wait()


def configuration(folder, ports, alertmanager):
    """Give our configuration with a short memory: the targets of the test, and seconds instead of minutes."""
    path = folder / "rules.yml"
    text = RULES.read_text(encoding="utf-8")
    assert "> 3600\n" in text
    path.write_text(re.sub(r"for: \d+[mh]", "for: 1s", text.replace("> 3600\n", f"> {SILENT_AFTER_S}\n")))
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "1s"}
    config["rule_files"] = [str(path)]
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager.removeprefix("http://")]}]}]
    targets = {"ghosting-worker": ports["worker"], "ghosting-forwarder": ports["forward"]}
    config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] in targets]
    assert len(config["scrape_configs"]) == len(targets)
    for job in config["scrape_configs"]:
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{targets[job['job_name']]}"]}]
    return config


@pytest.fixture
async def settings(kafka, app_id):
    """Give the settings of an installation whose topics exist."""
    found = Settings(bootstrap_servers=kafka, app_id=app_id, partitions=2)
    await topics.create(found)
    yield found
    client = broker.admin(kafka)
    broker.wait_until(lambda: broker.group_is_removed(client, f"{app_id}-forward-nobody"), "the group is gone")


def test_a_real_prometheus_shows_it_and_a_stopped_source_is_told(settings, tmp_path):
    """Every query of every panel and rule gives data under load; one source stops, and Alertmanager hears of it."""
    with ExitStack() as stack:
        alertmanager = stack.enter_context(prometheus.alertmanager(tmp_path))
        ports = {command: broker.free_port() for command in ("worker", "forward")}
        config = configuration(tmp_path, ports, alertmanager)
        server = stack.enter_context(prometheus.prometheus(tmp_path, config))  # first: it sees counters leave 0
        load = Load(settings)
        load.produce_past()
        receivers = {
            "GHOSTING_FORWARD_ALERTMANAGERS": alertmanager,
            "GHOSTING_FORWARD_WEBHOOKS": "nobody=http://127.0.0.1:1/",
            "GHOSTING_FORWARD_SECRET": "no secret, but long enough",
        }
        for command, port in ports.items():
            given = receivers if command == "forward" else {}
            stack.enter_context(running(command, port, settings, tmp_path, **given))
            prometheus.wait_for(lambda url=f"http://127.0.0.1:{port}/ready": prometheus.answers(url), "it is ready")

        def value(query):
            found = prometheus.asked(f"{server}/api/v1/query", query=query.replace("$__rate_interval", "60s"))
            return found["data"]["result"]

        # What is counted at midnight grows before the eyes of Prometheus: until the load begins, no source goes on.
        prometheus.wait_for(lambda: value("count(ghosting_build_info) == 2"), "both are scraped")
        stack.enter_context(load)
        dashboards = [*queries("clients.json"), *queries("detector.json")]
        for title, query in dashboards:
            prometheus.wait_for(lambda query=query: any(map(is_number, value(query))), f"{title} shows {query}")
        expected = [*dashboards, *((rule["alert"], compared(rule["expr"])) for rule in rules())]
        shown = {(title, query): value(query) for title, query in expected}
        assert [told for told, found in shown.items() if not found] == []
        table(shown)
        health = prometheus.asked(f"{server}/api/v1/rules")["data"]["groups"][0]["rules"]
        assert {rule["name"]: rule["health"] for rule in health} == {rule["alert"]: "ok" for rule in rules()}

        # The history ended a while ago; the load has been going on since.
        prometheus.wait_for(lambda: not heard(alertmanager, "GhostingSourceSilent"), "all sources are heard")
        load.silent.set()
        (silent,) = prometheus.wait_for(lambda: heard(alertmanager, "GhostingSourceSilent"), "the alert fires")
        assert silent["labels"]["source"] == STOPPED
        assert silent["annotations"]["runbook_url"] == "docs/runbook.md#ghostingsourcesilent"
        assert heard(alertmanager, "ClientSilent"), "the clients' own alerts are there too"


def compared(expr):
    """Let comparisons say 0 or 1 instead of nothing: data come back if both sides are there and their labels fit."""
    return re.sub(r" (==|>|<) ", r" \1 bool ", expr)


def is_number(series):
    """Say whether a query gave a number for a series, and not the quotient of two zeros."""
    return not math.isnan(float(series["value"][1]))


def heard(alertmanager, name):
    """Give what fires under a name."""
    return prometheus.asked(f"{alertmanager}/api/v2/alerts", active="true", filter=f'alertname="{name}"')


def table(shown):
    """Print what the panels show: `pytest -s` lets a reader look at the dashboards without Grafana."""
    for (title, query), found in shown.items():
        sys.stdout.write(f"\n{title}: {query}\n")
        for series in found[:8]:
            sys.stdout.write(f"  {series['metric']} {series['value'][1]}\n")
