"""The incidents that are open, and those that have ended since the last post, as alerts of Alertmanager.

Alertmanager identifies an alert by its labels. So an incident whose labels change (when it escalates) ends under the
old labels and begins under the new ones. A label with the incident's id keeps the incidents of two clients apart.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

OPEN_FOR: Final = timedelta(days=1)
"""How long an incident stays open in Alertmanager without another post. Silences last for days: an incident that is
shown a day too long is better than a forwarder whose absence ends all of them."""
_NAMES: Final = {"silence_exceeded": "ClientSilent", "declining_trend": "ClientDeclining"}

AlertmanagerAlert = dict[str, Any]


class OpenIncidents:
    """The incidents, as far as the alerts so far describe them.

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
        """Count the open incidents."""
        return len(self._open)

    def learn(self, data: Mapping[str, Any], owner: str) -> None:
        """Apply an alert."""
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
        """End an incident, if it is known."""
        alert = self._open.pop(incident, None)
        if alert:
            self._ended.append(alert | {"endsAt": max(at, alert["startsAt"], key=datetime.fromisoformat)})

    def to_post(self, now: datetime) -> Iterator[AlertmanagerAlert]:
        """Return all open incidents, and those that have ended since the last `posted`."""
        ends_at = (now + OPEN_FOR).astimezone(UTC).isoformat().replace("+00:00", "Z")
        yield from self._ended
        for alert in self._open.values():
            yield alert | {"endsAt": ends_at}

    def posted(self) -> None:
        """Forget the ended incidents: Alertmanager knows of them."""
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
