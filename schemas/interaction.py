"""What a producer may send: the wire contract of an interaction.

Five fields are obligatory: they decide whether a record is accepted. `schemas.envelope` reads the bytes, and leaves out
an optional field that breaks its rule.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, NamedTuple, NoReturn, NotRequired

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, GetPydanticSchema, TypeAdapter
from pydantic_core import PydanticCustomError, PydanticOmit
from pydantic_core.core_schema import no_info_after_validator_function, none_schema, union_schema
from typing_extensions import TypedDict

from schemas.ids import ROUNDED, normal_client_id, not_rounded
from schemas.rejection import RejectionReason
from schemas.times import AT_RULE, DUE_RULE, RFC3339, YEAR_1_S, YEAR_9999_S, is_serial_day

VALUE_BYTES_MAX: Final = 64 * 1024  # Kafka allows 1 MB; an interaction without its body needs less than one.
AMOUNT_MAX: Final = 1e15  # "Finite" is not enough: sums and squares of amounts must stay finite too.
DURATION_MAX_S: Final = 1e9  # 31 years, for the oldest ticket.
LENGTH_MAX: Final = 2**31 - 1
ATTRIBUTES_MAX: Final = 16

# No control characters: CloudEvents forbids them in a subject, and names are shown in terminals.
NAME: Final = r"^[^\x00-\x1f\x7f-\x9f]*$"

Kind = Literal["email", "call", "meeting", "message", "order", "payment", "ticket", "survey"]
Direction = Literal["inbound", "outbound", "none"]
CallOutcome = Literal["answered", "missed", "voicemail", "busy"]
MailOutcome = Literal["delivered", "bounced", "failed"]
MeetingOutcome = Literal["accepted", "declined", "postponed", "cancelled", "no_show", "held"]
TradeOutcome = Literal["placed", "shipped", "completed", "returned", "paid", "refunded"]
TicketOutcome = Literal["opened", "resolved", "reopened"]
Outcome = Literal[CallOutcome, MailOutcome, MeetingOutcome, TradeOutcome, TicketOutcome]
AutoSubmitted = Literal["no", "auto-generated", "auto-replied", "auto-notified"]  # RFC 3834 and RFC 5436


class Refusal(NamedTuple):
    """Why a record was not accepted.

    Parameters
    ----------
    reason
        From a closed set.
    detail
        Names every field that breaks a rule, and the rule; it never holds a value of the payload.
    fields
        The same fields alone, in the order of the contract; none if the record as a whole is wrong.
    """

    reason: RejectionReason
    detail: str
    fields: tuple[str, ...] = ()


def _of_the_calendar(seconds: float) -> float:
    """Refuse a time that its offset carried out of the years 1 to 9999."""
    if not YEAR_1_S <= seconds <= YEAR_9999_S:
        raise PydanticCustomError("no_date", "should lie in the years 1 to 9999")
    return seconds


def _no_serial_day(seconds: float) -> float:
    """Refuse a number that is rather a spreadsheet's number of a day."""
    if is_serial_day(seconds):
        raise PydanticCustomError("serial_day", "should be seconds")
    return seconds


def _normal_if_text(value: Any) -> Any:  # noqa: ANN401 (whatever JSON can hold)
    """Bring a client id into its normal form before its rules are applied; what is no text is refused by them."""
    return normal_client_id(value) if isinstance(value, str) else value


def _whole(value: Any) -> Any:  # noqa: ANN401 (whatever JSON can hold)
    """Read 12.0 as 12: both are integers to JSON Schema, and data frames write the first."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_automated(word: bool | str) -> bool:  # noqa: FBT001 (a value, not a switch)
    return word not in (False, "no")


def _read_as(wire: Any) -> GetPydanticSchema:  # noqa: ANN401 (types have no type)
    """Validate a field as `wire`; its annotation is the type that comes out."""
    return GetPydanticSchema(lambda _, handler: handler(wire))


def _omit(null: None) -> NoReturn:  # noqa: ARG001 (pydantic hands it over)
    raise PydanticOmit


NULL: Final = no_info_after_validator_function(_omit, none_schema())
OR_NULL: Final = GetPydanticSchema(  # On the wire null may stand for the absence of a field.
    lambda source, handler: union_schema([handler(source), NULL], mode="left_to_right")
)
Number = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[Text, Field(pattern=NAME)]
# In the exported schema; a pattern alone cannot say what is forbidden.
NOT_ROUNDED: Final = Field(json_schema_extra={"not": {"type": "string", "pattern": ROUNDED}})
Id = Annotated[Text, AfterValidator(not_rounded), NOT_ROUNDED]
ClientId = Annotated[Name, BeforeValidator(_normal_if_text), AfterValidator(not_rounded), NOT_ROUNDED]
# Left to right: the first that fits is taken, which saves pydantic the search for the best.
FIRST_FIT: Final = Field(union_mode="left_to_right")
TimeText = Annotated[
    str, Field(pattern=RFC3339), AfterValidator(datetime.fromisoformat), AfterValidator(datetime.timestamp)
]
Time = Annotated[float, _read_as(Annotated[TimeText | Number, FIRST_FIT])]
DueText = Annotated[TimeText, AfterValidator(_of_the_calendar)]
DueNumber = Annotated[Number, Field(ge=YEAR_1_S, le=YEAR_9999_S), AfterValidator(_no_serial_day)]
DueTime = Annotated[float, _read_as(Annotated[DueText | DueNumber, FIRST_FIT])]
Automated = Annotated[bool, _read_as(Annotated[bool | AutoSubmitted, AfterValidator(_is_automated)])]
Length = Annotated[int, Field(ge=0, le=LENGTH_MAX), BeforeValidator(_whole)]
Attributes = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=64)], bool | Number | Annotated[str, Field(max_length=200)]],
    Field(max_length=ATTRIBUTES_MAX),
]


class Interaction(TypedDict):
    """One email, call, meeting, message, order, payment, ticket or survey between a client and the firm.

    On the wire an optional field may be absent or null, which means the same. An optional field that breaks its rule is
    left out, counted and reported on the rejected topic; the interaction counts without it. Fields that are not named
    here are ignored and counted, so that producers can evolve.
    """

    # A TypedDict, because pydantic validates it three times as fast as a model.
    __pydantic_config__ = ConfigDict(extra="allow", strict=True, use_attribute_docstrings=True)  # type: ignore[misc]

    event_id: Id
    """Identifies the event, once and for all: a second event with this id is the same event."""
    client_id: ClientId
    """Identifies the client. Blanks at both ends do not count, nor do Unicode's ways of composing a letter, nor, in an
    id with an `@`, capital letters. A Kafka key, if there is one, must name the same client, as UTF-8 text."""
    kind: Kind
    """What happened."""
    at: Time
    """When it happened: RFC 3339 with an offset, or seconds (not milliseconds) since 1970-01-01T00:00:00Z. Not before
    1990, and not more than a day after the record was written (its Kafka timestamp; for a file the reader's clock)."""
    direction: Direction
    """Who acted: `inbound` = the client, `outbound` = the firm, `none` = neither (a cancellation by the system)."""
    account_id: NotRequired[Annotated[Name, AfterValidator(not_rounded), NOT_ROUNDED, OR_NULL]]
    """The account, household or company that the client belongs to."""
    channel: NotRequired[Annotated[Name, Field(max_length=32), OR_NULL]]
    """The way it took, in the firm's own words: `gmail`, `whatsapp`, `shop`."""
    thread_id: NotRequired[Annotated[Id, OR_NULL]]
    """The conversation that it is part of."""
    in_reply_to: NotRequired[Annotated[Id, OR_NULL]]
    """The `event_id` of the interaction that it answers."""
    automated: NotRequired[Annotated[Automated, OR_NULL]]
    """Whether a machine sent it: a boolean, or the `Auto-Submitted` header of RFC 3834 (`no` = false, others true)."""
    length: NotRequired[Annotated[Length, OR_NULL]]
    """Length of the text in characters. Never the text itself."""
    duration_s: NotRequired[Annotated[Number, Field(ge=0, le=DURATION_MAX_S), OR_NULL]]
    """How long it took, in seconds."""
    outcome: NotRequired[Annotated[Outcome, OR_NULL]]
    """How it ended."""
    amount: NotRequired[Annotated[Number, Field(ge=-AMOUNT_MAX, le=AMOUNT_MAX), OR_NULL]]
    """Value in units of the currency (12.5 = 12 euros 50); negative if it goes back to the client: an order below 0 is
    a return."""
    currency: NotRequired[Annotated[str, Field(pattern=r"^[A-Z]{3}$"), OR_NULL]]
    """Currency of the amount, ISO 4217. Amounts in different currencies are not compared."""
    due_at: NotRequired[Annotated[DueTime, OR_NULL]]
    """When it was due (a payment, a delivery): written like `at`."""
    substantive: NotRequired[Annotated[bool, OR_NULL]]
    """False = administrative: a confirmation, a thank-you, a change of address."""
    sentiment: NotRequired[Annotated[Number, Field(ge=-1, le=1), OR_NULL]]
    """Mood of the client, from -1 (angry) to 1 (delighted)."""
    segment: NotRequired[Annotated[Name, Field(max_length=64), OR_NULL]]
    """Group of clients with similar rhythms; the last one given holds for the client."""
    attributes: NotRequired[Annotated[Attributes, OR_NULL]]
    """A few more facts, carried along and not interpreted."""


INTERACTION: Final[TypeAdapter[Interaction]] = TypeAdapter(Interaction)
FIELDS: Final = frozenset(Interaction.__annotations__)
OBLIGATORY: Final = ("event_id", "client_id", "kind", "at", "direction")
"""The fields without which nothing can be learned; they are the first of the contract."""
OPTIONAL: Final = tuple(name for name in Interaction.__annotations__ if name not in OBLIGATORY)

# Where a field takes more than one type, pydantic speaks of one of them, and python quotes the value; these do neither.
RULES: Final = {
    "at": AT_RULE,
    "due_at": DUE_RULE,
    "automated": "Input should be a boolean, or no, auto-generated, auto-replied or auto-notified",
    "attributes": (
        f"Input should be an object of at most {ATTRIBUTES_MAX} entries: keys of 1 to 64 characters, "
        "values that are strings of at most 200 characters, finite numbers or booleans"
    ),
}
