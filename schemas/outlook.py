"""What `ghosting replay --clients` writes of each client: how it stands at the end of the clock, for a CRM."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.alert import Contract, Count, ExpectedNext, NotNegative, Share, Timestamp, Uuid
from schemas.incident import Severity, Signal, Type
from schemas.interaction import Name


class OpenIncident(Contract):
    """An incident that people were told of and that is not over."""

    incident_id: Uuid
    """As in its alerts."""
    type: Type
    """As in its alerts."""
    signal: Signal
    """What fell silent or declines."""
    state: Literal["open", "acknowledged", "snoozed", "escalated"]
    """How far it has come."""
    severity: Severity
    """`info` = good to know, `warning` = look at it this week, `critical` = call the client today."""
    opened_at: Timestamp
    """When it was opened."""


class Outlook(Contract):
    """A client at an instant; numbers mean what they mean in an alert."""

    client_id: Name
    """The client."""
    account_id: Name | None
    """The account that the client belongs to; null = none was given."""
    segment: Annotated[Name, Field(max_length=64)]
    """The group of clients that this one is compared with."""
    at: Timestamp
    """The instant: the end of the clock."""
    last_heard_at: Timestamp | None
    """When the client was last heard; null = never, we only wrote to it."""
    expected_next_at: ExpectedNext | None
    """When the next contact is (or was) expected; null = the client has too few gaps."""
    deadline_at: Timestamp | None
    """When a silence of contact is (or was) due to be told; null = the client has too few gaps."""
    silence_percentile: Share | None
    """Share of this client's silences that are shorter than the present one; null = too few gaps."""
    probability_gone: Share | None
    """Probability that the client is not heard for `gone_after_days` more days; null = too few gaps."""
    gone_after_days: NotNegative | None
    """The days of `probability_gone`: three times the client's own deadline, 90 at least and 365 at most."""
    probability_no_contact_in_30_days: Share | None
    """Probability that nothing is heard in the next 30 days; null = too few gaps."""
    probability_no_contact_in_90_days: Share | None
    """The same for the next 90 days."""
    outlook_labels: Count
    """How many outcomes of alerts of this shard the probabilities rest on."""
    incidents: list[OpenIncident]
    """What is open; an incident that is held while its segment learns is not."""
