"""Kafka for the fault suite: one node or three, each with a listener behind a proxy, and each can be killed."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import KafkaException

from tests import kafka as broker
from tests.faults.proxy import Proxy

CLUSTER_ID = "Z2hvc3RpbmctZmF1bHRzLQ"  # any 16 bytes in Base64
READY_SECONDS_MAX = 180  # it takes ten; the rest is for a busy machine
JAVA = "-Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
"""For nodes that live for minutes: to compile more than the simplest way would cost more than it saves."""


class Node:
    """One Kafka node: broker and controller."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number, self.folder = number, folder
        self.port, self.inner_port = broker.free_port(), broker.free_port()
        self.proxy = Proxy(self.inner_port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where the tests connect, past the proxy."""
        return f"127.0.0.1:{self.port}"

    @property
    def is_up(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def configure(self, nodes: list["Node"]) -> None:
        """Write what distinguishes this node."""
        self.folder.mkdir(parents=True)
        copies, least = (3, 2) if len(nodes) > 1 else (1, 1)
        voters = ",".join(f"{node.number}@127.0.0.1:{node.port + 1}" for node in nodes)
        own = f"PLAINTEXT://{self.address}"
        lines = [
            f"node.id={self.number}",
            f"controller.quorum.voters={voters}",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name=PLAINTEXT",
            f"listeners={own},CONTROLLER://127.0.0.1:{self.port + 1},PROXIED://127.0.0.1:{self.inner_port}",
            f"advertised.listeners={own},PROXIED://127.0.0.1:{self.proxy.port}",
            f"offsets.topic.replication.factor={copies}",
            f"transaction.state.log.replication.factor={copies}",
            f"transaction.state.log.min.isr={least}",
            "broker.session.timeout.ms=4000",  # a lost node is missed soon
            "broker.heartbeat.interval.ms=1000",
            "log.cleaner.backoff.ms=1000",  # the state, with a new segment each second, is compacted while we look
            "log.cleaner.dedupe.buffer.size=2097152",  # all of it is wiped at each cleaning
        ]
        (self.folder / "node.properties").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Start the node, with the data that it left."""
        command = [broker.RUN, "--folder", self.folder, "--port", str(self.port), "--cluster", CLUSTER_ID]
        config = ["--config", self.folder / "node.properties"]
        with (self.folder / "kafka.log").open("ab") as output:
            self._process = subprocess.Popen(
                [*command, *config],
                env={**os.environ, "KAFKA_HEAP_OPTS": JAVA},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Kill -9 it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it, whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        self.proxy.close()


class Cluster:
    """The nodes together."""

    def __init__(self, size: int, folder: Path) -> None:
        self.folder = folder
        self.nodes = [Node(number, folder / f"node-{number}") for number in range(1, size + 1)]
        self._admin = broker.admin(self.addresses, {"reconnect.backoff.max.ms": "200"})  # kept, as it is asked often

    @property
    def addresses(self) -> str:
        """Where the tests connect."""
        return ",".join(node.address for node in self.nodes)

    @property
    def proxied(self) -> str:
        """Where the workers connect."""
        return ",".join(f"127.0.0.1:{node.proxy.port}" for node in self.nodes)

    @property
    def copies(self) -> int:
        """How many copies of each topic there should be."""
        return len(self.nodes)

    def is_whole(self) -> bool:
        """Say whether every node is up and has caught up with every partition."""
        if not all(node.is_up for node in self.nodes):
            return False
        try:
            found = self._admin.list_topics(timeout=2)
        except KafkaException:
            return False
        partitions = [partition for topic in found.topics.values() for partition in topic.partitions.values()]
        return len(found.brokers) == len(self.nodes) and all(
            partition.leader >= 0 and set(partition.isrs) == set(partition.replicas) for partition in partitions
        )

    def wait_until_whole(self) -> None:
        """Wait for the nodes; a node that ended says why."""
        give_up_at = time.monotonic() + READY_SECONDS_MAX
        while not self.is_whole():
            for node in self.nodes:
                assert node.is_up, (node.folder / "kafka.log").read_text()[-2000:]
            assert time.monotonic() < give_up_at, f"the cluster is not whole after {READY_SECONDS_MAX} s"
            time.sleep(0.1)


@contextmanager
def running(size: int, folder: Path) -> Iterator[Cluster]:
    """Run a cluster; nothing is left of it at the end but its folder."""
    fetched = subprocess.run([broker.RUN, "--prepare"], stderr=subprocess.PIPE, text=True, check=False)
    if fetched.returncode:
        raise broker.NoKafkaError(fetched.stderr.strip())
    cluster = Cluster(size, folder)
    try:
        for node in cluster.nodes:
            node.configure(cluster.nodes)
            node.start()
        cluster.wait_until_whole()
        yield cluster
    finally:
        for node in cluster.nodes:
            node.stop()
