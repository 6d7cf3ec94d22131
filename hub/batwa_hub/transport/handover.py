"""Taking a connection away from aiohttp's server, for a protocol of our own."""

import asyncio

from aiohttp import web


def take_over(request: web.BaseRequest, protocol: asyncio.Protocol, head: bytes) -> None:
    """Detach *request*'s transport from aiohttp's server, give it to *protocol*, send *head*.

    The handler must return soon after; its response goes nowhere (the server sees a peer that has
    gone). The protocol is swapped before *head* is written, so a peer that waits for *head* cannot
    have sent a byte that the old parser still holds. Raises `ConnectionResetError` if the peer has gone.
    """
    transport, old = request.transport, request.protocol
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the other end has gone")
    transport.set_protocol(protocol)
    old.transport = None  # else connection_lost() would close the transport
    old.connection_lost(None)
    protocol.connection_made(transport)
    transport.write(head)
