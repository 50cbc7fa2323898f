"""A Kafka of the benchmark's own, pinned to its core, and what is asked of it: topics, records, bytes on disk."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.kafka import free_port

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "bench"
RUN = ROOT / "deploy" / "kafka" / "run"
START_SECONDS_MAX = 60
REPLY_SECONDS_MAX = 30
STOP_SECONDS_MAX = 30
# What is written stays: compacted topics would lose what tells how far a system was when, and how much it wrote.
CONFIG = "log.cleaner.enable=false\n"
COORDINATOR_STARTING = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)


class BrokerError(Exception):
    """There is no broker to measure with: one line with the reason."""


@dataclass(frozen=True)
class Broker:
    """A broker that runs.

    Parameters
    ----------
    address
        HOST:PORT.
    data
        The folder of its logs.
    """

    address: str
    data: Path

    @property
    def admin(self) -> AdminClient:
        """A client that says nothing of its failed attempts."""
        return AdminClient({"bootstrap.servers": self.address, "log_level": 0, "error_cb": lambda _: None})

    def create(self, names: list[str], partitions: int, **config: str) -> None:
        """Create topics that keep what they get, unless the configuration says otherwise."""
        admin = self.admin
        wanted = [NewTopic(name, partitions, 1, config={"retention.ms": "-1", **config}) for name in names]
        for created in admin.create_topics(wanted).values():
            created.result(REPLY_SECONDS_MAX)
        wait_until(lambda: self.topics().issuperset(names), f"topics {names} exist")

    def topics(self) -> set[str]:
        """List all topics."""
        return set(self.admin.list_topics(timeout=REPLY_SECONDS_MAX).topics)

    def delete(self, chosen: Callable[[str], bool]) -> None:
        """Delete topics, and the consumer group of that name if there is one."""
        names = [name for name in self.topics() if chosen(name)]
        admin = self.admin
        if names:
            for deleted in admin.delete_topics(names, operation_timeout=REPLY_SECONDS_MAX).values():
                deleted.result(REPLY_SECONDS_MAX)
            wait_until(lambda: self.topics().isdisjoint(names), "topics are gone")

    def delete_group(self, group: str) -> None:
        """Forget the offsets of a consumer group once its members have left."""
        admin = self.admin

        def gone() -> bool:
            try:
                admin.delete_consumer_groups([group])[group].result(REPLY_SECONDS_MAX)
            except KafkaException as error:
                return bool(error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND)
            return True

        wait_until(gone, f"group {group} is gone")

    def consumer(self, isolation: str = "read_committed", group: str = "bench-reader") -> Consumer:
        """Give a consumer that joins no group; its name is for asking what a group has committed."""
        return Consumer(
            {
                "bootstrap.servers": self.address,
                "group.id": group,
                "enable.auto.commit": False,
                "isolation.level": isolation,
                "enable.partition.eof": True,
                "fetch.queue.backoff.ms": 10,
                "fetch.wait.max.ms": 50,
            }
        )

    def values(self, topic: str) -> Iterator[bytes]:
        """Read the values of all committed records of a topic."""
        return (record.value() for record in self.records(topic))

    def records(self, topic: str) -> Iterator[Message]:
        """Read all committed records of a topic."""
        consumer = self.consumer()
        try:
            partitions = consumer.list_topics(topic, REPLY_SECONDS_MAX).topics[topic].partitions
            consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
            open_ones = set(partitions)
            give_up_at = time.monotonic() + REPLY_SECONDS_MAX
            while open_ones:
                for record in consumer.consume(10_000, 0.05):
                    if record.error() is None:
                        give_up_at = time.monotonic() + REPLY_SECONDS_MAX
                        yield record
                    elif record.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's own constant
                        open_ones.discard(record.partition())
                    else:
                        raise BrokerError(str(record.error()))
                if time.monotonic() > give_up_at:
                    raise BrokerError(f"{topic} could not be read to its end")
        finally:
            consumer.close()

    def bytes_of(self, chosen: Callable[[str], bool]) -> dict[str, int]:
        """Give the bytes on disk of each topic, indices left out."""
        found: dict[str, int] = {}
        for folder in self.data.iterdir():
            topic, _, partition = folder.name.rpartition("-")  # what is being deleted ends with -delete
            if partition.isdecimal() and chosen(topic):
                found[topic] = found.get(topic, 0) + sum(file.stat().st_size for file in folder.glob("*.log"))
        return found


def wait_until(met: Callable[[], bool], what: str, seconds_max: float = REPLY_SECONDS_MAX) -> None:
    """Wait for a condition, for a bounded time."""
    give_up_at = time.monotonic() + seconds_max
    while not met():
        if time.monotonic() > give_up_at:
            raise BrokerError(f"waited {seconds_max} s in vain until {what}")
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes], seconds_max: float = STOP_SECONDS_MAX) -> None:
    """Stop a process: politely, then not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds_max)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running(core: int) -> Iterator[Broker]:
    """Run a broker on a core, with an empty folder; stop it and remove the folder in the end."""
    prepared = subprocess.run([RUN, "--prepare"], stderr=subprocess.PIPE, text=True, check=False)
    if prepared.returncode:
        raise BrokerError(prepared.stderr.strip())
    folder = CACHE / "node"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port, config = free_port(), folder / "bench.properties"
    config.write_text(CONFIG)
    with (CACHE / "kafka.log").open("wb") as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), RUN, "--folder", folder, "--port", str(port), "--config", config],
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us; we stop it last
        )
    broker = Broker(f"127.0.0.1:{port}", folder / "data")
    try:
        wait_until(lambda: _answers(broker, process), "Kafka answers", START_SECONDS_MAX)
        yield broker
    finally:
        stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(broker: Broker, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise BrokerError(f"Kafka did not start; see {CACHE / 'kafka.log'}")
    try:
        return bool(broker.admin.list_topics(timeout=1).brokers)
    except KafkaException:
        return False
