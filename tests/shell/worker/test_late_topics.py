"""A worker that joins its group before its broker knows of the topics, on a real Kafka."""

import subprocess
import sys
from contextlib import contextmanager

from detector.shell.config.settings import Settings
from detector.shell.kafka import topics
from tests import kafka as broker

SECONDS_MAX = 60  # it takes ten; aiokafka by itself would take five minutes
UNCHECKED = """
import json, sys
from detector.shell.worker.app import run_worker
from detector.shell.config.settings import Settings
sys.exit(run_worker(Settings(**json.loads(sys.argv[1]))))
"""


@contextmanager
def unchecked(settings, path):
    """Run a worker that does not look at its topics before it starts."""
    given = settings.model_dump_json(include=settings.model_fields_set)
    with path.open("wb") as log:
        worker = subprocess.Popen([sys.executable, "-c", UNCHECKED, given], stdout=log, stderr=log)
    try:
        yield
    finally:
        worker.kill()
        worker.wait()


async def test_shards_are_handed_out_soon_after_the_topics_are_known(kafka, app_id, tmp_path):
    """Whoever leads a group and has not heard of the topics yet looks again soon, and hands out their partitions."""
    path = tmp_path / "worker.log"
    settings = Settings(bootstrap_servers=kafka, app_id=app_id, partitions=2, data_dir=tmp_path, log_format="json")
    with unchecked(settings, path):
        broker.wait_until(lambda: '"shards": []' in path.read_text(), "nothing is handed out", broker.START_SECONDS_MAX)
        await topics.create(settings)
        broker.wait_until(lambda: path.read_text().count('"shard at work"') == 2, "shards are at work", SECONDS_MAX)
