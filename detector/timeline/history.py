"""What a log holds of one client: its contacts, how long each silence was expected to last, and the incidents.

The detector runs over the whole log, since a client is compared with its segment. It stops after each contact of the
client to note the deadline of the silence that begins there.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from detector.core.alerts.alert import Alert
from detector.core.clock import DAY_S
from detector.core.engine.intake import Intake
from detector.core.engine.shard import Shard
from detector.core.primitives.partitioner import partition_of
from detector.estimators.client import client_of
from detector.files.rows import produced
from detector.offline.dealing import Dealer, Installation
from schemas.envelope import InteractionReader
from schemas.interaction import Refusal

_HOURS_PER_DAY = 24


class NotHeardError(ValueError):
    """The log holds no contact of the client."""


@dataclass(frozen=True)
class Silence:
    """A silence, from a contact to the next one.

    Parameters
    ----------
    begin_s, end_s
        When the client was heard, and when it was heard again; of the last silence, the end of the log.
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
    contacts = _Contacts(client_id, now_s)
    shards = [Shard(policy, keeps_states=False) for _ in range(partitions)]
    topics = {source: f"{policy.app_id}.{source}" for source in policy.sources}
    intakes = [Intake(shard, topics, number, partitions) for number, shard in enumerate(shards)]
    dealer = Dealer(intakes, installation, now_s)
    for batch in contacts.noted(batches):
        dealer.deal(batch)
    dealer.flush()
    fronts_s = [shard.front_s(source) for shard in shards for source in policy.sources]
    end_s = max(fronts_s) if until_s is None else max(until_s, *fronts_s)
    at_s = contacts.ends_s(policy.session_hours / _HOURS_PER_DAY)
    if not at_s:
        raise NotHeardError(f"no contact of {client_id} in the log")
    silences, alerts = _followed(shards[partition_of(client_id, partitions)], client_id, at_s, end_s)
    return History(client_id, silences, _incidents(client_id, alerts), end_s)


class _Contacts:
    """Notes when one client was heard, while records pass by."""

    def __init__(self, client_id: str, now_s: float) -> None:
        self._client_id, self._now_s = client_id, now_s
        self._reader = InteractionReader()
        self._at_s: list[float] = []

    def noted(self, batches: Iterable[Sequence[bytes]]) -> Iterator[Sequence[bytes]]:
        """Pass records on."""
        plain = self._client_id.encode()
        for batch in batches:
            for line in batch:
                # An escape or base64 may hide the id.
                if plain in line or b"\\" in line or b"data_base64" in line:
                    self._note(line)
            yield batch

    def _note(self, line: bytes) -> None:
        interaction = self._reader.read(produced(line.strip()), now_s=self._now_s)
        if isinstance(interaction, Refusal) or interaction["client_id"] != self._client_id:
            return
        if interaction["direction"] == "inbound" and not interaction.get("automated"):
            self._at_s.append(interaction["at"])

    def ends_s(self, session_days: float) -> list[float]:
        """Return the end of each contact: interactions that are less than a session apart are one contact."""
        ends_s: list[float] = []
        for at_s in sorted(self._at_s):
            if ends_s and (at_s - ends_s[-1]) / DAY_S <= session_days:
                ends_s[-1] = at_s
            else:
                ends_s.append(at_s)
        return ends_s


def _followed(
    shard: Shard, client_id: str, contacts_s: Sequence[float], end_s: float
) -> tuple[list[Silence], list[Alert]]:
    """Advance a shard from contact to contact; return the client's silences, and the alerts of all clients."""
    silences: list[Silence] = []
    alerts: list[Alert] = []
    for begin_s, next_s in zip(contacts_s, [*contacts_s[1:], end_s], strict=True):
        alerts += shard.advance(math.nextafter(begin_s, math.inf)).alerts
        rhythm = client_of(shard, client_id).contact
        expected = rhythm.expected_next
        median_s, p90_s = expected or (None, None)
        silences.append(Silence(begin_s, next_s, median_s, p90_s, rhythm.deadline_s if expected else None))
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
