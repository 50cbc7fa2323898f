"""What becomes of one record: interactions, a drop with its reason, a command, or a gap in the feed."""

from typing import Any, Final, NamedTuple

REASONS: Final[dict[str, str]] = {
    "tombstone": "no value at all",
    "not_contact": "nothing of this kind concerns a contact of a client",
    "test_mode": "a test of the tool, not a real event",
    "continuation": "a further line of a record that stands before",
    "deleted": "deleted in the tool, or in its bin",
    "edit": "a change of something that was mapped before",
    "counted_elsewhere": "another record of the same thing is the one that counts",
    "failed": "an attempt that reached nobody or moved nothing",
    "not_yet": "planned, draft, queued, not captured, or nobody said that it took place",
    "internal": "both sides are ours",
    "list": "sent to a foreign mailing list",
    "nothing_paid": "an invoice of 0",
    "invalid": "no readable time, or no id of its own",
    "no_client": "nobody to count it for",
    "ambiguous_client": "several clients, and which one acted cannot be known",
    "incomplete": "something happened, but the record does not hold to whom: fetch it from the tool",
}
"""All reasons for a drop and their meaning. The first that applies, in this order, is the one that is given."""
RANK: Final = {reason: rank for rank, reason in enumerate(REASONS)}

Interaction = dict[str, Any]
"""Fields as `schemas.interaction` has them."""


class Dropped(NamedTuple):
    """A record that gives nothing.

    Parameters
    ----------
    reason
        One of `REASONS`.
    why
        The same for a reader, in more words where the mapping has some. It never quotes the record.

    """

    reason: str
    why: str


class Command(NamedTuple):
    """A record that means a merge or an erasure of clients."""

    fields: dict[str, Any]


class Gap(NamedTuple):
    """A record that tells of a hole in the feed."""

    fields: dict[str, Any]


Result = list[Interaction] | Dropped | Command | Gap
DROPPED: Final = {reason: Dropped(reason, meaning) for reason, meaning in REASONS.items()}
