"""A machine behind a link that answers as scripted, and a network that can be cut or go silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
from aiohttp import web

from batwa_agent.link import BackOff, Link
from batwa_agent.trust import Trust
from batwa_common.supervisor import Supervisor

QUICK = BackOff(first_s=0.02, last_s=0.1, slow_s=600, settled_s=0.1)
CHUNK = b"x" * (64 << 10)


class Machine:
    """What an agent serves: it notes on which connections it was asked, and what it has sent."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.connections: set[Any] = set()
        self.sent_bytes = 0
        self.asked = asyncio.Event()
        self.released = asyncio.Event()
        self.busy = 0
        self.app = web.Application()
        self.app.router.add_get("/name", self.tell)
        self.app.router.add_post("/wait", self.wait)
        self.app.router.add_get("/stream/{chunks}", self.stream)

    async def tell(self, request: web.Request) -> web.Response:
        self.connections.add(request.protocol)
        return web.json_response({"name": self.name, "key": request.headers.get("X-API-Key")})

    async def wait(self, request: web.Request) -> web.Response:
        self.connections.add(request.protocol)
        self.busy += 1
        self.asked.set()
        await self.released.wait()
        return web.json_response({"name": self.name})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(int(request.match_info["chunks"])):
            await response.write(CHUNK)
            self.sent_bytes += len(CHUNK)
        return response


@asynccontextmanager
async def linked(
    machine: Machine,
    hub_url: str,
    *,
    agent_id: str,
    api_key: str,
    heartbeat_s: float = 5,
    back_off: BackOff = QUICK,
    back: asyncio.Event | None = None,
) -> AsyncIterator[Link]:
    """Have *machine* linked to a hub while the block runs."""
    runner = web.AppRunner(machine.app, shutdown_timeout=1)
    await runner.setup()
    assert runner.server is not None
    async with aiohttp.ClientSession() as session, Supervisor() as tasks:
        link = Link(
            session,
            hub_url=hub_url,
            agent_id=agent_id,
            api_key=api_key,
            trust=Trust(),
            back_off=back_off,
            heartbeat_s=heartbeat_s,
        )
        tasks.spawn(link.run_forever(runner.server, back=back), name="link")
        try:
            yield link
        finally:
            machine.released.set()
            await link.stop()
            await runner.cleanup()


class Network:
    """A way to an address that can go silent, as a router that forgot it, or break."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._passes = asyncio.Event()
        self._passes.set()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        self._passes.set()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def cut(self) -> None:
        """Break every connection."""
        for pair in self._pairs:
            for end in pair:
                end.transport.abort()

    def fall_silent(self) -> None:
        """Lose every byte of the connections there are, and end none of them; new ones work."""
        self._passes.clear()
        self._passes = asyncio.Event()
        self._passes.set()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        pair = (writer, far_writer)
        self._pairs.add(pair)
        passes = self._passes
        for source, target in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._copy(source, target, passes))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _copy(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, passes: asyncio.Event
    ) -> None:
        try:
            while data := await source.read(64 << 10):
                if passes.is_set():
                    target.write(data)
                    await target.drain()
        except OSError:
            pass
        target.transport.abort()
