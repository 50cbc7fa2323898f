"""The load of the fault suite, and its answer: what a run without a fault makes of it.

A history that is a backlog at the start, then clients who return, one by one and in bursts, with records among them
that nobody can read. The answer comes twice: from `replay` (alerts), and from shards that are fed in this process
(alerts, rejections and what is durable of every client).

When a misrouted record arrives in its own shard depends on the faults. So it is of clients of whom nothing is ever
told, whoever is first: what is compared is that each of their records was applied, once and in order.
"""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from confluent_kafka import Producer

from detector.core.alerts.alert import Alert
from detector.core.clock import DAY_S
from detector.core.engine.intake import Intake
from detector.core.engine.shard import Shard
from detector.core.primitives.hashing import hashed
from detector.core.wire.records import columns_of
from detector.core.wire.reroute import REROUTED
from detector.core.wire.routing import Address, address_of
from detector.offline.dealing import Installation
from detector.offline.replay import replay
from detector.shell.config.policy import policy_of
from detector.shell.config.settings import Settings
from tests import kafka as broker
from tests.faults.durable import rows_of

START_S = 1_704_067_200.0  # 2024-01-01: every silence of the history is over before a test begins
ASTRAY = 6  # clients whose records are misrouted
KINDS = ("email", "call", "order")
SEGMENTS, CHANNELS = ("default", "vip"), ("gmail", "phone", "shop", "chat", "fair")


class Sent(NamedTuple):
    """A record as it was produced, and where it belongs."""

    source: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: tuple[()] = ()
    timestamp: None = None


class Answer(NamedTuple):
    """What has to come out."""

    alerts: list[bytes]
    rejected: list[bytes]
    rows: dict[str, object]


@dataclass
class Mix:
    """What is mixed in among the interactions, as a share of them."""

    malformed: float = 0.02
    duplicates: float = 0.02  # the same event again, right behind itself: it changes nothing
    misrouted: float = 0.02  # in the partition of somebody else: it is rerouted


@dataclass
class Load:
    """Produces, and remembers what."""

    settings: Settings  # past the proxy
    chance: Random
    mix: Mix = field(default_factory=Mix)
    clients: int = 40
    contacts: int = 100
    counted: list[Sent] = field(default_factory=list)
    """The records that count, once each, with the place that they came to."""
    misrouted: list[Sent] = field(default_factory=list)
    """Those that came to another partition than their client's, with the place where they belong."""

    def __post_init__(self) -> None:
        self._ends: Counter[tuple[str, int]] = Counter()
        self._number = 0
        self._producer = Producer(
            {
                "bootstrap.servers": self.settings.bootstrap_servers,
                "enable.idempotence": True,
                "linger.ms": 2,
                "log_level": 0,
            }
        )

    def produce_history(self) -> None:
        """Produce the history of regular clients who go quiet, all of it in the past: a backlog."""
        found = []
        for client in range(self.clients):
            at = START_S + self.chance.random() * DAY_S
            for _ in range(self.contacts):
                at += DAY_S * (1 + client % 4) * (0.7 + 0.6 * self.chance.random())
                found.append((at, client))
        for at, client in sorted(found):
            self._produce(client, at)
        self._flush()

    def produce_now(self, count: int) -> None:
        """Let some clients act now. What is acknowledged too late would have another answer, hence the check."""
        began = time.monotonic()
        for _ in range(count):
            self._produce(self.chance.randrange(self.clients), time.time())
        self._flush()
        took_s = time.monotonic() - began
        assert took_s < self.settings.settle_s - 3, f"to produce took {took_s:.1f} s: the answer is not known"

    def _produce(self, client: int, at: float) -> None:
        if self.chance.random() < self.mix.malformed:
            self._send(self.chance.choice([b"{nope", b"[]", b'{"client_id": "client-1", "kind": "call", "at": "?"}']))
        self._number += 1
        kind = self.chance.choice(KINDS)
        event = {
            "event_id": f"e{self._number}",
            "client_id": f"client-{client}",
            "kind": kind,
            "at": at,
            "direction": "inbound" if kind == "order" else self.chance.choice(("inbound", "inbound", "outbound")),
            "account_id": f"account-{client % 7}",
            "segment": SEGMENTS[client % len(SEGMENTS)],
            "channel": self.chance.choice(CHANNELS),
            "amount": round(self.chance.uniform(5, 500), 2),
            "length": self.chance.randrange(2000),
        }
        value = json.dumps(event).encode()
        self._send(value)
        if self.chance.random() < self.mix.duplicates:
            self._send(value, counts=False)
        if self.chance.random() < self.mix.misrouted:
            self._send_astray(at)

    def _send(self, value: bytes, *, counts: bool = True) -> None:
        to = self._address(value)
        place = to.source, to.partition
        self._put(place, to.key, value)
        if counts:
            self.counted.append(Sent(*place, self._ends[place] - 1, to.key, value))

    def _send_astray(self, at: float) -> None:
        """Send a note of ours to the wrong partition: nothing is learned of it but that it was seen."""
        client = self.chance.randrange(ASTRAY)
        event = {"event_id": f"a{len(self.misrouted)}", "client_id": f"astray-{client}", "kind": "call", "at": at}
        value = json.dumps({**event, "direction": "outbound", "segment": "astray"}).encode()
        to = self._address(value)
        self._put((to.source, (to.partition + 1) % self.settings.partitions), to.key, value)
        self.misrouted.append(Sent(REROUTED, to.partition, len(self.misrouted), to.key, value))

    def _address(self, value: bytes) -> Address:
        settings = self.settings
        return address_of(value, first=settings.sources[0], route=settings.source_of, partitions=settings.partitions)

    def _put(self, place: tuple[str, int], key: bytes | None, value: bytes) -> None:
        self._producer.produce(self.settings.topic(place[0]), value, key, partition=place[1])
        self._producer.poll(0)
        self._ends[place] += 1

    def _flush(self) -> None:
        assert self._producer.flush(broker.REPLY_SECONDS_MAX) == 0

    def is_applied(self, shards: list[Shard]) -> bool:
        """Say whether the durable states of the shards cover everything that was produced."""
        seen = {int(event) for shard in shards for client in shard.table.clients for event in client["seen"]}
        last = {sent.key: hashed(json.loads(sent.value)["event_id"]) for sent in self.misrouted}
        read = all(shards[p].applied_to(source) >= end - 1 for (source, p), end in self._ends.items())
        return read and seen.issuperset(last.values())

    def answer(self, until_s: float) -> Answer:
        """Say what a run without a fault makes of the load, up to an instant that is past."""
        shards = [Shard(policy_of(self.settings)) for _ in range(self.settings.partitions)]
        topics = {source: self.settings.topic(source) for source in self.settings.inputs}
        for p, shard in enumerate(shards):
            intake = Intake(shard, topics, p, self.settings.partitions)
            for source in topics:
                records = [
                    one for one in (*self.counted, *self.misrouted) if (one.source, one.partition) == (source, p)
                ]
                intake.read(source, columns_of(records), until_s)
        outcomes = [shard.advance(until_s) for shard in shards]
        alerts = sorted(alert.value for outcome in outcomes for alert in outcome.alerts)
        assert alerts == self.replayed(until_s)
        return Answer(
            alerts,
            sorted(rejected for outcome in outcomes for rejected in outcome.rejected),
            {client: row for shard in shards for client, row in rows_of(shard).items()},
        )

    def replayed(self, until_s: float) -> list[bytes]:
        """Give the alerts of a replay of the load."""
        outputs = replay(
            [[sent.value for sent in self.counted]],
            Installation(policy_of(self.settings), self.settings.partitions, self.settings.source_of),
            until_s=until_s,
            now_s=until_s,
        )
        return sorted(output.value for output in outputs if isinstance(output, Alert))
