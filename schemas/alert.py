"""What is published about a client: one transition of one incident, as a CloudEvent 1.0.

The core builds plain dictionaries; the models here are the contract that tests hold them to.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import to_json

from schemas.incident import MEANINGS, REASONS, SIGNALS, Reason, Severity, Signal, Transition, Type
from schemas.interaction import Name

CONTENT_TYPE: Final = "application/cloudevents+json"


def _is_canonical(text: str) -> str:
    """Demand one text for one instant, so that equal alerts are equal bytes: microseconds only when there are some."""
    if datetime.fromisoformat(text).isoformat().replace("+00:00", "Z") != text:
        raise ValueError("should have microseconds only when they are not zero")
    return text


TIMESTAMP: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z$"
Timestamp = Annotated[
    str, Field(pattern=TIMESTAMP, json_schema_extra={"format": "date-time"}), AfterValidator(_is_canonical)
]
UUID: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
Uuid = Annotated[str, Field(pattern=UUID, json_schema_extra={"format": "uuid"})]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class Contract(BaseModel):
    """What all models of this file share: they cannot be changed, know all their fields, and convert nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class ExpectedNext(Contract):
    """When the next contact was expected, as the rhythm stood after the last one."""

    median: Timestamp
    """One in two silences of this client would have ended by then."""
    p90: Timestamp
    """Nine in ten silences of this client would have ended by then."""


class Trend(Contract):
    """How a signal changed; levels are means over several values, in the unit."""

    unit: Literal["days", "amount", "characters", "share", "score"]
    """`days` between two contacts or orders, until a reply, or after the due date; `amount` per order, in the units
    of the currency; `characters` per message; `share` of meetings or messages; `score` = sentiment from -1 to 1."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None
    """Currency of the amounts, ISO 4217: amounts in another one are not compared with them; null = none was given, or
    the unit is not `amount`."""
    before: Annotated[float, Field(allow_inf_nan=False)]
    """The level when the decline began."""
    now: Annotated[float, Field(allow_inf_nan=False)]
    """The level since then."""
    since: Timestamp
    """When the decline began: from then on the values were on the whole worse than expected."""
    ratio_to_first_half_year: NotNegative | None
    """`now` over the level of the client's first six months; null = not known, or the unit has no ratio."""
    score: Annotated[float, Field(allow_inf_nan=False)]
    """Exponentially weighted mean of the values' normal scores: how unusual the recent ones are, taken together."""
    threshold: NotNegative
    """The score from which on an alert is raised; it is resolved below half of it."""
    values_seen: Count
    """How many values of the signal were seen."""


class Evidence(Contract):
    """What the decision rests on."""

    gaps_seen: Count
    """How many gaps between contacts of this client were seen."""
    mean_gap_days: NotNegative
    """Mean gap in days, recent gaps counting more."""
    longest_gap_days: NotNegative
    """The longest gap that this client came back from, in days."""
    prior_weight: Share
    """Weight of what other clients do, from 0 (own rhythm only) to 1 (nothing known of this client)."""
    last_interaction_ids: Annotated[list[str], Field(max_length=3)]
    """The `event_id`s of the last contacts, the newest last."""
    completed_gaps_in_segment: Count
    """How many gaps of all clients of the segment the comparison rests on."""
    outlook_labels: Count
    """How many outcomes of earlier alerts of this shard the probabilities rest on; 0 = on other firms' alone."""
    probability_gone_between: Annotated[list[Share], Field(min_length=2, max_length=2)] | None
    """`probability_gone` as exactly as it is known: eight in ten times the frequency lies between these two; null as
    there, and for a client that has just been heard."""


def _tables(schema: dict[str, Any]) -> None:
    """Describe the tables of `schemas.incident` in the JSON Schema."""
    schema["allOf"] = [
        {"if": {"properties": {given: {"const": word}}}, "then": {"properties": {held: {"enum": sorted(fitting)}}}}
        for given, held, table in (("transition", "reason", REASONS), ("type", "signal", SIGNALS))
        for word, fitting in table.items()
    ]


class AlertData(Contract):
    """One transition of one incident: everything that is needed to act on it and to recompute it."""

    model_config = ConfigDict(json_schema_extra=_tables)

    alert_id: Uuid
    """Identifies this transition; the same input gives the same id, so it serves to drop duplicates."""
    incident_id: Uuid
    """Identifies the incident, from its opening to its resolution."""
    type: Type
    """`silence_exceeded` = sudden: the client is silent for too long. `declining_trend` = gradual: it fades out."""
    signal: Signal
    """What fell silent or declines."""
    transition: Transition
    """What happened to the incident."""
    reason: Annotated[Reason, Field(description="; ".join(f"`{r}`: {why}" for r, why in MEANINGS.items()))]
    severity: Severity
    """`info` = good to know, `warning` = look at it this week, `critical` = call the client today."""
    client_id: Name
    """The client."""
    account_id: Name | None
    """The account that the client belongs to; null = none was given."""
    segment: Annotated[Name, Field(max_length=64)]
    """The group of clients that this one is compared with."""
    opened_at: Timestamp
    """When the incident was opened."""
    at: Timestamp
    """When this transition happened, in event time: for a silence the instant of its deadline."""
    last_heard_at: Timestamp
    """When the client was last heard; for the signal `orders` its last order."""
    last_heard_channel: Name | None
    """The channel of the last contact; null = none was given, or the signal is `orders`."""
    expected_heard_within_days: NotNegative | None
    """The deadline, in days after the last contact (`orders`: order; `reply_overdue`: after our message); null = the
    client has too few gaps for one."""
    actual_heard_within_days: NotNegative
    """The silence at the time of this transition, counted from the same instant."""
    expected_next_at: ExpectedNext | None
    """When the next contact (order, reply) was expected; null = the client has too few gaps."""
    silence_percentile: Share | None
    """Share of this client's silences that are shorter than the present one; null = too few gaps."""
    probability_gone: Share | None
    """Probability that the client is not heard for `gone_after_days` more days, on any channel; 0 = it has just been
    heard; null = too few gaps between its contacts."""
    gone_after_days: NotNegative | None
    """The days of `probability_gone`: three times the client's own deadline, 90 at least and 365 at most; null = too
    few gaps, or it has just been heard."""
    probability_no_contact_in_30_days: Share | None
    """Probability that nothing is heard in the next 30 days; null = too few gaps, or it has just been heard."""
    probability_no_contact_in_90_days: Share | None
    """The same for the next 90 days. It is at most that of 30 days, and `probability_gone` is at most this."""
    false_alerts_per_client_year: NotNegative
    """The budget that the deadline or the threshold was set by: false alerts of this signal per client and year."""
    channels_active: Annotated[list[Name], Field(max_length=4)]
    """Channels on which the client was heard after the last contact of this signal, or since the decline began."""
    unanswered_since: Timestamp | None
    """When we wrote the first message that the client has not answered; null = there is none."""
    waiting_on_us_since: Timestamp | None
    """When the client wrote what we have not answered although we usually do by then; null = there is none."""
    trend: Trend | None
    """How the signal changed, for `declining_trend`."""
    evidence: Evidence
    explanation: Annotated[str, Field(min_length=1)]
    """The same in words, for people (English)."""
    model: Annotated[str, Field(min_length=1)]
    """Name and version of the statistical model."""

    @model_validator(mode="after")
    def _words_go_together(self) -> Self:
        if self.reason not in REASONS[self.transition]:
            raise ValueError(f"{self.transition} has no reason {self.reason}")
        if self.signal not in SIGNALS[self.type]:
            raise ValueError(f"{self.type} has no signal {self.signal}")
        return self


class AlertEvent(Contract):
    """An alert as it travels: a CloudEvent 1.0 in structured mode. Its Kafka key is the client id."""

    specversion: Literal["1.0"]
    """Version of CloudEvents."""
    id: Uuid
    """The `alert_id`."""
    source: Annotated[str, Field(pattern=r"^/[a-zA-Z0-9._-]{1,100}$")]
    """The installation that raised it: a slash and its app id."""
    type: Annotated[str, Field(pattern=r"^ghosting\.alert\.(opened|acknowledged|snoozed|escalated|resolved)\.v1$")]
    """Names the transition and the version of this contract, for subscribers that filter."""
    subject: Name
    """The `client_id`."""
    time: Timestamp
    """The `at` of the data."""
    datacontenttype: Literal["application/json"]
    """Media type of the data."""
    data: AlertData

    @model_validator(mode="after")
    def _envelope_repeats_the_data(self) -> Self:
        data = self.data
        repeated = (data.alert_id, f"ghosting.alert.{data.transition}.v1", data.client_id, data.at)
        if (self.id, self.type, self.subject, self.time) != repeated:
            raise ValueError("id, type, subject and time should repeat the data")
        return self


def encode(event: Mapping[str, Any]) -> bytes:
    """Write an alert as compact JSON, its fields in the order in which they were built.

    Raises
    ------
    ValueError
        If a number is not finite: JSON has no word for it.

    Examples
    --------
    >>> encode({"subject": "Zoë", "data": {"at": "2025-03-04T10:15:30Z"}}).decode()
    '{"subject":"Zoë","data":{"at":"2025-03-04T10:15:30Z"}}'
    """
    value = to_json(event)
    if b"NaN" in value or b"Infinity" in value:  # in a name, perhaps: the slower encoder can tell
        json.dumps(event, allow_nan=False)
    return value
