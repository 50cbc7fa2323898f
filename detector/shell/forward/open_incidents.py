"""What Alertmanager should know of the incidents: which are open, and which have ended since it was told.

Alertmanager identifies an alert by its labels. So an incident whose labels change (it escalates) ends under the old
ones and begins under the new; and a label with the incident's id keeps two clients apart.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

DECAY: Final = timedelta(days=1)
"""How long Alertmanager takes an incident for open if nobody tells it again. Silences last for days: better a day too
long than that a forwarder that is away makes all of them end."""
_NAMES: Final = {"silence_exceeded": "ClientSilent", "declining_trend": "ClientDeclining"}

AlertmanagerAlert = dict[str, Any]


class Incidents:
    """The incidents, as the alerts tell them.

    Parameters
    ----------
    client_ids
        Whether the client id becomes a label.
    """

    def __init__(self, *, client_ids: bool) -> None:
        self._client_ids = client_ids
        self._open: dict[str, AlertmanagerAlert] = {}
        self._ended: list[AlertmanagerAlert] = []

    def __len__(self) -> int:
        """Count the open ones."""
        return len(self._open)

    def learn(self, data: Mapping[str, Any], owner: str) -> None:
        """Take up an alert."""
        incident = data["incident_id"]
        if data["transition"] == "resolved":
            self.resolve(incident, data["at"])
            return
        alert = self._alert(data, owner)
        before = self._open.get(incident)
        if before and before["labels"] != alert["labels"]:
            self.resolve(incident, data["at"])
        self._open[incident] = alert

    def resolve(self, incident: str, at: str) -> None:
        """Let an incident end, if it is known."""
        alert = self._open.pop(incident, None)
        if alert:
            self._ended.append(alert | {"endsAt": max(at, alert["startsAt"], key=datetime.fromisoformat)})

    def to_tell(self, now: datetime) -> Iterator[AlertmanagerAlert]:
        """All that is open, and what has ended since `told`."""
        ends_at = (now + DECAY).astimezone(UTC).isoformat().replace("+00:00", "Z")
        yield from self._ended
        for alert in self._open.values():
            yield alert | {"endsAt": ends_at}

    def told(self) -> None:
        """Forget what has ended: Alertmanager knows it."""
        self._ended.clear()

    def _alert(self, data: Mapping[str, Any], owner: str) -> AlertmanagerAlert:
        labels = {
            "alertname": _NAMES[data["type"]],
            "type": data["type"],
            "signal": data["signal"],
            "severity": data["severity"],
            "segment": data["segment"],
            "owner": owner,
            "incident": data["incident_id"],
        }
        if self._client_ids:
            labels["client_id"] = data["client_id"]
        return {
            "labels": {name: value for name, value in labels.items() if value},
            "annotations": {"summary": data["explanation"]},
            "startsAt": data["opened_at"],
        }
