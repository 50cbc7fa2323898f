"""Two years of a real shop's orders, from the file through Kafka and a worker to its alerts."""

import os
import subprocess
import sys

import pytest

from detector.shell.config.settings import Settings, variable
from detector.shell.kafka import topics
from tests.datasets import dataset
from tests.faults import durable
from tests.workers import alerts, wait_for, working

SECONDS_MAX = 300  # it takes a few; the rest is for a busy machine
ALERTS_MIN = 1000


@pytest.fixture
def ghosting(kafka, app_id):
    """Give a function that runs a command on the installation of this test."""
    given = {variable("bootstrap_servers"): kafka, variable("app_id"): app_id}

    def run(*arguments):
        subprocess.run(
            [sys.executable, "-m", "detector", *arguments],
            env={**os.environ, **given},
            check=True,
            capture_output=True,
            timeout=SECONDS_MAX,
        )

    return run


async def test_a_worker_finds_in_real_orders_what_a_replay_finds(kafka, app_id, ghosting, tmp_path):
    """The alerts of `produce`, Kafka and a worker are those of `replay --until now`, byte for byte, and each once."""
    orders, replayed = dataset("online_retail_ii.csv.gz"), tmp_path / "alerts.jsonl"
    settings = Settings(bootstrap_servers=kafka, app_id=app_id, settle_s=1, data_dir=tmp_path)
    await topics.create(settings)
    ghosting("produce", orders)
    ghosting("replay", orders, "--alerts", replayed, "--until", "now")
    expected = sorted(replayed.read_bytes().splitlines())
    assert len(expected) > ALERTS_MIN

    with working(settings) as worker:
        wait_for(worker, settings, len(expected))

    assert alerts(settings) == expected
    assert durable.values(settings, settings.rejected_topic) == []
