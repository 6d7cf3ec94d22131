"""The server's end of one WebSocket after its upgrade: what comes is handed over by a call.

aiohttp's own way wakes a task for every message, which costs more than all the rest of an echo.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

import structlog
from aiohttp import WebSocketError, WSCloseCode, WSMsgType, web

from batwa_common.web.kernel_buffers import bound_kernel_buffers
from batwa_common.web.websocket_reader import Message, websocket_reader

from . import frames
from .viewer import INTERNAL, Ending

log = structlog.stdlib.get_logger(__name__)

MESSAGE_BYTES = 1 << 20
"""Largest message taken; a longer paste comes as several."""
RECEIVED_BYTES = 16 << 10
"""What the kernel may hold of a paste while the shell takes nothing; Linux doubles it."""
CONTROL_BYTES = 1 << 20
"""Unsent bytes above which small frames are dropped: who only pings must not fill memory."""
CLOSE_S = 5.0
"""How long the other end may take to answer a close, and then to take what was written."""


class WebSocket(asyncio.Protocol):
    """One connection. It begins paused; every method is safe to call when it has gone.

    Args:
        on_message: Called with each TEXT (as bytes), BINARY and PONG, while it is not paused.
    """

    def __init__(self, on_message: Callable[[Message], None]) -> None:
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._reader = websocket_reader(self._take, self._fail, most_bytes=MESSAGE_BYTES, decode_text=False)
        self._transport: asyncio.Transport | None = None
        self._server: asyncio.Protocol | None = None
        self._is_paused = True
        self._is_closing = False
        self._held: deque[Message] = deque()  # of one read at most: nothing is read while paused
        self._room: asyncio.Future[None] | None = None
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[int | None] = self._loop.create_future()
        """Done when the other end has closed, with its close code (0 for none), or has gone, with None."""
        self.heard_at_s = 0.0
        """When something came last, by the loop's clock."""

    @property
    def is_gone(self) -> bool:
        """Whether what is written reaches nobody."""
        return self._transport is None or self._transport.is_closing()

    @property
    def is_congested(self) -> bool:
        """Whether the network has yet to take most of what was written."""
        return self._room is not None

    async def upgrade(self, request: web.Request, answer: web.WebSocketResponse[bool]) -> None:
        """Upgrade *request* with *answer*, and take its connection over.

        The server goes on to own the handler: its stop waits for it, and it learns of the connection's loss.
        """
        await answer.prepare(request)  # does not yield once it has written, so no byte has come since
        transport = request.transport
        if transport is None or transport.is_closing():
            self.connection_lost(None)
            return
        self._server, self._transport = request.protocol, transport
        transport.set_protocol(self)
        transport.pause_reading()
        bound_kernel_buffers(transport, received_bytes=RECEIVED_BYTES)
        self.heard_at_s = self._loop.time()

    def pause(self) -> None:
        """Hand over no more, and read no more."""
        self._is_paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Hand over what is held, then read on; unless that pauses it again."""
        self._is_paused = False
        while self._held and not self._is_paused:
            self._take(self._held.popleft())
        if not self._is_paused and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def write(self, frame: bytes) -> None:
        """Write *frame*, as much as it may be; `drained` says when there is room again."""
        if self._transport is not None:
            self._transport.write(frame)

    def write_small(self, frame: bytes) -> None:
        """Write a frame that may be dropped if the other end takes nothing."""
        transport = self._transport
        if transport is not None and transport.get_write_buffer_size() < CONTROL_BYTES:
            transport.write(frame)

    async def drained(self) -> None:
        """Wait until the network has taken most of what was written, or the connection is lost."""
        if self._room is not None:
            await asyncio.shield(self._room)

    async def close(self, ending: Ending) -> None:
        """Close and say why, unless the other end has; returns once the connection is gone."""
        if self._transport is None:
            return
        if not self.ended.done():
            self._say_goodbye(*ending)
            self.resume()  # its answer may wait behind what is held
            await asyncio.wait((self.ended,), timeout=CLOSE_S)
        if self.ended.done() and self._transport is not None:
            self._transport.close()
            await asyncio.wait((self._lost,), timeout=CLOSE_S)
        await self.abort()

    async def abort(self) -> None:
        """Drop the connection; returns once it is gone."""
        if self._transport is not None:
            self._transport.abort()
            await asyncio.wait((self._lost,), timeout=CLOSE_S)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self.heard_at_s = self._loop.time()
        self._reader.feed_data(data)

    def pause_writing(self) -> None:
        """Know that the network takes no more for now."""
        self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        """Know that it does again."""
        room, self._room = self._room, None
        if room is not None:
            room.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell all who wait, and the server."""
        self._transport = None
        self.resume_writing()
        self._lost.set_result(None)
        self._end(None)
        if self._server is not None:
            self._server.connection_lost(exc)

    def _take(self, message: Message) -> None:
        if self._is_paused:
            self._held.append(message)
        elif message.type is WSMsgType.PING:
            self.write_small(frames.pong(message.data))
        elif message.type is WSMsgType.CLOSE:
            self._say_goodbye(cast("int", message.data) or WSCloseCode.OK, "")
            self._end(cast("int", message.data))
        elif not self._is_closing:
            self._on_message(message)

    def _fail(self, error: BaseException) -> None:
        if isinstance(error, WebSocketError):
            self._say_goodbye(error.code, "")
        else:
            log.error("websocket.failed", exc_info=error)
            self._say_goodbye(*INTERNAL)
        self._end(None)

    def _say_goodbye(self, code: int, reason: str) -> None:
        if not self._is_closing:
            self._is_closing = True
            self.write_small(frames.close(code, reason))

    def _end(self, code: int | None) -> None:
        if not self.ended.done():
            self.ended.set_result(code)
