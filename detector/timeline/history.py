"""What a log holds of one client: its contacts, how long each silence was expected to last, and the incidents.

The detector runs over the whole log, since a client is compared with its segment. It stops after each contact of the
client to note the deadline of the silence that begins there.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from detector.core.alerts.alert import Alert
from detector.core.engine.intake import Intake
from detector.core.engine.shard import Shard
from detector.core.primitives.partitioner import partition_of
from detector.estimators.client import client_of
from detector.files.rows import produced
from detector.offline.dealing import Dealer, Installation
from schemas.envelope import InteractionReader
from schemas.ids import normal_client_id
from schemas.interaction import Refusal


class NotHeardError(ValueError):
    """The log holds no contact of the client."""


@dataclass(frozen=True)
class Silence:
    """A silence, from a contact to the next one.

    Parameters
    ----------
    begin_s, end_s
        When the client was last heard, and when it was heard again; of the last silence, the end of the log.
    median_s, p90_s
        When one in two and nine in ten such silences have ended; None before the client's third gap.
    deadline_s
        When the silence is too long; None before the client's third gap.
    """

    begin_s: float
    end_s: float
    median_s: float | None
    p90_s: float | None
    deadline_s: float | None


@dataclass
class Incident:
    """A silence that was too long; times that did not come are None."""

    opened_s: float
    escalated_s: float | None = None
    resolved_s: float | None = None


@dataclass(frozen=True)
class History:
    """One client's history; `incidents` are those of contact on any channel, as they were published."""

    client_id: str
    silences: list[Silence]
    incidents: list[Incident]
    end_s: float


def history_of(
    client_id: str,
    batches: Iterable[Sequence[bytes]],
    installation: Installation,
    *,
    until_s: float | None,
    now_s: float,
) -> History:
    """Run the detector over records, and return what concerns one client.

    Parameters
    ----------
    client_id
        The client.
    batches, installation, until_s, now_s
        As `replay` takes them.

    Raises
    ------
    NotHeardError
        If the log holds no contact of the client.
    """
    policy, partitions, _ = installation
    client_id = normal_client_id(client_id)
    interactions = _Interactions(client_id, now_s)
    shards = [Shard(policy, keeps_states=False) for _ in range(partitions)]
    topics = {source: f"{policy.app_id}.{source}" for source in policy.sources}
    intakes = [Intake(shard, topics, number, partitions) for number, shard in enumerate(shards)]
    dealer = Dealer(intakes, installation, now_s)
    for batch in interactions.noted(batches):
        dealer.deal(batch)
    dealer.flush()
    fronts_s = [shard.front_s(source) for shard in shards for source in policy.sources]
    end_s = max(fronts_s) if until_s is None else max(until_s, *fronts_s)
    shard = shards[partition_of(client_id, partitions)]
    silences, alerts = _followed(shard, client_id, interactions.at_s, end_s)
    if not silences:
        raise NotHeardError(f"no contact of {client_id} in the log")
    return History(client_id, silences, _incidents(client_id, alerts), end_s)


class _Interactions:
    """Notes when one client's interactions were, while records pass by."""

    def __init__(self, client_id: str, now_s: float) -> None:
        self._client_id, self._now_s = client_id, now_s
        self._reader = InteractionReader()
        self.at_s: set[float] = set()

    def noted(self, batches: Iterable[Sequence[bytes]]) -> Iterator[Sequence[bytes]]:
        """Pass records on."""
        plain = self._client_id.encode()
        # Some ids are spelled in several ways, and an escape or base64 may hide any of them.
        is_certain = self._client_id.isascii() and "@" not in self._client_id
        for batch in batches:
            for line in batch:
                if not is_certain or plain in line or b"\\" in line or b"data_base64" in line:
                    self._note(line)
            yield batch

    def _note(self, line: bytes) -> None:
        interaction = self._reader.read(produced(line.strip()), now_s=self._now_s)
        if not isinstance(interaction, Refusal) and interaction["client_id"] == self._client_id:
            self.at_s.add(interaction["at"])


def _followed(shard: Shard, client_id: str, at_s: Iterable[float], end_s: float) -> tuple[list[Silence], list[Alert]]:
    """Advance a shard from one interaction of a client to the next; return its silences, and the alerts of all clients.

    What counts as contact, and what as the same contact, shows in the rhythm that the shard keeps.
    """
    silences: list[Silence] = []
    alerts: list[Alert] = []
    gaps = 0
    for now_s in sorted(at_s):
        alerts += shard.advance(math.nextafter(now_s, math.inf)).alerts
        if client_id not in shard.table.names:
            continue  # the shard did not get it
        rhythm = client_of(shard, client_id).contact
        if rhythm.last_s is None or (silences and rhythm.last_s == silences[-1].begin_s):
            continue  # it was no contact
        expected = rhythm.expected_next
        median_s, p90_s = expected or (None, None)
        silence = Silence(rhythm.last_s, end_s, median_s, p90_s, rhythm.deadline_s if expected else None)
        if silences and rhythm.gaps == gaps:
            silences[-1] = silence  # the same contact went on
        else:
            silences[-1:] = [replace(last, end_s=rhythm.last_s) for last in silences[-1:]]
            silences.append(silence)
        gaps = rhythm.gaps
    alerts += shard.advance(math.nextafter(end_s, math.inf)).alerts
    return silences, alerts


def _incidents(client_id: str, alerts: Iterable[Alert]) -> list[Incident]:
    key = client_id.encode()
    incidents: dict[float, Incident] = {}
    for alert in alerts:
        if alert.key == key and alert.signal == "contact" and json.loads(alert.value)["data"]["client_id"] == client_id:
            incident = incidents.setdefault(alert.opened_s, Incident(alert.opened_s))
            if alert.transition == "escalated":
                incident.escalated_s = alert.at_s
            elif alert.transition == "resolved":
                incident.resolved_s = alert.at_s
    return list(incidents.values())
