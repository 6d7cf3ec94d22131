"""One agent's link: the control socket on which it is asked for connections, and those it has dialled."""

import asyncio
import re
import secrets
from contextlib import suppress
from weakref import WeakSet

import structlog
from aiohttp import WSCloseCode, web
from aiohttp.client_proto import ResponseHandler

from batwa_common.errors import NotFound
from batwa_common.web.tcp import keep_alive
from batwa_common.wire.link import PROTOCOL, REPLACED, DialOrder

from .handover import take_over

log = structlog.stdlib.get_logger(__name__)

Control = web.WebSocketResponse[bool]

_TOKEN = re.compile(r"([0-9a-f]*)-")

SPARES = 1
"""Connections kept in hand, so that a call need not wait for one to be dialled."""

SWITCH = f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {PROTOCOL}\r\n\r\n".encode()
_FAREWELLS = frozenset({WSCloseCode.OK, WSCloseCode.GOING_AWAY})


def process_of(token: str) -> str:
    """Return the id of the process that holds the link which *token* names; empty if there is but one."""
    found = _TOKEN.match(token)
    return found[1] if found else ""


class Link:
    """The connections to one agent, each for one request at a time; aiohttp's connector pools them.

    When the control socket ends with a farewell, what is in use goes on. When it is lost or replaced,
    every connection is dropped: it came the same way, and is as dead or about to be.
    """

    def __init__(self, agent_id: str, *, relink_s: float, process_id: str = "") -> None:
        self.agent_id = agent_id
        self._relink_s = relink_s
        self._process_id = process_id
        self._control: Control | None = None
        self._token = ""
        self._is_up = asyncio.Event()
        self._spares: list[ResponseHandler] = []  # an empty deque takes 600 bytes more, of every link
        self._waiting: list[asyncio.Future[ResponseHandler]] = []
        self._dialled: WeakSet[ResponseHandler] = WeakSet()

    @property
    def is_up(self) -> bool:
        """Whether the agent can be asked for connections."""
        return self._control is not None

    async def hold(self, control: Control) -> None:
        """Ask on *control* from now on, until it ends or another takes its place."""
        # the new one first: the old may be half-open, and closing it takes its time
        token = f"{self._process_id}-{secrets.token_urlsafe(16)}"
        old, self._control, self._token = self._control, control, token
        if old is not None:
            self._drop()
        self._is_up.set()
        try:
            async with asyncio.TaskGroup() as closing:
                if old is not None:
                    _ = closing.create_task(old.close(code=REPLACED, message=b"replaced"))
                await self._ask(SPARES)
                async for _ in control:
                    pass  # the agent has nothing to say; pings are answered below us
        finally:
            if self._control is control:
                self._ended(control.close_code)

    def accept(self, token: str, request: web.Request) -> ResponseHandler:
        """Take and return the connection of *request*, for the first who waits, else as a spare.

        Raises `NotFound` if the link it was dialled for is no more.
        """
        if self._control is None or not secrets.compare_digest(token.encode(), self._token.encode()):
            raise NotFound("that link has ended; connections are dialled when the hub asks for them")
        connection = ResponseHandler(asyncio.get_running_loop())
        take_over(request, connection, SWITCH)
        keep_alive(connection.transport)
        self._dialled.add(connection)
        self._offer(connection)
        return connection

    async def take(self, within_s: float | None) -> ResponseHandler:
        """Return a fresh connection to the agent, at once if there is a spare.

        Raises `ConnectionRefusedError` if the agent is not linked and is not back in time, and
        `TimeoutError` if it dials none within *within_s*.
        """
        async with asyncio.timeout(within_s):
            while True:
                await self._come_up()
                if (spare := self._find_spare()) is not None:
                    await self._ask(1)
                    return spare
                with suppress(ConnectionResetError):  # nothing was sent yet: wait for the link again
                    return await self._dial()

    async def close(self) -> None:
        """Say farewell: the hub is stopping. What is in use goes on."""
        if self._control is not None:
            await self._control.close(code=WSCloseCode.GOING_AWAY, message=b"stopping")

    async def _come_up(self) -> None:
        try:
            async with asyncio.timeout(self._relink_s):
                await self._is_up.wait()
        except TimeoutError:
            raise ConnectionRefusedError("the agent is not linked") from None

    async def _dial(self) -> ResponseHandler:
        waiter: asyncio.Future[ResponseHandler] = asyncio.get_running_loop().create_future()
        spares = 0 if self._waiting else SPARES  # those that have died unseen
        self._waiting.append(waiter)
        try:
            await self._ask(1 + spares)
            return await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._offer(waiter.result())  # it came just as we gave up
            raise
        finally:
            waiter.cancel()
            with suppress(ValueError):
                self._waiting.remove(waiter)

    async def _ask(self, count: int) -> None:
        if self._control is not None:
            with suppress(ConnectionError):  # then hold() ends
                await self._control.send_str(DialOrder(token=self._token, dial=count).model_dump_json())

    def _offer(self, connection: ResponseHandler) -> None:
        while self._waiting:
            if not (waiter := self._waiting.pop(0)).done():
                waiter.set_result(connection)
                return
        self._spares = [spare for spare in self._spares if spare.is_connected()]
        if self._control is None or len(self._spares) >= SPARES:
            connection.close()
        else:
            self._spares.append(connection)

    def _find_spare(self) -> ResponseHandler | None:
        while self._spares:
            if (spare := self._spares.pop(0)).is_connected():
                return spare
        return None

    def _ended(self, close_code: int | None) -> None:
        log.info("link.down", agent=self.agent_id, close_code=close_code)
        self._control = None
        self._is_up.clear()
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(ConnectionResetError("the link was lost"))
        for spare in self._spares:
            spare.close()
        self._spares.clear()
        if close_code not in _FAREWELLS:
            self._drop()

    def _drop(self) -> None:
        for connection in list(self._dialled):
            if connection.transport is not None:
                connection.transport.abort()
        self._dialled.clear()
