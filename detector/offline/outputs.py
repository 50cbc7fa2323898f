"""What a replay gives, one value after the other: alerts, rejections, how clients stand, and at the end a summary."""

from dataclasses import dataclass
from typing import NamedTuple

from detector.core.alerts.alert import Alert


class Rejected(NamedTuple):
    """A record that was refused, or was kept without some of its fields.

    Parameters
    ----------
    reason
        One of the closed set (`schemas.rejection`).
    value
        The rejection as JSON; it names the place that the record would have in Kafka.
    number
        The record's number: its place among all items of the batches, from 0.
    """

    reason: str
    value: bytes
    number: int


class ClientOutlook(NamedTuple):
    """How one client stands at the end of the clock, as JSON (`schemas.outlook`)."""

    value: bytes


@dataclass(frozen=True)
class Summary:
    """What a replay did."""

    records: int
    applied: int
    clients: int
    late: int
    duplicates: int
    unknown_fields: int
    promises: int  # interactions that lie ahead: they are no contact
    lookalikes: int  # clients whose ids differ from another one only in case or blanks
    held: int
    rejected: dict[str, int]  # by reason
    left_out: dict[str, int]  # fields of applied interactions, by name
    alerts: dict[str, int]  # by type, signal and transition
    open: int
    seconds: float
    out_of_order: int = 0  # rows of the files that were older than one before them


Output = Alert | Rejected | ClientOutlook | Summary
