"""What a caller says first on a WebSocket whose bytes are passed on unread otherwise."""

import asyncio

from aiohttp import EofStream, WSMsgType

from batwa_common.web.websocket_reader import Message, websocket_reader

MESSAGE_BYTES = 1 << 20
"""The longest first message; agents take none that is longer."""
HELD_BYTES = 2 * MESSAGE_BYTES
"""Kept until the first message is whole and noted, with whatever comes right behind it."""


class FirstMessage:
    """Keeps bytes as they came, and reads in them with the parser that an agent has: both see the same."""

    def __init__(self) -> None:
        self._first: asyncio.Future[Message | BaseException] = asyncio.get_running_loop().create_future()
        self._reader = websocket_reader(self._take, self._settle, most_bytes=MESSAGE_BYTES, decode_text=True)
        self.held = bytearray()

    def feed(self, data: bytes) -> bool:
        """Keep *data*; returns whether more may come, or this has become too much."""
        self.held += data
        self._reader.feed_data(data)
        return len(self.held) <= HELD_BYTES

    def end(self) -> None:
        """Nothing comes any more."""
        self._settle(EofStream())

    async def text(self) -> str | None:
        """Return the first message once it is whole; None if it is no text.

        Raises `EofStream` if there is none, and `WebSocketError` for what no agent would take.
        """
        first = await self._first
        if isinstance(first, BaseException):
            raise first
        return first.data if isinstance(first.data, str) else None

    def _take(self, message: Message) -> None:
        if message.type not in {WSMsgType.PING, WSMsgType.PONG}:
            self._settle(message)

    def _settle(self, first: Message | BaseException) -> None:
        if not self._first.done():
            self._first.set_result(first)
