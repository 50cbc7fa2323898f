"""How many signed webhooks of 1,000 bytes `ghosting receive` answers in a second, on one core.

`.venv/bin/python -m benchmarks.receive` starts a broker and a receiver, pins the receiver to the second core and
everything else to the first, and posts orders of a shop over connections that stay open. It fails if an answer is not
200, if fewer than `PER_SECOND_MIN` are answered, or if an answered order is not in Kafka.
"""

import argparse
import asyncio
import base64
import hmac
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from confluent_kafka import Consumer, KafkaError, TopicPartition

from detector.shell.config.settings import Settings
from detector.shell.kafka import topics
from tests import kafka as broker

PER_SECOND_MIN: Final = 2000
BODY_BYTES: Final = 1000
CONNECTIONS: Final = 64
SECRET: Final = "the invented secret of a shop"  # noqa: S105 (a benchmark's)
PATIENCE_S: Final = 60
RECEIVER_CORE: Final = "1"
OTHER_CORE: Final = "0"


def request(number: int, port: int) -> bytes:
    """Build the signed webhook of one order, as it goes over the wire."""
    at = f"2026-03-{1 + number % 28:02d}T10:15:00Z"
    order = {"id": 10**15 + number, "processed_at": at, "customer": {"id": 10**14 + number % 5000}, "test": False}
    order |= {"total_price": "49.90", "currency": "EUR", "email": "a@b.example", "note": ""}
    body = json.dumps(order | {"note": "x" * (BODY_BYTES - len(json.dumps(order)))}).encode()
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
    head = (
        f"POST /webhooks/shopify HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nx-shopify-topic: orders/create\r\nx-shopify-hmac-sha256: {signature}\r\n\r\n"
    )
    return head.encode() + body


class Load:
    """Connections that post one webhook after the other, each as soon as the one before is answered."""

    def __init__(self, requests: list[bytes], port: int) -> None:
        self._requests, self._port = iter(requests), port
        self.waited_s: list[float] = []
        self.failed = 0

    async def run(self) -> float:
        """Post all of them; -> the seconds that it took."""
        connections = [await asyncio.open_connection("127.0.0.1", self._port) for _ in range(CONNECTIONS)]
        began = time.perf_counter()
        await asyncio.gather(*(self._post(*connection) for connection in connections))
        took_s = time.perf_counter() - began
        for _, writer in connections:
            writer.close()
        return took_s

    async def _post(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for posted in self._requests:
            began = time.perf_counter()
            writer.write(posted)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(length)
            self.waited_s.append(time.perf_counter() - began)
            self.failed += not head.startswith(b"HTTP/1.1 200")


def processor_s(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def in_kafka(settings: Settings) -> int:
    """Count the orders that can be read, each event once."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap_servers,
            "group.id": "count",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(settings.topic("orders"), number, 0) for number in range(settings.partitions)])
    events, ends = set(), 0
    while ends < settings.partitions:
        for record in consumer.consume(10_000, 1):
            if record.error() is None:
                events.add(json.loads(record.value())["event_id"])
            else:
                ends += record.error().code() == KafkaError._PARTITION_EOF  # noqa: SLF001 - the client's own constant
    consumer.close()
    return len(events)


def measure(settings: Settings, count: int, folder: Path) -> int:
    """Run a receiver under load, print what came of it; -> the exit code."""
    environment = {
        **os.environ,
        "GHOSTING_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "GHOSTING_APP_ID": settings.app_id,
        "GHOSTING_RECEIVE_PORT": str(settings.receive_port),
        "GHOSTING_RECEIVE_REQUESTS_PER_S_MAX": "1000000",
        "SHOP_SECRET": SECRET,
    }
    command = ["taskset", "-c", RECEIVER_CORE, sys.executable, "-m", "detector", "receive", "--preset"]
    with (folder / "receiver.log").open("wb") as log:
        receiver = subprocess.Popen([*command, "shopify=SHOP_SECRET"], env=environment, stdout=log, stderr=log)
    try:
        said = folder / "receiver.log"
        broker.wait_until(lambda: b"receiver started" in said.read_bytes(), "the receiver listens", PATIENCE_S)
        warm = Load([request(number, settings.receive_port) for number in range(500)], settings.receive_port)
        asyncio.run(warm.run())
        load = Load([request(500 + number, settings.receive_port) for number in range(count)], settings.receive_port)
        before_s = processor_s(receiver.pid)
        took_s = asyncio.run(load.run())
        used_s = processor_s(receiver.pid) - before_s
    finally:
        receiver.terminate()
        receiver.wait()
    waited, found = sorted(load.waited_s), in_kafka(settings)
    print(f"{count} webhooks of {BODY_BYTES} bytes over {CONNECTIONS} connections: {count / took_s:,.0f} a second")
    each = f"{used_s / count * 1e6:.0f} us each, so {count / used_s:,.0f} a second of its core"
    print(f"processor time of the receiver: {each}")
    print(f"answered within {waited[count // 2] * 1e3:.1f} ms (half), {waited[count * 99 // 100] * 1e3:.1f} ms (99 %)")
    print(f"not answered 200: {load.failed}; events in Kafka: {found} of {count + 500}")
    return int(load.failed > 0 or found < count + 500 or count / took_s < PER_SECOND_MIN)


def main() -> int:
    """Measure on a broker of our own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="how many webhooks are posted")
    count = parser.parse_args().count
    os.sched_setaffinity(0, {int(OTHER_CORE)})  # the broker inherits it
    with tempfile.TemporaryDirectory() as name, broker.running(Path(name)) as address:
        settings = Settings(bootstrap_servers=address, app_id="bench", receive_port=broker.free_port(1))
        asyncio.run(topics.create(settings))
        return measure(settings, count, Path(name))


if __name__ == "__main__":
    sys.exit(main())
