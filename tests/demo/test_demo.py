"""The demo, from its broker to its summary; and that nothing is left of it, however it ends."""

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from detector.shell.config.settings import variable
from tests import kafka as broker

SECONDS_MAX = 300  # it takes 15; the rest is for a busy machine


@contextmanager
def started(app_id, *arguments, clients=40):
    """Start a demo of a firm; what it and its worker print goes to one pipe, which both hold open."""
    with subprocess.Popen(
        [sys.executable, "-m", "detector", "demo", "--clients", str(clients), "--seed", "1", *arguments],
        env={**os.environ, variable("app_id"): app_id},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        try:
            yield demo
        finally:
            demo.terminate()  # only if a test failed is there anybody left to hear it


def own_topics(kafka, app_id):
    """List what the demo has on the broker."""
    return {name for name in broker.topics(kafka) if name.startswith(f"{app_id}-demo-")}


def has_worker(client, app_id):
    """Say whether the demo's worker has joined its group."""
    groups = client.list_consumer_groups(request_timeout=broker.REPLY_SECONDS_MAX).result().valid
    names = [group.group_id for group in groups if group.group_id.startswith(f"{app_id}-demo-")]
    found = client.describe_consumer_groups(names, request_timeout=broker.REPLY_SECONDS_MAX) if names else {}
    return any(group.result().members for group in found.values())


@pytest.mark.parametrize("where", ["embedded", "kafka"])
def test_demo_runs_to_its_summary(kafka, app_id, where):
    """A small firm's year goes through a real worker, on a broker of its own or on a given one."""
    with started(app_id, *(("--kafka", kafka) if where == "kafka" else ())) as demo:
        said, _ = demo.communicate(timeout=SECONDS_MAX)

    assert demo.returncode == 0, said
    assert "Silent now" in said
    for line in (
        r"^\d\.\d\d false alerts per client-year, 1 was allowed$",
        r"^[1-9]\d* of \d+ lost clients found, half of them within \d+ days of the last contact$",
        r"^\d+ of \d+ fading clients found by the decline of a signal$",
    ):
        assert re.search(line, said, re.MULTILINE), said
    broker.wait_until(lambda: not own_topics(kafka, app_id), "the demo's topics are gone")


@pytest.mark.parametrize(
    ("sign", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_demo_that_is_ended_takes_its_worker_with_it(kafka, app_id, sign, code):
    """The pipe ends only when the worker has ended too; the topics are gone, and nobody sees a traceback."""
    client = broker.admin(kafka)
    with started(app_id, "--kafka", kafka, clients=300) as demo:  # it is not through before it is told to end
        broker.wait_until(lambda: has_worker(client, app_id), "the worker is there", SECONDS_MAX)
        demo.send_signal(sign)
        said, _ = demo.communicate(timeout=SECONDS_MAX)

    assert (demo.returncode, "Traceback" in said) == (code, False), said
    broker.wait_until(lambda: not own_topics(kafka, app_id), "the demo's topics are gone")
