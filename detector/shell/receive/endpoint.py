"""One webhook: bounded, verified, mapped, written to Kafka, and only then answered with 2xx."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson
import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from detector.core.wire.reroute import RecordPlace
from detector.mapping.mapper import Mapper
from detector.mapping.outcome import Dropped, Result
from detector.mapping.run import map_body
from detector.shell.config.settings import Settings
from detector.shell.kafka.errors import BrokerError, denial_of
from detector.shell.kafka.producer import ConcurrentProducer
from detector.shell.mapper.placing import Origin, Placed, Placing
from detector.shell.mapper.tally import Tally, became
from detector.shell.receive.bounds import BytesHeld, TokenBucket
from detector.shell.receive.signatures import Clock, Delivery, check
from detector.shell.telemetry.metrics import Metrics
from detector.shell.worker.exit_codes import Exit

_BYTES_HELD_MAX: Final = 128 << 20
_AGAIN_S: Final = {429: "1", 503: "5"}
_STATUS: Final = {
    "accepted": 200,
    "unreadable": 422,
    "no_signature": 401,
    "bad_signature": 401,
    "old_timestamp": 401,
    "too_large": 413,
    "too_slow": 408,
    "too_many": 429,
    "unavailable": 503,
}

log = structlog.stdlib.get_logger(__name__)


class Tool(NamedTuple):
    """A tool that posts: the name in its path, what maps it, and the secrets that it may sign with."""

    name: str
    label: str
    mapper: Mapper
    secrets: tuple[bytes, ...]


class Answer(NamedTuple):
    """What a webhook is answered: a word of `catalogue.ANSWERS`, and what the tool may read."""

    word: str
    about: Mapping[str, Any]


class Endpoint:
    """Takes the webhooks of an installation.

    Parameters
    ----------
    settings
        Of the installation; its topics exist.
    tools
        By the last part of their path.
    producer
        Writes what the webhooks become.
    metrics
        The metrics of the process.
    """

    def __init__(
        self, settings: Settings, tools: Mapping[str, Tool], producer: ConcurrentProducer, metrics: Metrics
    ) -> None:
        self._settings, self._tools, self._producer, self._metrics = settings, tools, producer, metrics
        self._placing = Placing(settings)
        self._rate, self._held = TokenBucket(settings.receive_requests_per_s_max), BytesHeld(_BYTES_HELD_MAX)

    def application(self) -> Starlette:
        """Build the application: one path, `/webhooks/NAME`, which is only posted to."""
        return Starlette(routes=[Route("/webhooks/{name}", self._receive, methods=["POST"])])

    async def _receive(self, request: Request) -> Response:
        tool = self._tools.get(request.path_params["name"])
        if tool is None:
            return Response(status_code=404)
        began = time.perf_counter()
        try:
            word, about = await self._answer(tool, request)
        except ClientDisconnect:  # the tool went away, and will post again
            return Response(status_code=400)
        self._metrics.add("ghosting_received_total", 1, tool.label, word)
        self._metrics.observe("ghosting_receive_seconds", time.perf_counter() - began)
        status = _STATUS[word]
        headers = {"retry-after": _AGAIN_S[status]} if status in _AGAIN_S else {}
        if word in ("too_large", "too_slow"):
            headers["connection"] = "close"  # else the server would read the rest of the body
        return Response(orjson.dumps(about), status, headers, "application/json")

    async def _answer(self, tool: Tool, request: Request) -> Answer:
        if not self._rate.take(time.monotonic()):
            return Answer("too_many", {"error": "too many webhooks in a second"})
        most = self._settings.receive_body_bytes_max
        length = request.headers.get("content-length", "")
        size = int(length) if length.isascii() and length.isdecimal() else most
        if size > most:
            return Answer("too_large", {"error": f"a body may have {most} bytes"})
        with self._held.reserve(size) as has_room:
            if not has_room:
                return Answer("too_many", {"error": "too many large webhooks at the same time"})
            try:
                async with asyncio.timeout(self._settings.receive_reply_s_max):
                    body = await _read(request, most)
            except TimeoutError:
                return Answer("too_slow", {"error": "the body did not arrive in time"})
            if body is None:
                return Answer("too_large", {"error": f"a body may have {most} bytes"})
            return await self._take(tool, request, body)

    async def _take(self, tool: Tool, request: Request, body: bytes) -> Answer:
        """Verify, map and write a webhook."""
        headers = dict(request.headers)
        url = self._settings.receive_url + _target(request)
        clock = Clock(time.time(), self._settings.receive_age_s_max)
        if (fault := check(tool.name, Delivery(url, headers, body), tool.secrets, clock)) is not None:
            return Answer(fault, {"error": fault})
        posted = map_body(tool.mapper, body, headers)
        tally, placed = Tally(), list[Placed]()
        for number, (result, raw) in enumerate(posted):
            tally.count(result)
            placed.extend(self._placing.of(result, Origin(RecordPlace(f"webhook/{tool.name}", 0, number), None, raw)))
        tally.count_written(placed, self._placing)
        if not await self._write(placed):
            return Answer("unavailable", {"error": "Kafka did not take it in time"})
        tally.publish(self._metrics)
        return answer_of([result for result, _ in posted])

    async def _write(self, placed: list[Placed]) -> bool:
        """Write records; -> whether Kafka has them in time. What Kafka refuses for good ends the process."""
        try:
            return await self._producer.write(placed, self._settings.receive_reply_s_max)
        except BrokerError as error:
            denial = denial_of(error, self._settings)
            log.error(  # noqa: TRY400 (a traceback tells an operator nothing here)
                denial or "the broker refuses what is written; ending", error=repr(error)
            )
            os._exit(Exit.CONFIG if denial else Exit.PRODUCER)


def answer_of(results: Sequence[Result]) -> Answer:
    """Return the answer to a webhook that was mapped to these results, all of them durable.

    Examples
    --------
    >>> answer_of([Dropped("invalid", "no readable time")])
    Answer(word='unreadable', about={'rejected': 1, 'why': 'invalid: no readable time'})
    >>> answer_of([[{"kind": "order"}], Dropped("edit", "told before")])
    Answer(word='accepted', about={'interactions': 1, 'dropped': 1, 'why': 'edit: told before'})
    """
    about: dict[str, Any] = dict(Counter(map(became, results)))
    drops = [result for result in results if isinstance(result, Dropped)]
    if drops:
        about["why"] = f"{drops[-1].reason}: {drops[-1].why}"
    unreadable = bool(drops) and len(drops) == len(results) and {drop.reason for drop in drops} == {"invalid"}
    return Answer("unreadable" if unreadable else "accepted", about)


def _target(request: Request) -> str:
    """Return path and query as they stood in the request: tools sign them undecoded."""
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


async def _read(request: Request, bytes_max: int) -> bytes | None:
    """Read the body; None if it has more bytes than it may."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > bytes_max:
            return None
    return bytes(body)
