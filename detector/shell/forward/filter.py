"""Which alerts are selected, and who looks after a client."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Selection:
    """Selects alerts by their words. An empty set selects all.

    Parameters
    ----------
    types, segments, severities, owners
        The accepted words. A client without an owner has the owner "".

    Examples
    --------
    >>> vip = Selection(segments=frozenset({"vip"}))
    >>> vip.takes({"type": "silence_exceeded", "severity": "warning", "segment": "vip"}, owner="anna")
    True
    >>> vip.takes({"type": "silence_exceeded", "severity": "warning", "segment": "retail"}, owner="anna")
    False
    """

    types: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()

    def takes(self, data: Mapping[str, Any], owner: str) -> bool:
        """Check whether an alert is selected, by its data."""
        return (
            (not self.types or data["type"] in self.types)
            and (not self.segments or data["segment"] in self.segments)
            and (not self.severities or data["severity"] in self.severities)
            and (not self.owners or owner in self.owners)
        )


EVERYTHING: Final = Selection()


def owner_of(data: Mapping[str, Any], owners: Mapping[str, str]) -> str:
    """Return the owner of an alert's client: the owner of its account, else that of its segment, else nobody ("").

    Examples
    --------
    >>> owners = {"account-17": "anna", "vip": "key-accounts"}
    >>> owner_of({"account_id": "account-17", "segment": "vip"}, owners)
    'anna'
    >>> owner_of({"account_id": None, "segment": "vip"}, owners), owner_of({"account_id": None, "segment": "b"}, owners)
    ('key-accounts', '')
    """
    account = data["account_id"]
    return owners.get(account or "") or owners.get(data["segment"], "")


def data_of(value: bytes) -> Mapping[str, Any] | None:
    """Read the data of an alert; None if the value is no alert, so that somebody else must have written it.

    Examples
    --------
    >>> data_of(b"hello") is None, data_of(b'{"data": {"type": "silence_exceeded"}}') is None
    (True, True)
    """
    try:
        data = json.loads(value)["data"]
    except (ValueError, LookupError, TypeError):
        return None
    needed = {
        "alert_id", "incident_id", "type", "signal", "transition", "severity", "segment", "account_id", "client_id",
        "opened_at", "at", "explanation",
    }  # fmt: skip
    return data if isinstance(data, dict) and needed <= data.keys() else None
