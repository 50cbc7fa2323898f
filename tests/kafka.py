"""A real Kafka for the tests: started by `deploy/kafka/run`, waited for, and stopped."""

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

RUN = Path(__file__).parents[1] / "deploy" / "kafka" / "run"
START_SECONDS_MAX = 120  # it takes 5; the rest is for a busy machine
STOP_SECONDS_MAX = 30
REPLY_SECONDS_MAX = 30
PORTS = range(10_000, 32_000)
COORDINATOR_STARTING = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)


class NoKafkaError(Exception):
    """There is no broker to test with, and why."""


@contextmanager
def running(folder: Path, *options: str, access: Callable[[], dict[str, str]] = dict, ports: int = 2) -> Iterator[str]:
    """Run a Kafka with its data in the folder; give its address; stop it, whatever happened in between.

    Parameters
    ----------
    folder
        Of the node.
    options
        Further ones of `deploy/kafka/run`.
    access
        What a client needs to get in, for a node that does not let in everybody.
    ports
        How many it takes.
    """
    fetched = subprocess.run([RUN, "--prepare"], stderr=subprocess.PIPE, text=True, check=False)
    if fetched.returncode:
        raise NoKafkaError(fetched.stderr.strip())
    port = free_port(ports)
    log = folder / "kafka.log"
    with log.open("wb") as output:
        # A session of its own: a Ctrl-C for pytest must not take the broker from under the tests that are ending.
        broker = subprocess.Popen(
            [RUN, "--folder", folder, "--port", str(port), *options],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        address = f"127.0.0.1:{port}"
        give_up_at = time.monotonic() + START_SECONDS_MAX
        while not answers(address, seconds_max=1, access=access):
            if broker.poll() is not None or time.monotonic() > give_up_at:
                raise NoKafkaError(f"deploy/kafka/run did not start one:\n{log.read_text()[-2000:]}")
        yield address
    finally:
        stop(broker)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a process and those that it started: politely, then not."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, sign)
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                continue


def answers(address: str, *, seconds_max: float, access: Callable[[], dict[str, str]] = dict) -> bool:
    """Ask a broker for its metadata until it replies or the time is over."""
    try:
        return bool(admin(address, access()).list_topics(timeout=seconds_max).brokers)
    except KafkaException:
        return False


def admin(address: str, access: Mapping[str, str] = MappingProxyType({})) -> AdminClient:
    """Give a client that says nothing of its failed attempts; the caller hears of the last one."""
    return AdminClient({"bootstrap.servers": address, "log_level": 0, "error_cb": lambda _: None, **access})


def free_port(count: int = 2) -> int:
    """Find a port that is free, and so are the next ones; the node's controller takes the second.

    It lies below those that systems give to outgoing connections, which would take it before a node has started.
    """
    while True:
        port = secrets.choice(PORTS)
        with ExitStack() as stack, suppress(OSError):
            for number in range(port, port + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", number))
            return port


def wait_until(met: Callable[[], bool], what: str, seconds_max: float = REPLY_SECONDS_MAX) -> None:
    """Wait for what the controller has confirmed and a broker learns a moment later, or for what takes longer."""
    give_up_at = time.monotonic() + seconds_max
    while not met():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"waited {seconds_max} s in vain until {what}")
        time.sleep(0.02)


def create(address: str, *names: str, partitions: int = 1) -> None:
    """Create topics and wait until the broker says so."""
    client = admin(address)  # held until the replies are in: a client that is let go takes its questions with it
    wanted = [NewTopic(name, partitions, 1) for name in names]
    for created in client.create_topics(wanted, operation_timeout=REPLY_SECONDS_MAX).values():
        created.result(REPLY_SECONDS_MAX)
    wait_until(lambda: topics(address).issuperset(names), f"{names} exist")


def topics(address: str) -> set[str]:
    """List the topics of a broker."""
    return set(admin(address).list_topics(timeout=REPLY_SECONDS_MAX).topics)


def remove(address: str, app_id: str) -> None:
    """Delete the topics of an installation and its consumer group."""
    client = admin(address)
    own = [name for name in topics(address) if name.startswith(f"{app_id}.")]
    if own:
        for deleted in client.delete_topics(own, operation_timeout=REPLY_SECONDS_MAX).values():
            deleted.result(REPLY_SECONDS_MAX)
        wait_until(lambda: topics(address).isdisjoint(own), f"{own} are gone")
    wait_until(lambda: group_is_removed(client, app_id), f"group {app_id} is gone")


def group_is_removed(client: AdminClient, group: str) -> bool:
    """Try to delete a consumer group; say whether there is nothing more to do."""
    try:
        client.delete_consumer_groups([group], request_timeout=REPLY_SECONDS_MAX)[group].result(REPLY_SECONDS_MAX)
    except KafkaException as error:
        code = error.args[0].code()
        if code in COORDINATOR_STARTING:
            return False
        # No worker has joined; or one was killed and its session has not run out: then the group expires by itself.
        if code not in (KafkaError.GROUP_ID_NOT_FOUND, KafkaError.NON_EMPTY_GROUP):
            raise
    return True
