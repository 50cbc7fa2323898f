"""Follows the alerts, and prints one line for each when it is committed."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final

from detector.shell.config.settings import Settings
from detector.shell.forward.filter import EVERYTHING, Selection, data_of, owner_of
from detector.shell.kafka.client import connected
from detector.shell.kafka.reader import Reader

_WAIT_S: Final = 60.0  # an alert ends the wait


async def alerts(
    settings: Settings, *, from_beginning: bool = False, history: bool = False
) -> AsyncGenerator[bytes, None]:
    """Yield the alerts as they are committed, without end. No consumer group is left behind.

    Parameters
    ----------
    settings
        Of the installation; its topics exist.
    from_beginning
        Whether to start with the oldest alert that the topic keeps, instead of the next one.
    history
        Whether to follow the alerts about the past too. The two topics are not merged by time.

    Raises
    ------
    BrokerUnreachable
        If no broker answers.
    """
    topics = [settings.alerts_topic, *([settings.history_topic] if history else [])]
    reader = Reader(settings, topics, from_end=not from_beginning)
    async with connected(settings, reader):
        while True:
            for batch in await reader.next(wait_s=_WAIT_S):
                for record in batch.records:
                    if record.value is not None:
                        yield record.value


async def show(
    settings: Settings,
    *,
    from_beginning: bool,
    history: bool,
    raw: bool,
    write: Callable[[str], None],
    selection: Selection = EVERYTHING,
) -> None:
    """Write the selected alerts until it is interrupted. Without a selection, foreign records are written too."""
    async with aclosing(alerts(settings, from_beginning=from_beginning, history=history)) as following:
        async for value in following:
            data = data_of(value)
            if selection == EVERYTHING or (data and selection.takes(data, owner_of(data, settings.owners))):
                write(value.decode(errors="replace") if raw else line(value))


def line(value: bytes) -> str:
    """Format an alert as one line.

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
