"""One connection that this agent opens to its hub and then serves: from there on the hub is the client."""

import asyncio
from collections.abc import Callable
from typing import cast

from batwa_common.web.tcp import keep_alive

MAX_HEAD_BYTES = 16 << 10
"""No answer to the upgrade is longer."""

MakeProtocol = Callable[[], asyncio.Protocol]
"""Makes the server's end of a connection. May raise OSError if nobody wants it any more."""


class Dial(asyncio.Protocol):
    """Send *head*, the request for an upgrade; once it is granted, hand the connection to what *serve* makes.

    `served` is done at the hand-over; it gets an OSError if there is none.
    """

    def __init__(self, head: bytes, serve: MakeProtocol) -> None:
        self._head = head
        self._serve = serve
        self._answer = b""
        self._transport: asyncio.Transport | None = None
        self.served: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)
        keep_alive(transport)
        self._transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        """Collect the answer's head; the hub's first request may come right behind it."""
        self._answer += data
        head, end, rest = self._answer.partition(b"\r\n\r\n")
        if not end:
            if len(head) > MAX_HEAD_BYTES:
                self._fail("the hub's answer is too long")
        elif not head.startswith(b"HTTP/1.1 101 "):
            status, _, _ = head.partition(b"\r\n")
            self._fail(f"the hub answered {status.decode('latin-1')!r}")
        else:
            self._hand_over(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        """The hub refused by hanging up."""
        self._settle(ConnectionResetError("the hub hung up") if exc is None else OSError(str(exc)))

    def _hand_over(self, rest: bytes) -> None:
        transport = self._transport
        if transport is None:
            return
        try:
            server = self._serve()
        except OSError as err:
            self._fail(str(err))
            return
        transport.set_protocol(server)
        server.connection_made(transport)
        if rest:
            server.data_received(rest)
        self._settle(None)

    def _fail(self, reason: str) -> None:
        self._settle(ConnectionRefusedError(reason))
        if self._transport is not None:
            self._transport.abort()

    def _settle(self, error: OSError | None) -> None:
        if self.served.done():
            return
        if error is None:
            self.served.set_result(None)
        else:
            self.served.set_exception(error)
