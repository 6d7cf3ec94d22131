"""aiohttp's parser of WebSocket messages, for bytes that do not come through its server."""

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from aiohttp import WSMessage
from aiohttp._websocket.reader import WebSocketDataQueue  # what aiohttp's own server reads with
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_websocket import WebSocketReader, WSMessageTextBytes

Message: TypeAlias = WSMessage | WSMessageTextBytes


def websocket_reader(
    on_message: Callable[[Message], None],
    on_error: Callable[[BaseException], None],
    *,
    most_bytes: int,
    decode_text: bool,
) -> WebSocketReader:
    """Return a parser whose `feed_data` calls *on_message* with each whole message, control ones included.

    *on_error* is called once, with a `WebSocketError` for what is no WebSocket or longer than *most_bytes*,
    or with what *on_message* raised; what is fed after that is ignored. Without *decode_text* a text is bytes
    that need not be UTF-8.
    """
    return WebSocketReader(_Calls(on_message, on_error), most_bytes, compress=False, decode_text=decode_text)


class _Calls(WebSocketDataQueue):
    """Where the parser puts messages; it keeps none."""

    def __init__(
        self, on_message: Callable[[Message], None], on_error: Callable[[BaseException], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(BaseProtocol(loop), 0, loop=loop)
        self._on_message = on_message
        self._on_error = on_error

    def feed_data(self, data: Message, size: int) -> None:
        """Pass *data* on."""
        del size
        self._on_message(data)

    def set_exception(self, exc: BaseException, exc_cause: BaseException | None = None) -> None:
        """Pass *exc* on."""
        del exc_cause
        self._on_error(exc)
