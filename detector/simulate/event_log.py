"""The event log of a client: its events in the wire format of `Interaction`, and when the client was heard."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from detector.simulate.client import Client
from detector.simulate.firm import Firm

CHANNELS = {
    "email": "email",
    "call": "phone",
    "meeting": "video",
    "message": "chat",
    "order": "web",
    "payment": "bank",
    "ticket": "portal",
}

Event = dict[str, object]


def time_text(at: datetime) -> str:
    """Write a time as the events do: RFC 3339, UTC, whole seconds; so the order of texts is the order of times."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class EventLog:
    """The events of one client within the firm's span; what lies outside of it is not recorded."""

    def __init__(self, firm: Firm, client: Client) -> None:
        self.client = client
        self.events: list[Event] = []
        self.heard: list[str] = []
        """Times at which the client itself acted, in the order of recording."""
        self._midnight = datetime.combine(firm.monday, time())
        self._zone = ZoneInfo(firm.time_zone)
        self._start, self._end = firm.start, firm.end
        self._event_number = self._thread_number = 0

    def new_thread(self) -> str:
        """Return the name of a new thread."""
        self._thread_number += 1
        return f"{self.client.client_id}-thread-{self._thread_number:04d}"

    def record(self, instant_s: int, kind: str, direction: str, **details: object) -> str:
        """Record an event and return its id; details that are None are left out."""
        self._event_number += 1
        event_id = f"{self.client.client_id}-event-{self._event_number:05d}"
        at = self._utc(instant_s)
        if not self._start <= at < self._end:
            return event_id
        self.events.append(
            {
                "event_id": event_id,
                "client_id": self.client.client_id,
                "account_id": f"account-{self.client.number:04d}",
                "segment": self.client.segment,
                "kind": kind,
                "channel": CHANNELS[kind],
                "direction": direction,
                "at": time_text(at),
                **{name: value for name, value in details.items() if value is not None},
            }
        )
        if direction == "inbound" and "automated" not in details:
            self.heard.append(time_text(at))
        return event_id

    def text(self, instant_s: int) -> str:
        """Return an instant as the text of a time."""
        return time_text(self._utc(instant_s))

    def _utc(self, instant_s: int) -> datetime:
        wall = self._midnight + timedelta(seconds=instant_s)
        return wall.replace(tzinfo=self._zone).astimezone(UTC)
