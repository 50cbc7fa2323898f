"""A broker inside this process, for the demo: librdkafka's mock cluster. It keeps a few megabytes, in memory only."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import confluent_kafka.admin  # noqa: F401 - else Producer imports it when asked, and makes an error of a Ctrl-C
from confluent_kafka import Producer

PARTITIONS = 4
"""Partitions of every topic of the mock cluster; it offers no choice."""
_REPLY_SECONDS_MAX = 10


@contextmanager
def embedded_broker(topics: Iterable[str]) -> Iterator[str]:
    """Run a broker with these topics while the block runs; the block gets its address.

    The mock cluster has no CreateTopics: a request for a topic by name creates it.
    """
    owner = Producer({"test.mock.num.brokers": 1, "log_level": 4})  # the cluster lives as long as this client
    for topic in topics:
        owner.list_topics(topic, timeout=_REPLY_SECONDS_MAX)
    broker = next(iter(owner.list_topics(timeout=_REPLY_SECONDS_MAX).brokers.values()))
    yield f"{broker.host}:{broker.port}"
    del owner
