"""One run of the fault suite: load, faults as scheduled, and the comparison with a run that had none."""

import asyncio
import heapq
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, nullcontext
from itertools import count
from pathlib import Path
from random import Random
from typing import NamedTuple

import confluent_kafka.admin as kafka_admin

from detector.shell.config.settings import Settings
from detector.shell.kafka import topics
from detector.shell.kafka.errors import BrokerUnreachable
from detector.shell.worker.exit_codes import Exit
from tests import kafka as broker
from tests.faults import durable
from tests.faults.cluster import READY_SECONDS_MAX, Cluster, running
from tests.faults.fleet import Fleet, Start, Worker, from_nothing
from tests.faults.load import Load
from tests.faults.schedule import Fault, Schedule, drawn
from tests.faults.takeover import TakeOver, longest

DONE_SECONDS_MAX = 300  # it takes a few; the rest is for a busy machine
SESSION_S = 6
SETTLE_S = 12  # longer than it may take to produce after a node came back
LIVE_EVERY_S = 0.4
FINISHED_EVERY_S = 1.0
EXCUSED_S = 40  # how long a disturbance of the broker may still make workers end: their own bounds and Kafka's


class Report(NamedTuple):
    """What a run was like."""

    faults: Counter[str]
    nodes: int
    events: int
    rerouted: int
    alerts: int
    rejected: int
    ended: Counter[str]
    take_over: TakeOver | None
    compacted: bool
    seconds: float


class Drill:
    """A cluster, a fleet and a load, and what can go wrong with them."""

    def __init__(self, schedule: Schedule, cluster: Cluster, fleet: Fleet, load: Load) -> None:
        self.schedule, self.cluster, self.fleet, self.load = schedule, cluster, fleet, load
        self.chance = Random(schedule.seed)
        self._later: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()
        self._live_at_s = 0.0
        self._whole_at_s = 0.0

    def run(self) -> None:
        """Let everything happen."""
        for _ in range(self.schedule.workers):
            self.fleet.add()
        while not any(worker.shards() for worker in self.fleet.workers):
            self._go_on(0.1)
        for fault in self.schedule.faults:
            self._go_on(fault.pause_s)
            self._inject(fault)
        while self._later:
            self._go_on(0.1)
        self.cluster.wait_until_whole()
        self.load.produce_now(5)

    def _go_on(self, seconds: float) -> None:
        """Let time pass: the load goes on, workers are supervised, faults end."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            while self._later and self._later[0][0] <= time.monotonic():
                heapq.heappop(self._later)[2]()
            self.fleet.supervise()
            if time.monotonic() >= self._live_at_s and self._is_whole():
                self.load.produce_now(1)
                self._live_at_s = time.monotonic() + LIVE_EVERY_S
            time.sleep(0.02)

    def _is_whole(self) -> bool:
        if time.monotonic() >= self._whole_at_s and not self.cluster.is_whole():
            return False
        self._whole_at_s = time.monotonic() + 2  # nodes die by our hand only, which forgets this
        return True

    def _after(self, seconds: float, action: Callable[[], object]) -> None:
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._order), action))

    def _disturb(self, seconds: float) -> None:
        self.fleet.excuses_until_s = max(self.fleet.excuses_until_s, time.monotonic() + seconds + EXCUSED_S)

    def _worker(self, fault: Fault) -> Worker:
        running_ones = [worker for worker in self.fleet.workers if not worker.is_stopped] or self.fleet.workers
        return running_ones[fault.choice % len(running_ones)]

    def _inject(self, fault: Fault) -> None:
        getattr(self, f"_{fault.kind.replace(' ', '_')}")(fault)

    def _kill(self, fault: Fault) -> None:
        self.fleet.kill(self._worker(fault))

    def _kill_in_restore(self, fault: Fault) -> None:
        """A new member makes the group assign anew; whoever restores first is struck."""
        self.fleet.add()
        give_up_at = time.monotonic() + 2 * SESSION_S
        while time.monotonic() < give_up_at:
            found = [worker for worker in self.fleet.workers if worker.is_restoring()]
            if found:
                self._stall(fault._replace(lasts_s=0.5))
                self.fleet.kill(found[fault.choice % len(found)])
                break
            self._go_on(0.005)
        self._remove(fault)

    def _kill_in_commit(self, fault: Fault) -> None:
        self._stall(fault._replace(lasts_s=0.5))
        self._go_on(0.2)
        self.fleet.kill(self._worker(fault))

    def _term(self, fault: Fault) -> None:
        self._remove(fault)
        self.fleet.add()

    def _remove(self, fault: Fault) -> None:
        if len(self.fleet.workers) > 1:
            worker = self._worker(fault)
            self.fleet.terminate(worker)
            while worker in self.fleet.workers:
                self._go_on(0.05)

    def _add(self, _: Fault) -> None:
        self.fleet.add()

    def _zombie(self, fault: Fault) -> None:
        worker = self._worker(fault)
        worker.signal(signal.SIGSTOP)

        def wake() -> None:
            if worker in self.fleet.workers:
                worker.signal(signal.SIGCONT)

        self._after(fault.lasts_s, wake)

    def _node(self, fault: Fault) -> None:
        node = self.cluster.nodes[fault.choice % len(self.cluster.nodes)]
        if not self._is_whole():  # one at a time: the cluster promises nothing if it loses two of three
            return
        self._disturb(fault.lasts_s + 20)
        self._whole_at_s = 0
        node.kill()
        self._after(fault.lasts_s, node.start)

    def _cut(self, fault: Fault) -> None:
        self._disturb(fault.lasts_s)
        share = (0.3, 0.7, 1.0)[fault.choice % 3]
        for node in self.cluster.nodes:
            node.proxy.cut(share, self.chance, refuse=share == 1)
            self._after(fault.lasts_s if share == 1 else 0, node.proxy.flow)

    def _stall(self, fault: Fault) -> None:
        self._disturb(fault.lasts_s)
        for node in self.cluster.nodes:
            node.proxy.stall()
            self._after(fault.lasts_s, node.proxy.flow)

    def _burst(self, fault: Fault) -> None:
        if self._is_whole():
            self.load.produce_now(20 + fault.choice % 100)

    def finish(self) -> None:
        """Wait until everything is applied and told, and let the workers leave."""
        give_up_at = time.monotonic() + DONE_SECONDS_MAX
        settings = self.load.settings
        told = len(self.load.replayed(time.time()))
        with closing(durable.Count(settings, settings.alerts_topic, settings.history_topic)) as count:
            while not (self._has_begun() and count.total >= told and self._is_applied()):
                logs = "\n".join(worker.log.text()[-2000:] for worker in self.fleet.workers)
                assert time.monotonic() < give_up_at, f"{count.total} of {told} alerts, or not all applied\n{logs}"
                self.fleet.supervise()
                count.go_on(FINISHED_EVERY_S)
        leaving = list(self.fleet.workers)
        for worker in leaving:
            self.fleet.terminate(worker)
        while self.fleet.workers:
            self.fleet.supervise()
            time.sleep(0.05)
        for worker in leaving:
            code = worker.process.returncode
            assert code == Exit.DONE, f"{worker.name} ended with {code}\n{worker.log.text()[-3000:]}"

    def _has_begun(self) -> bool:
        return all(worker.has_begun() for worker in self.fleet.workers)

    def _is_applied(self) -> bool:
        return self.load.is_applied(durable.restored(self.load.settings))

    def compare(self) -> tuple[int, int]:
        """Hold what is durable to the answer; -> how many alerts and rejections."""
        settings = self.load.settings
        answer = self.load.answer(time.time())
        assert durable.values(settings, settings.alerts_topic, settings.history_topic) == answer.alerts
        assert durable.values(settings, settings.rejected_topic) == answer.rejected
        assert durable.values(settings, settings.rerouted_topic) == sorted(one.value for one in self.load.misrouted)
        rows = {name: row for shard in durable.restored(settings) for name, row in durable.rows_of(shard).items()}
        different = {name for name in rows.keys() | answer.rows.keys() if rows.get(name) != answer.rows.get(name)}
        assert not different, f"rows of {len(different)} of {len(answer.rows)} clients differ"
        return len(answer.alerts), len(answer.rejected)


def told(seed: int, nodes: int | None) -> str:
    """Give the command that repeats a schedule."""
    return f"make faults SEED={seed} COUNT=1" + (f" NODES={nodes}" if nodes else "")


def drill(
    seed: int,
    folder: Path,
    *,
    nodes: int | None = None,
    cluster: Cluster | None = None,
    start: Start = from_nothing,
) -> Report:
    """Run the schedule of a seed; raises if anything differs from a run without faults, and says how to repeat it.

    It runs on a cluster of its own, unless one of the right size is given that is used again afterwards.
    """
    schedule = drawn(seed, SESSION_S, nodes=nodes)
    try:
        with nullcontext(cluster) if cluster else running(schedule.nodes, folder / "kafka") as used:
            report = _drill(schedule, folder, used, start)
    except BaseException as error:
        error.add_note(f"{dict(schedule.kinds())}\nseed {seed} failed; repeat it with: {told(seed, nodes)}")
        raise
    return report


def _drill(schedule: Schedule, folder: Path, cluster: Cluster, start: Start) -> Report:
    began = time.monotonic()
    settings = Settings(
        bootstrap_servers=cluster.addresses,
        app_id=f"faults-{schedule.seed}",
        replication=cluster.copies,
        session_timeout_s=SESSION_S,
        settle_s=SETTLE_S,
        learning_gaps_min=1,
        false_alerts_per_client_year=5,
        chunk_records=10,
        chunks_per_transaction=1,
        waiting_records_max=1000,
        transaction_timeout_s=10,
        stalled_s_max=60,
        data_dir=folder,
    )
    prepare(settings)
    load = Load(settings, Random(schedule.seed))
    load.produce_history()
    proxied = settings.model_copy(update={"bootstrap_servers": cluster.proxied})
    with closing(Fleet(proxied, start)) as fleet:
        run = Drill(schedule, cluster, fleet, load)
        run.run()
        run.finish()
        alerts, rejected = run.compare()
    compacted = is_compacted(cluster, settings.state_topic)
    asyncio.run(topics.delete(settings))
    return Report(
        faults=schedule.kinds(),
        nodes=schedule.nodes,
        events=len(load.counted),
        rerouted=len(load.misrouted),
        alerts=alerts,
        rejected=rejected,
        ended=fleet.ended,
        take_over=longest(fleet.killed_at, fleet.entries()),
        compacted=compacted,
        seconds=time.monotonic() - began,
    )


def prepare(settings: Settings) -> None:
    """Create the topics; the state is compacted all the time."""
    give_up_at = time.monotonic() + READY_SECONDS_MAX
    while True:
        try:
            asyncio.run(topics.create(settings))
            break
        except BrokerUnreachable:  # three nodes on a busy machine: what is there already stays as it is
            if time.monotonic() > give_up_at:
                raise
    often = {"segment.ms": "1000", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "1000"}
    resource = kafka_admin.ConfigResource(kafka_admin.ConfigResource.Type.TOPIC, settings.state_topic)
    for name, value in often.items():
        resource.add_incremental_config(
            kafka_admin.ConfigEntry(name, value, incremental_operation=kafka_admin.AlterConfigOpType.SET)
        )
    client = broker.admin(settings.bootstrap_servers)  # held until the reply is in
    for done in client.incremental_alter_configs([resource]).values():
        done.result(broker.REPLY_SECONDS_MAX)


def is_compacted(cluster: Cluster, topic: str) -> bool:
    """Say whether Kafka's cleaner has been through a topic: it keeps a file of how far."""
    checkpoints = [node.folder / "data" / "cleaner-offset-checkpoint" for node in cluster.nodes]
    lines = [line.split() for path in checkpoints if path.exists() for line in path.read_text().splitlines()]
    return any(line[0] == topic and int(line[2]) > 0 for line in lines if len(line) > 2)
