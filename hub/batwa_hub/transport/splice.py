"""Relay one WebSocket upgrade to an agent or another hub, then copy bytes both ways, blind to frames.

Only the first message may be looked at on its way, where it says what is to be done.

The hub never puts a frame of its own into a stream it does not parse.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import cast

import aiohttp
from aiohttp import EofStream, WebSocketError, web

from batwa_common.busy_poll import BusyPoll
from batwa_common.errors import BatwaError
from batwa_common.web.kernel_buffers import bound_kernel_buffers
from batwa_common.wire.terminal import TERMINAL_HEADER

from .far import Far
from .first_message import FirstMessage
from .handover import take_over

OnOpen = Callable[[str | None], Awaitable[None]]
"""Is told the id of the terminal that a relayed connection has come to; None if it is none."""

OnFirst = Callable[[str], Awaitable[None]]
"""Is told the browser's first message, a text, before the agent gets it."""

ASKED = ("Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol")
ANSWERED = ("Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", TERMINAL_HEADER)
"""Headers that cross the hub. No extensions: a compressed stream would cost both ends for nothing."""

LINGER_S = 5.0
"""How long one side may take to flush after the other has gone."""
BUFFER_BYTES = 64 << 10
"""Unsent bytes per direction above which the source is no longer read."""

_PONG = 0x8A
"""How a browser's answer to a ping begins (RFC 6455, 5.5.3): nobody's doing, so no activity."""
_MASKED_HEAD_BYTES = 6


class _Rest:
    """A payload parser that only collects the bytes that followed the agent's 101."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        """Nothing to do: the splice sees the end by itself."""


class _End(asyncio.Protocol):
    """One end of a splice: what it receives goes to `peer`."""

    peer: "_End"

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.received_bytes = 0
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=BUFFER_BYTES)
        bound_kernel_buffers(transport)

    def data_received(self, data: bytes) -> None:
        self.received_bytes += len(data)
        if (out := self.peer.transport) is not None:
            out.write(data)

    def pause_writing(self) -> None:
        if (source := self.peer.transport) is not None:
            source.pause_reading()

    def resume_writing(self) -> None:
        if (source := self.peer.transport) is not None and not source.is_closing():
            source.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # however it ended, the other side ends too
        self.transport = None
        if (out := self.peer.transport) is not None:
            out.close()  # flushes what is buffered
        if not self.lost.done():
            self.lost.set_result(None)


class _Browser(_End):
    """The end that asked: whether it is idle is known, and what it says first may be looked at."""

    def __init__(self, busy_poll: BusyPoll) -> None:
        super().__init__()
        self._busy_poll = busy_poll
        self.active_at_s = time.monotonic()
        self.first: FirstMessage | None = None
        """Set while what comes is kept until its first message is whole."""

    def data_received(self, data: bytes) -> None:
        if not _is_only_pongs(data):
            self.active_at_s = time.monotonic()
            self._busy_poll.typed(len(data))
        if self.first is None:
            super().data_received(data)
        elif not self.first.feed(data) and self.transport is not None:
            self.transport.abort()

    def pass_first(self) -> None:
        """Pass on what was kept, and whatever comes from now on."""
        first, self.first = self.first, None
        if first is not None:
            super().data_received(bytes(first.held))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.first is not None:
            self.first.end()
        super().connection_lost(exc)


def _is_only_pongs(data: bytes) -> bool:
    at = 0
    while at + 1 < len(data) and data[at] == _PONG:
        at += _MASKED_HEAD_BYTES + (data[at + 1] & 0x7F)
    return at == len(data)


class Splice:
    """A relayed connection."""

    def __init__(self, busy_poll: BusyPoll) -> None:
        self._browser, self._agent = _Browser(busy_poll), _End()
        self._refusal: BatwaError | None = None
        self._browser.peer, self._agent.peer = self._agent, self._browser

    @property
    def idle_s(self) -> float:
        """Seconds since the browser last sent anything but the answer to a ping."""
        return time.monotonic() - self._browser.active_at_s

    @property
    def is_open(self) -> bool:
        """Whether both ends are connected."""
        return self._browser.transport is not None and self._agent.transport is not None

    def goes_through(self, transports: Collection[asyncio.BaseTransport | None]) -> bool:
        """Whether one of *transports* is its way to the agent."""
        return self._agent.transport is not None and self._agent.transport in transports

    @property
    def received_bytes(self) -> int:
        """Bytes that came, both ways together."""
        return self._browser.received_bytes + self._agent.received_bytes

    async def closed(self) -> None:
        """Wait until both connections have gone."""
        await asyncio.wait((self._browser.lost, self._agent.lost))

    def abort(self) -> None:
        """Drop both connections now, or what there is of them."""
        for end in (self._browser, self._agent):
            if end.transport is not None:
                end.transport.abort()

    def end(self, refusal: BatwaError) -> None:
        """Drop both connections now, for instance since the login was revoked.

        If they are still being opened, who asked is answered with *refusal* instead.
        """
        self._refusal = refusal
        self.abort()

    async def run(
        self,
        request: web.Request,
        far: Far,
        path: str,
        query: Mapping[str, str],
        *,
        opened: OnOpen | None = None,
        first: OnFirst | None = None,
        answering: Mapping[str, str] | None = None,
    ) -> None:
        """Upgrade *request* through *far*, adding the headers *answering*; return when both have gone.

        *opened* is told the terminal, if it is one, once bytes flow; *first* what the browser says first.
        Raises that it is unreachable, slow, or refuses, or the refusal of `end`, before anything is sent.
        """
        asked = {name: request.headers[name] for name in ASKED if name in request.headers}
        async with far.upgraded(path, query, asked) as answer:
            if self._refusal is not None:
                raise self._refusal
            self._browser.first = FirstMessage() if first is not None else None
            try:
                self._switch(request, answer, answering or {})
            except ConnectionResetError:  # who asked has gone: there is nobody to answer
                return
            try:
                if opened is not None:
                    await opened(answer.headers.get(TERMINAL_HEADER))
                if first is not None:
                    await self._tell_first(first)
                await self._copied()
            finally:
                self.abort()

    def _switch(
        self, request: web.Request, answer: aiohttp.ClientResponse, answering: Mapping[str, str]
    ) -> None:
        # From here to the last line nothing awaits, so no byte can slip in between.
        connection = answer.connection
        if connection is None or connection.protocol is None or connection.transport is None:
            raise aiohttp.ClientConnectionError("the agent closed the connection at the switch")
        rest = _Rest()
        connection.protocol.set_parser(rest, None)  # drains what came with the 101
        lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"]
        lines += [f"{name}: {answer.headers[name]}" for name in ANSWERED if name in answer.headers]
        lines += [f"{name}: {value}" for name, value in answering.items()]
        self._join(request, connection.transport, "\r\n".join([*lines, "", ""]).encode("latin-1"))
        if rest.data:
            self._agent.data_received(rest.data)

    async def _tell_first(self, first: OnFirst) -> None:
        """Tell *first* what the browser says first, then pass it on; the agent bounds how long that takes."""
        if self._browser.first is None:
            return
        with suppress(EofStream, WebSocketError):  # the browser has gone, or is to go: no agent would take it
            if (text := await self._browser.first.text()) is not None:
                await first(text)
            self._browser.pass_first()
            return
        self.abort()

    def _join(self, request: web.Request, upstream: asyncio.Transport, head: bytes) -> None:
        upstream.set_protocol(self._agent)
        self._agent.connection_made(upstream)
        take_over(request, self._browser, head)

    def join(self, request: web.Request, head: bytes) -> asyncio.Protocol:
        """Answer *request* with *head*; return what its other end is to be given to, at once.

        Raises `ConnectionResetError` if who asked has gone.
        """
        take_over(request, self._browser, head)
        return self._agent

    async def carry(self) -> None:
        """Copy between what was joined until both have gone."""
        try:
            await self._copied()
        finally:
            self.abort()

    async def _copied(self) -> None:
        ends = (self._browser.lost, self._agent.lost)
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(ends, timeout=LINGER_S)
