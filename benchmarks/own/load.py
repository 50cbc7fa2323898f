"""Live events at a steady rate, and ten times a second one of a new client, whose name tells when it was produced.

load.py BROKER APP EVENTS_PER_SECOND SECONDS      prints how many it produced
"""

import random
import sys
import time

from confluent_kafka import Producer

from detector.core.primitives.partitioner import partition_of

PARTITIONS, CLIENTS, TICK_S, PROBE_S = 4, 100_000, 0.01, 0.1
TOPICS = {"email": "emails", "call": "calls", "order": "orders"}


def probe_id(now_s: float) -> str:
    """Name a client of partition 0 after this instant."""
    salt = 0
    while partition_of(f"probe-{now_s:.6f}-{salt}", PARTITIONS):
        salt += 1
    return f"probe-{now_s:.6f}-{salt}"


def main() -> None:
    """Produce until the time is over."""
    broker, app, rate, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
    producer = Producer({"bootstrap.servers": broker, "partitioner": "murmur2_random", "linger.ms": 5})
    kinds = [(kind, f"{app}.{source}") for kind, source in TOPICS.items()]
    began = time.time()
    produced = probes = 0
    while (elapsed_s := time.time() - began) < seconds:
        now_s = time.time()
        due = [f"load-{random.randrange(CLIENTS)}" for _ in range(int(elapsed_s * rate) - produced)]  # noqa: S311
        produced += len(due)
        if elapsed_s >= probes * PROBE_S:
            due.append(probe_id(now_s))
            probes += 1
        for client_id in due:
            kind, topic = random.choice(kinds)  # noqa: S311
            value = (
                f'{{"event_id":"{random.getrandbits(64):016x}","client_id":"{client_id}","kind":"{kind}",'
                f'"at":{now_s:.3f},"direction":"inbound","channel":"{kind}","segment":"load","length":123}}'
            )
            producer.produce(topic, value, client_id)
        producer.poll(0)
        time.sleep(max(0.0, TICK_S - (time.time() - now_s)))
    producer.flush()
    print(produced / (time.time() - began))


main()
