"""What a long connection needs of TCP."""

import asyncio
import socket

IDLE_S = 20
"""Silence after which the other end is asked for a sign of life. Less than any NAT forgets in."""
EVERY_S = 5
TRIES = 3


def keep_alive(transport: asyncio.BaseTransport | None) -> None:
    """Keep *transport*'s way through routers open while it is idle, and end it if nobody answers for 35 s."""
    found = transport.get_extra_info("socket") if transport is not None else None
    if found is None:
        return
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    idle = getattr(socket, "TCP_KEEPIDLE", None) or getattr(
        socket, "TCP_KEEPALIVE", None
    )  # macOS has the latter
    for option, value in ((idle, IDLE_S), (socket.TCP_KEEPINTVL, EVERY_S), (socket.TCP_KEEPCNT, TRIES)):
        if option is not None:
            found.setsockopt(socket.IPPROTO_TCP, option, value)
