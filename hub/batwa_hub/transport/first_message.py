"""What a caller says first on a WebSocket whose bytes are passed on unread otherwise."""

import asyncio

from aiohttp import WSMsgType
from aiohttp._websocket.reader import WebSocketDataQueue  # what aiohttp's own server reads with
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_websocket import WebSocketReader

MESSAGE_BYTES = 1 << 20
"""The longest first message; agents take none that is longer."""
HELD_BYTES = 2 * MESSAGE_BYTES
"""Kept until the first message is whole and noted, with whatever comes right behind it."""


class FirstMessage:
    """Keeps bytes as they came, and reads in them with the parser that an agent has: both see the same."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._messages = WebSocketDataQueue(BaseProtocol(loop), HELD_BYTES, loop=loop)
        self._reader = WebSocketReader(self._messages, MESSAGE_BYTES, compress=False, decode_text=True)
        self.held = bytearray()

    def feed(self, data: bytes) -> bool:
        """Keep *data*; returns whether more may come, or this has become too much."""
        self.held += data
        self._reader.feed_data(data)
        return len(self.held) <= HELD_BYTES

    def end(self) -> None:
        """Nothing comes any more."""
        self._messages.feed_eof()

    async def text(self) -> str | None:
        """Return the first message once it is whole; None if it is no text.

        Raises `EofStream` if there is none, and `WebSocketError` for what no agent would take.
        """
        while True:
            message = await self._messages.read()
            if message.type in {WSMsgType.PING, WSMsgType.PONG}:
                continue
            return message.data if isinstance(message.data, str) else None
