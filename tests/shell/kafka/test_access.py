"""The rights that docs/security.md lists, on a Kafka that grants nothing else: all of them suffice, each is needed."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import NewTopic

from detector.core.primitives.partitioner import partition_of
from tests import kafka as broker
from tests import secure
from tests.secure import Acl, SecureKafka
from tests.shell.mapper.feeds import delivery, order

ROOT = Path(__file__).parents[3]
SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROW = re.compile(r"\| (\w+) \| (Cluster|Topic|Group|TransactionalId) \| `(\S+)` \| (\w+) \|")
APP_ID = "acl"
FEED = "shop.orders"  # a topic of another tool
CLIENT = "somebody@example.org"
ENDS_S_MAX = 120  # it takes seconds; the rest is for a busy machine
ARGUMENTS = {
    "topics": ["topics", "create"],
    "produce": ["produce"],
    "worker": ["worker"],
    "watch": ["watch", "--history", "--from-beginning"],
    "forward": ["forward", "--from-beginning"],
    "map": ["map", "shopify", "--from", FEED],
    "receive": ["receive", "--preset", "shopify=SHOP_SECRET"],
}
RIGHTS = {
    command: [
        Acl(resource, name.replace("<app>", APP_ID).replace("<topic>", FEED), operation)
        for named, resource, name, operation in ROW.findall(SECURITY)
        if named == command
    ]
    for command in ARGUMENTS
}
OF_REBUILD = [
    Acl(resource, name.replace("<app>", APP_ID), operation)
    for named, resource, name, operation in ROW.findall(SECURITY)
    if named == "rebuild"
]


class Ended(NamedTuple):
    """How a command ended."""

    code: int | None
    lines: list[str]


class Installation(NamedTuple):
    """An installation on a secured Kafka, with a user for each command."""

    kafka: SecureKafka
    passwords: dict[str, str]
    folder: Path

    def start(self, command: str, arguments: list[str] | None = None) -> subprocess.Popen[bytes]:
        """Start a command as its user, or another one with these arguments as that user."""
        settings = {
            "GHOSTING_BOOTSTRAP_SERVERS": self.kafka.address,
            "GHOSTING_APP_ID": APP_ID,
            "GHOSTING_PARTITIONS": "2",
            "GHOSTING_SETTLE_S": "0",
            "GHOSTING_LEARNING_GAPS_MIN": "1",
            "GHOSTING_NOTIFY_MAX_AGE_DAYS": "365",
            "GHOSTING_FORWARD_WEBHOOKS": "nobody=http://127.0.0.1:1/",  # so that alerts go to the dead letters
            "GHOSTING_FORWARD_SECRET": "0123456789abcdef01234567",
            "GHOSTING_FORWARD_RETRY_S": "0",
            "GHOSTING_SECURITY_PROTOCOL": "SASL_SSL",
            "GHOSTING_TLS_CA_FILE": str(self.kafka.secrets / "ca.pem"),
            "GHOSTING_SASL_USERNAME": command,
            "GHOSTING_SASL_PASSWORD": self.passwords[command],
            "GHOSTING_DATA_DIR": str(self.folder),
            "GHOSTING_RECEIVE_PORT": str(broker.free_port(1)),
            "SHOP_SECRET": "an invented secret",
        }
        files = [str(self.records())] if command == "produce" else []
        with self.log(command).open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "detector", *(arguments or ARGUMENTS[command]), *files],
                env={"PATH": "/usr/bin:/bin", **settings},
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def run(self, command: str, arguments: list[str] | None = None) -> Ended:
        """Run a command to its end."""
        process = self.start(command, arguments)
        try:
            code = process.wait(ENDS_S_MAX)
        finally:
            process.kill()
        return Ended(code, self.log(command).read_text().splitlines())

    def run_until(self, command: str, said: str) -> None:
        """Run a command that has no end until it says something."""
        log = self.log(command)
        process = self.start(command)
        try:
            broker.wait_until(
                lambda: said in log.read_text() or process.poll() is not None, f"{command} says {said}", ENDS_S_MAX
            )
        finally:
            process.terminate()
            process.wait(ENDS_S_MAX)
        assert said in log.read_text(), log.read_text()

    def produce_order(self) -> None:
        """Produce an order of another tool."""
        producer = Producer({"bootstrap.servers": self.kafka.address, **secure.access(self.kafka.secrets)})
        producer.produce(FEED, delivery("orders/create", order(1)))
        assert producer.flush(broker.REPLY_SECONDS_MAX) == 0

    def count(self, topic: str) -> int:
        """Count the offsets of a topic."""
        consumer = Consumer(
            {"bootstrap.servers": self.kafka.address, "group.id": "count", **secure.access(self.kafka.secrets)}
        )
        try:
            places = [TopicPartition(topic, number) for number in range(2)]
            return sum(consumer.get_watermark_offsets(place, broker.REPLY_SECONDS_MAX)[1] for place in places)
        finally:
            consumer.close()

    def produce_misrouted(self) -> None:
        """Produce a record that a worker has to send on."""
        producer = Producer({"bootstrap.servers": self.kafka.address, **secure.access(self.kafka.secrets)})
        record = {"event_id": "m", "client_id": CLIENT, "kind": "call", "direction": "inbound", "at": time.time()}
        producer.produce(f"{APP_ID}.calls", json.dumps(record), CLIENT, partition=1 - partition_of(CLIENT, 2))
        assert producer.flush(broker.REPLY_SECONDS_MAX) == 0

    def log(self, command: str) -> Path:
        """Say where a command writes, its output and its errors alike."""
        return self.folder / f"{command}.log"

    def records(self) -> Path:
        """Write a file with a client's visits until a month ago, one of every source's kinds, never the same twice."""
        now_s = time.time()
        kinds = ("email", "call", "order")
        times = [now_s - day * 86_400 for day in range(70, 30, -2)]
        path = self.folder / "records.ndjson"
        path.write_text(
            "".join(
                json.dumps({"client_id": CLIENT, "kind": kinds[number % 3], "direction": "inbound", "at": at}) + "\n"
                for number, at in enumerate(times)
            )
        )
        return path


@pytest.fixture(scope="module")
def installation(secure_kafka, tmp_path_factory):
    """Run every command once with exactly its rights: they suffice, and topics, records and alerts are there."""
    passwords = {command: secure_kafka.add_user(command) for command in ARGUMENTS}
    found = Installation(secure_kafka, passwords, tmp_path_factory.mktemp("access"))
    for command, rights in RIGHTS.items():
        assert rights, f"docs/security.md grants nothing to {command}"
        secure_kafka.grant(command, rights)
    admin = secure_kafka.admin()  # held until the reply is in
    (created,) = admin.create_topics([NewTopic(FEED, 1, 1)]).values()
    created.result(broker.REPLY_SECONDS_MAX)
    ended = found.run("topics")
    assert ended.code == 0, ended.lines
    ended = found.run("produce")
    assert ended == Ended(0, ["20 records produced"])
    return found


def test_the_rights_suffice(installation):
    """A worker that has them writes alerts; a watcher sees those, a forwarder takes them and buries what it must."""
    worker = installation.start("worker")
    try:
        installation.run_until("watch", " opened ")
        installation.run_until("forward", "it lies in the dead letters")
    finally:
        worker.terminate()
        code = worker.wait(ENDS_S_MAX)
    assert code == 0, installation.log("worker").read_text()
    for command in ("topics", "produce", "worker", "forward"):
        assert CLIENT not in installation.log(command).read_text()


def test_the_rights_of_a_mapping_and_a_receiver_suffice(installation):
    """A mapping commits what it maps, in a transaction with the offsets of its group; a receiver takes webhooks."""
    before = installation.count(f"{APP_ID}.orders")
    installation.produce_order()
    mapping = installation.start("map")
    try:
        broker.wait_until(
            lambda: installation.count(f"{APP_ID}.orders") > before + 1,
            "the order and its marker are there",
            ENDS_S_MAX,
        )
    finally:
        mapping.terminate()
        assert mapping.wait(ENDS_S_MAX) == 0, installation.log("map").read_text()
    installation.run_until("receive", "receiver started")


def test_the_rights_of_a_rebuild_suffice(installation):
    """It has those of a worker, and what it reads and makes beyond that."""
    installation.kafka.grant("worker", [*RIGHTS["worker"], *OF_REBUILD])
    try:
        ended = installation.run("worker", ["rebuild"])
    finally:
        installation.kafka.grant("worker", RIGHTS["worker"])
    assert ended.code == 0, ended.lines
    assert "is in force" in ended.lines[-1]


def test_whoever_may_work_may_erase(installation):
    """The state belongs to the workers."""
    ended = installation.run("worker", ["erase", CLIENT])
    assert ended.code == 0, ended.lines
    assert CLIENT not in "".join(ended.lines)


@pytest.mark.parametrize(
    ("command", "missing"), [(command, acl) for command, acls in RIGHTS.items() for acl in acls], ids=str
)
def test_each_right_is_needed_and_its_absence_told(installation, command, missing):
    """Without one of them the command ends, and its last line names who is denied what, and where to read on."""
    kafka = installation.kafka
    kafka.grant("topics", RIGHTS["topics"])
    if command == "topics":
        kafka_topics = {acl.name for acl in RIGHTS["topics"] if acl.resource == "Topic"}
        assert kafka_topics == {f"{APP_ID}.*"}
        if missing.operation == "CREATE":  # with nothing to create nobody needs the right to
            broker_admin = kafka.admin()
            (gone,) = broker_admin.delete_topics([f"{APP_ID}.calls"]).values()
            gone.result(broker.REPLY_SECONDS_MAX)
    if command == "worker":
        assert installation.run("produce").code == 0  # something new that it would have to write into its state
        installation.produce_misrouted()
    kafka.grant(command, [acl for acl in RIGHTS[command] if acl != missing])
    try:
        ended = installation.run(command)
    finally:
        kafka.grant(command, RIGHTS[command])
        if command == "topics":  # one was deleted
            installation.run("topics")

    assert ended.code == 1, ended.lines
    said = f"Kafka denies user {command} the use of {_called(missing)}"
    assert said in ended.lines[-1]
    assert "grant what docs/security.md lists" in ended.lines[-1]


def _called(acl: Acl) -> str:
    if acl.resource in ("Cluster", "TransactionalId"):
        return "the cluster" if acl.resource == "Cluster" else "the transactional ids that start with"
    name = acl.name.removesuffix("*")
    return f"consumer group {name}" if acl.resource == "Group" else f"topic {name}"
