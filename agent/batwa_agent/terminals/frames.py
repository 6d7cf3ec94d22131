"""Frames of a WebSocket, server to client (RFC 6455, 5.2: final, unmasked)."""

import struct

from .output_log import Pieces


def binary(pieces: Pieces, count: int) -> bytes:
    """Return one binary message of *count* bytes."""
    return b"".join((_header(0x82, count), *pieces))


def text(message: str) -> bytes:
    """Return one text message."""
    data = message.encode()
    return _header(0x81, len(data)) + data


def ping(data: bytes) -> bytes:
    """Return a ping with at most 125 bytes, which its answer repeats."""
    return _header(0x89, len(data)) + data


def pong(data: bytes) -> bytes:
    """Return the answer to a ping of at most 125 bytes."""
    return _header(0x8A, len(data)) + data


def close(code: int, reason: str) -> bytes:
    """Return the last frame; *reason* is of 123 bytes at most."""
    data = struct.pack("!H", code) + reason.encode()
    return _header(0x88, len(data)) + data


def _header(first: int, length: int) -> bytes:
    if length < 126:
        return bytes((first, length))
    if length < 1 << 16:
        return struct.pack("!BBH", first, 126, length)
    return struct.pack("!BBQ", first, 127, length)
