"""The sockets that a daemon listens on, and how it lets go of them."""

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence
from typing import NamedTuple, Self

from yarl import URL

from .dial import MakeProtocol

BACKLOG = 1024
"""Connections that may wait to be accepted."""


class Listening(NamedTuple):
    """Servers that accept connections, by HTTPS if there is `tls`."""

    servers: Sequence[asyncio.Server]
    serve: MakeProtocol
    tls: ssl.SSLContext | None
    is_given: bool
    """Whether somebody else holds the sockets too, for whoever serves next."""

    @classmethod
    async def open(
        cls,
        serve: MakeProtocol,
        host: str | None,
        port: int,
        *,
        sockets: Sequence[socket.socket] = (),
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Listen on *sockets* if there are any, else on *host* and *port*; nowhere without either.

        Raises OSError when it cannot listen there.
        """
        create = asyncio.get_running_loop().create_server
        given = [await create(serve, sock=each, backlog=BACKLOG, ssl=tls) for each in sockets]
        if given or host is None:
            return cls(given, serve, tls, is_given=True)
        return cls([await create(serve, host or None, port, backlog=BACKLOG, ssl=tls)], serve, tls, False)

    @property
    def address(self) -> str | None:
        """The first URL, with the port that the system chose; None if it listens nowhere."""
        for server in self.servers:
            for each in server.sockets:
                host, port = each.getsockname()[:2]
                return str(URL.build(scheme="https" if self.tls else "http", host=host, port=port))
        return None

    async def stop(self) -> None:
        """Accept no more connections.

        Those that the system has accepted for us already are served: their clients may have asked.
        """
        waiting = [] if self.is_given else [each for server in self.servers for each in _waiting(server)]
        for server in self.servers:
            server.close()
        connect = asyncio.get_running_loop().connect_accepted_socket
        connecting = (connect(self.serve, each, ssl=self.tls) for each in waiting)
        await asyncio.gather(*connecting, return_exceptions=True)  # some may have hung up


def _waiting(server: asyncio.Server) -> list[socket.socket]:
    """Return the connections that wait to be accepted; no time may pass before the server is closed."""
    found: list[socket.socket] = []
    for each in server.sockets:
        with socket.socket(fileno=os.dup(each.fileno())) as listener:
            try:
                while True:
                    found.append(listener.accept()[0])
                    found[-1].setblocking(False)
            except BlockingIOError:
                continue
    return found
