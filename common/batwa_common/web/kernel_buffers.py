"""What the kernel holds of a connection whose reader has fallen behind: megabytes, if nobody bounds it."""

import asyncio
import socket

SENT_BYTES = 128 << 10
RECEIVED_BYTES = 64 << 10
"""Linux doubles both, for its own bookkeeping (socket(7)), and no longer lets them grow."""


def bound_kernel_buffers(transport: asyncio.BaseTransport, *, received_bytes: int = RECEIVED_BYTES) -> None:
    """Let the kernel hold no more than these of *transport*; nothing happens if it is no socket."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_BYTES)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, received_bytes)
