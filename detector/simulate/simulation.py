"""The simulation: every client's scenario played from its own stream, then all events in the order of time."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import IO, NamedTuple

import numpy as np

from detector.simulate.client import Client, draw_client
from detector.simulate.correspondence import email, leave_open, message, newsletters, remind, ticket
from detector.simulate.event_log import Event, EventLog, time_text
from detector.simulate.firm import SOURCES, Firm, Mix
from detector.simulate.gap_distributions import draw_contacts
from detector.simulate.hours import DAY_S, OFFICE
from detector.simulate.outcome import Course, Outcome, draw_course
from detector.simulate.scenario import Scenario
from detector.simulate.trade import call, meeting, order

CONTACTS: dict[str, Callable[[Scenario, int], None]] = {
    "email": email,
    "call": call,
    "meeting": meeting,
    "message": message,
    "order": order,
    "ticket": ticket,
}
CONVERSATION = {"email", "call", "meeting", "message"}
"""What moves when a client moves from e-mail to calls; orders and tickets go on where they were."""
SPOKEN = {"call", "meeting"}
"""Kinds that keep to the office's hours even with a client that writes in the evening."""
LEFT_OPEN_SHARE = 0.7
"""Ghosts that leave a question of ours unanswered in the middle of a thread."""
_OF_SOME_FIRMS = 1
"""A second stream of a client, for draws that only some parameters ask for."""
WORKING_SHARE = 5 / 7
"""Of all days; contacts happen on working days."""


@dataclass(frozen=True)
class Truth:
    """What really became of a client; times are RFC 3339, outages do not change them.

    Parameters
    ----------
    client_id
        The client.
    outcome
        What became of it; the file of the truth calls it `fate`.
    at
        When it began. For ghosts and pauses: when the client was last heard. None for a client that stays.
    gone_at
        When a client that has gone was last heard; None for the others, and for a fade still under way at the end.
    returned_at
        For pauses: when the client was first heard again. For a seasonal client: when its season began again. None
        if that is after the end.
    segment
        As in the events.
    value_per_year
        Value of the orders that the client would make in a year, had nothing happened.
    currency
        Of that value.

    """

    client_id: str
    outcome: Outcome
    at: str | None
    gone_at: str | None
    returned_at: str | None
    segment: str
    value_per_year: float
    currency: str


class Simulation(NamedTuple):
    """What a feed would deliver, in the order of time, and the truth about each client, in the order of clients."""

    events: list[Event]
    truths: list[Truth]


def simulate(firm: Firm) -> Simulation:
    """Simulate a firm.

    Examples
    --------
    >>> events, truths = simulate(Firm(clients=3, days=90))
    >>> events[0]["at"] < events[-1]["at"] < "2026-01-01T00:00:00Z"
    True
    >>> [truth.client_id for truth in truths]
    ['client-0001', 'client-0002', 'client-0003']

    """
    events: list[Event] = []
    truths: list[Truth] = []
    for number in range(1, firm.clients + 1):
        scenario = _play(firm, number)
        events += (event for event in scenario.event_log.events if not _is_lost(firm, event))
        truths.append(_truth(firm, scenario))
    events.sort(key=lambda event: (event["at"], event["event_id"]))
    return Simulation(events, truths)


def draw_courses(firm: Firm) -> Iterator[tuple[Client, Course]]:
    """Draw who the clients are and what becomes of them, without their events."""
    for number in range(1, firm.clients + 1):
        yield _draw(firm, number, _stream(firm, number))


def write_events(events: Iterable[Event], out: IO[str]) -> None:
    """Write events as NDJSON, one compact object a line."""
    for event in events:
        out.write(_line(event))


def write_truth(truths: Iterable[Truth], out: IO[str]) -> None:
    """Write the truth as NDJSON, one client a line."""
    for truth in truths:
        named = asdict(truth)
        out.write(_line({"fate" if name == "outcome" else name: value for name, value in named.items()}))


def _line(value: Event) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def _play(firm: Firm, number: int) -> Scenario:
    rng = _stream(firm, number)
    client, course = _draw(firm, number, rng)
    scenario = Scenario(client, course, EventLog(firm, client), rng, firm.out_of_office_share)
    contacts = draw_contacts(
        client.gap_distribution, client.irregularity, client.mean_gap_days * WORKING_SHARE, course.activity, rng
    )
    for day, fraction in contacts:
        kind = _draw_kind(scenario, day)
        at_s = (OFFICE if kind in SPOKEN else client.writing_hours).instant(day, fraction)
        if scenario.heard_s is not None:
            remind(scenario, scenario.heard_s, until_s=at_s)
        CONTACTS[kind](scenario, at_s)
        scenario.heard_s = at_s
    if scenario.heard_s is not None:
        if course.outcome == "ghosts" and scenario.chance(LEFT_OPEN_SHARE):
            leave_open(scenario, scenario.heard_s)
        remind(scenario, scenario.heard_s, until_s=(firm.last_day + 1) * DAY_S)
    if client.newsletter:
        newsletters(scenario, range(firm.first_day, firm.last_day + 1))
    return scenario


def _draw(firm: Firm, number: int, rng: np.random.Generator) -> tuple[Client, Course]:
    client = draw_client(firm, number, rng)
    return client, draw_course(firm, client, rng, _stream(firm, number, _OF_SOME_FIRMS))


def _stream(firm: Firm, number: int, *key: int) -> np.random.Generator:
    """Return random numbers that depend on the seed and the client's number alone: more clients do not change them."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(firm.seed, spawn_key=(number, *key))))


def _draw_kind(scenario: Scenario, day: int) -> str:
    shares = scenario.client.kind_shares
    kind = Mix._fields[int(np.searchsorted(np.cumsum(shares), scenario.rng.random() * sum(shares), side="right"))]
    if scenario.course.outcome == "moves" and kind in CONVERSATION:
        return "call" if scenario.course.has_moved(day) else "email"
    return kind


def _truth(firm: Firm, scenario: Scenario) -> Truth:
    client, course, heard = scenario.client, scenario.course, sorted(scenario.event_log.heard)
    end = time_text(firm.end)
    begins, ends = (
        None if day is None else scenario.event_log.text(day * DAY_S) for day in (course.begins, course.ends)
    )
    # An outcome that would begin after the end, such as the off season of a short span, has not happened.
    at = begins if begins is not None and begins < end else None
    gone_at = returned_at = None
    if at is not None and course.outcome in ("ghosts", "pauses"):
        at = max((time for time in heard if time < at), default=at)
    if course.outcome == "ghosts":
        gone_at = at
    elif course.outcome == "fades" and at is not None and ends is not None and ends < end:
        gone_at = max([at, *heard[-1:]])
    elif course.outcome == "pauses" and ends is not None:
        returned_at = min((time for time in heard if time >= ends), default=None)
    elif course.outcome == "seasonal" and ends is not None and ends < end:
        returned_at = ends
    return Truth(
        client.client_id,
        course.outcome,
        at,
        gone_at,
        returned_at,
        client.segment,
        client.value_per_year,
        client.currency,
    )


def _is_lost(firm: Firm, event: Event) -> bool:
    return any(
        event["kind"] in SOURCES[outage.source] and time_text(outage.start) <= str(event["at"]) < time_text(outage.end)
        for outage in firm.outages
    )
