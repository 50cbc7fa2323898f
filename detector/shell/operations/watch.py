"""Follows the alerts: one line for each, as it is committed."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from aiokafka import AIOKafkaConsumer

from detector.shell.config.settings import Settings
from detector.shell.forward.filter import EVERYTHING, Selection, data_of, owner_of
from detector.shell.kafka.client import connected, for_aiokafka


async def alerts(
    settings: Settings, *, from_beginning: bool = False, history: bool = False
) -> AsyncGenerator[bytes, None]:
    """Give the alerts as they are committed, without end; it leaves no consumer group behind.

    Parameters
    ----------
    settings
        Of the installation; its topics exist.
    from_beginning
        Start with the oldest alert that the topic keeps, instead of the next one.
    history
        Follow the alerts about the past too. The two topics are not merged by time.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    """
    consumer = AIOKafkaConsumer(
        settings.alerts_topic,
        *((settings.history_topic,) if history else ()),
        **for_aiokafka(settings),
        isolation_level="read_committed",
        auto_offset_reset="earliest" if from_beginning else "latest",
    )
    async with connected(settings, consumer):
        async for record in consumer:
            if record.value is not None:
                yield record.value


async def show(
    settings: Settings,
    *,
    from_beginning: bool,
    history: bool,
    raw: bool,
    say: Callable[[str], None],
    selection: Selection = EVERYTHING,
) -> None:
    """Say the selected alerts until it is interrupted; what is no alert of ours is said too, if nothing is selected."""
    async with aclosing(alerts(settings, from_beginning=from_beginning, history=history)) as following:
        async for value in following:
            data = data_of(value)
            if selection == EVERYTHING or (data and selection.takes(data, owner_of(data, settings.owners))):
                say(value.decode(errors="replace") if raw else line(value))


def line(value: bytes) -> str:
    """Say an alert in one line.

    Examples
    --------
    >>> line(b'{"data":{"at":"2025-03-04T10:15:30Z","transition":"opened","severity":"warning",'
    ...      b'"type":"silence_exceeded","client_id":"ann","explanation":"Silent for 12 days."}}')
    '2025-03-04T10:15:30Z opened warning silence_exceeded ann: Silent for 12 days.'
    >>> line(b"hello")
    "not an alert of ours: b'hello'"
    """
    try:
        data: dict[str, Any] = json.loads(value)["data"]
        explanation = " ".join(data["explanation"].split())
        return f"{data['at']} {data['transition']} {data['severity']} {data['type']} {data['client_id']}: {explanation}"
    except (ValueError, LookupError, TypeError, AttributeError):  # someone else wrote to the topic
        return f"not an alert of ours: {value[:200]!r}"
