"""A TCP proxy between workers and a broker: connections can be cut, refused and stalled."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

_READ_BYTES = 1 << 16
_START_SECONDS_MAX = 10


class Proxy:
    """Passes bytes on from a port of its own to another one, in a thread, until it is closed."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self._target_port = target_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._refuses = False
        self._loop = asyncio.new_event_loop()
        self._flows: asyncio.Event
        self._listens = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"proxy to {target_port}", daemon=True)
        self._thread.start()
        assert self._listens.wait(_START_SECONDS_MAX)

    def stall(self) -> None:
        """Pass nothing on, and keep the connections."""
        self._do(self._flows.clear)

    def flow(self) -> None:
        """Pass everything on, and accept connections."""
        self._refuses = False
        self._do(self._flows.set)

    def cut(self, share: float, chance: Random, *, refuse: bool) -> None:
        """Break a share of the connections off; accept no new ones if told so, until `flow`."""
        self._refuses = refuse

        def abort() -> None:
            for writer in list(self._writers):
                if chance.random() < share:
                    writer.transport.abort()

        self._do(abort)

    def close(self) -> None:
        """Break everything off and stop."""
        self._do(self._loop.stop)
        self._thread.join(_START_SECONDS_MAX)

    def _do(self, action: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(action)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._listen())
        self._listens.set()
        self._loop.run_forever()
        server.close()
        for task in (tasks := asyncio.all_tasks(self._loop)):
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        self._flows = asyncio.Event()
        self._flows.set()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        try:
            onward, back = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:  # the broker is down: so is the connection
            writer.transport.abort()
            return
        ends: tuple[Any, Any] = (writer, back)
        self._writers.update(ends)
        try:
            await asyncio.gather(self._pass(reader, back), self._pass(onward, writer))
        finally:
            self._writers.difference_update(ends)
            for end in ends:
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):  # broken off by an end, or by us
            while data := await reader.read(_READ_BYTES):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
