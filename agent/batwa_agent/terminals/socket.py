"""A WebSocket as the viewer of one terminal, in the documented protocol: keys in, output frames out."""

import asyncio
import struct
from contextlib import suppress

from aiohttp import WSMsgType, web
from pydantic import ValidationError

from batwa_common.supervisor import Supervisor
from batwa_common.wire.terminal import Resize

from .terminals import EXITED, Ending, Terminal

MESSAGE_BYTES = 1 << 20
"""Largest message taken; a longer paste comes as several."""
CONGESTED_BYTES = 64 << 10
"""Output not yet taken by the network above which the shell is held back."""
CONTROL_BYTES = 1 << 20
"""Above it pings go unanswered: a viewer that only pings must not fill memory."""
PING_EVERY_S = 15.0
SILENCE_S = 40.0
"""A browser that answers no ping for this long is gone."""
_PING = b"\x89\x00"
LOOK_S = 1.0
"""How soon a lost connection is noticed while nothing is read from it."""
CLOSE_S = 5.0
BROKEN = Ending(4500, "internal")
_RESIZE_BYTES = 256
"""No resize message is longer; what is longer is keys."""


class TerminalSocket:
    """Made before the upgrade; `show_terminal` is the whole life of the connection after it."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        # Pings are ours: while a paste waits for the shell nothing is read, and that is not silence.
        self._ws: web.WebSocketResponse[bool] = web.WebSocketResponse(
            compress=False,
            autoping=False,
            max_msg_size=MESSAGE_BYTES,
            writer_limit=1,
            decode_text=False,
            timeout=CLOSE_S,
        )
        self._transport: asyncio.Transport | None = None
        self._sending: asyncio.Task[None] | None = None
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._typing: asyncio.Task[None] | None = None
        self._heard_at = 0.0

    async def show_terminal(self, request: web.Request) -> web.WebSocketResponse[bool]:
        """Upgrade, pass keys and output until either side ends, and close."""
        await self._ws.prepare(request)
        self._transport = request.transport
        self._terminal.attach(self)
        if self._terminal.ending is not None:
            self.over(self._terminal.ending)
        ending = BROKEN
        try:
            async with Supervisor() as tasks:
                receiving = tasks.start(self._receive(), name="keys")
                tasks.spawn(self._ping_forever(), name="pings")
                await asyncio.wait((receiving, self._ending), return_when=asyncio.FIRST_COMPLETED)
            ending = self._ending.result() if self._ending.done() else EXITED
        finally:
            self._ending.cancel()
            if self._typing is not None:
                self._typing.cancel()
            await self._close(ending)
        return self._ws

    def show(self, chunk: bytes) -> bool:
        """Write *chunk* to the network at once if that is not congested, else hold the terminal back.

        The frame is made here (RFC 6455, 5.2: final, binary, unmasked): the library's way needs a task,
        which costs more than all the rest of an echo.
        """
        transport = self._transport
        if transport is None or self._is_gone():
            return True  # nobody sees it any more; the socket's own task ends the terminal
        if self._sending is None and transport.get_write_buffer_size() < CONGESTED_BYTES:
            transport.write(_header(len(chunk)) + chunk)
            return True
        self._sending = asyncio.ensure_future(self._send(chunk))
        return False

    def over(self, ending: Ending) -> None:
        """Close the socket, after what is still to be shown."""
        if not self._ending.done():
            self._ending.set_result(ending)

    async def _send(self, chunk: bytes) -> None:
        with suppress(ConnectionError):
            await self._ws.send_bytes(chunk)  # returns when the network has taken most of what waits
        self._sending = None
        self._terminal.resume()

    async def _receive(self) -> None:
        while True:
            message = await self._ws.receive()
            self._heard_at = asyncio.get_running_loop().time()
            match message.type:
                case WSMsgType.TEXT | WSMsgType.BINARY:
                    await self._until_typed()
                    if self._is_gone():
                        return
                    self._take(message.data, is_text=message.type is WSMsgType.TEXT)
                case WSMsgType.PING:
                    self._control(bytes((0x8A, len(message.data))) + message.data)
                case WSMsgType.PONG:
                    pass
                case _:
                    return

    def _take(self, data: bytes, *, is_text: bool) -> None:
        if is_text and (size := _resize(data)) is not None:
            self._terminal.resize(rows=size.rows, cols=size.cols)
        elif rest := self._terminal.write(memoryview(data)):
            self._typing = asyncio.ensure_future(self._type(rest))

    async def _type(self, rest: memoryview) -> None:
        while rest:
            await self._terminal.writable()
            rest = self._terminal.write(rest)

    async def _until_typed(self) -> None:
        """Wait while an earlier message waits for the shell: the network is not read meanwhile."""
        while self._typing is not None:
            await asyncio.wait((self._typing,), timeout=LOOK_S)
            if self._typing.done():
                self._typing = None
            elif self._is_gone():
                return
            else:
                self._control(_PING)  # only writing shows that nobody is there while nothing is read

    def _is_gone(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    async def _ping_forever(self) -> None:
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        while True:
            await asyncio.sleep(PING_EVERY_S)
            if self._typing is not None and not self._typing.done():
                self._heard_at = loop.time()
            elif loop.time() - self._heard_at > SILENCE_S and self._transport is not None:
                self._transport.abort()
            self._control(_PING)

    def _control(self, frame: bytes) -> None:
        """Write a control frame at once: the library would wait behind a viewer that takes no output."""
        transport = self._transport
        if transport is None or self._is_gone():
            return
        if transport.get_write_buffer_size() < CONTROL_BYTES:
            transport.write(frame)

    async def _close(self, ending: Ending) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                if self._sending is not None:
                    await self._sending
                await self._ws.close(code=ending.code, message=ending.reason.encode())
        except TimeoutError:
            if self._transport is not None:
                self._transport.abort()


def _header(length: int) -> bytes:
    if length < 126:
        return bytes((0x82, length))
    if length < 1 << 16:
        return struct.pack("!BBH", 0x82, 126, length)
    return struct.pack("!BBQ", 0x82, 127, length)


def _resize(text: bytes) -> Resize | None:
    if len(text) > _RESIZE_BYTES or not text.startswith(b"{"):
        return None
    try:
        return Resize.model_validate_json(text)
    except ValidationError:
        return None
