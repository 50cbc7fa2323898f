"""A Kafka of a test's own that can be stopped and started again with its data."""

import asyncio
import subprocess

from detector.shell.config.settings import Settings
from detector.shell.kafka import topics
from tests import kafka as broker
from tests.shell.receive.posts import URL


class Outage:
    """A broker with an installation on it; it runs when the block begins."""

    def __init__(self, app_id, folder):
        self._folder, self._port, self._node = folder / "kafka", broker.free_port(), None
        self._folder.mkdir()
        self.settings = Settings(
            bootstrap_servers=f"127.0.0.1:{self._port}",
            app_id=app_id,
            data_dir=folder,
            receive_port=broker.free_port(1),
            receive_url=URL,
            receive_reply_s_max=2,
        )

    def __enter__(self):
        self.start()
        asyncio.run(topics.create(self.settings))
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Start the broker, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._node = subprocess.Popen(
                [broker.RUN, "--folder", self._folder, "--port", str(self._port)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        address = self.settings.bootstrap_servers
        broker.wait_until(
            lambda: broker.answers(address, seconds_max=1), "the broker answers", broker.START_SECONDS_MAX
        )

    def stop(self):
        """Stop the broker."""
        broker.stop(self._node)
