"""Plain blocking sockets: a client so cheap that what is measured is the server."""

import base64
import contextlib
import json
import os
import socket
import time
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import urlsplit


class Http:
    """One keep-alive connection."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host = parts.netloc
        self._extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self._buffer = bytearray(1 << 20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of one request."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n{self._extra}"
        self._socket.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        seen = bytearray()
        while (end := seen.find(b"\r\n\r\n")) < 0:
            seen += self._received()
        lines = seen[:end].decode("latin-1").split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", "0"))
        rest = seen[end + 4 :]
        while len(rest) < length:
            rest += self._received()
        return int(lines[0].split()[1]), headers, bytes(rest)

    def json(self, method: str, path: str, body: object = None) -> Any:
        """Return the JSON answer of a request that must succeed."""
        status, _, text = self.request(method, path, b"" if body is None else json.dumps(body).encode())
        assert status < 300, (status, text[:500])
        return json.loads(text)

    def seconds(self, path: str) -> float:
        """Return how long one GET takes, its body read to the end."""
        began = time.perf_counter()
        status, _, _ = self.request("GET", path)
        took = time.perf_counter() - began
        assert status == 200, status
        return took

    def _received(self) -> memoryview:
        if (count := self._socket.recv_into(self._buffer)) == 0:
            raise ConnectionResetError
        return memoryview(self._buffer)[:count]


class Terminal:
    """One WebSocket terminal, read and written without a library."""

    def __init__(self, url: str, headers: dict[str, str], *, protocol: str | None = None) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if protocol is not None:
            headers = {**headers, "Sec-WebSocket-Protocol": protocol}
        extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n{extra}\r\n".encode()
        )
        self._received = self.socket.makefile("rb", 256 << 10)
        answer = self._received.readline()
        assert answer.startswith(b"HTTP/1.1 101"), answer
        while self._received.readline() not in {b"\r\n", b""}:
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Send *data* as one binary message."""
        self._send(0x82, data)

    def send_text(self, text: str) -> None:
        """Send *text* as one text message."""
        self._send(0x81, text.encode())

    def _send(self, first: int, data: bytes) -> None:
        length = len(data)
        if length < 126:
            head = bytes((first, 0x80 | length))
        elif length < 1 << 16:
            head = bytes((first, 0xFE)) + length.to_bytes(2)
        else:
            head = bytes((first, 0xFF)) + length.to_bytes(8)
        self.socket.sendall(head + b"\0\0\0\0" + data)  # masked with zeros, which is allowed

    def receive(self) -> bytes:
        """Return the next message's bytes, none for a ping, which is answered as libraries do."""
        opcode, payload = self.frame()
        if opcode == 9:
            self._send(0x8A, payload)
        return payload if opcode in {0, 1, 2} else b""

    def frame(self) -> tuple[int, bytes]:
        """Return (opcode, payload) of the next frame. Raises ConnectionResetError at the end."""
        first, length = self._take(2)
        length &= 0x7F
        if length >= 126:
            length = int.from_bytes(self._take(2 if length == 126 else 8))
        payload = self._take(length)
        if first & 0x0F == 8:
            raise ConnectionResetError(payload)
        return first & 0x0F, payload

    def _take(self, count: int) -> bytes:
        if len(data := self._received.read(count)) < count:
            raise ConnectionResetError
        return data

    def close(self) -> None:
        """Hang up, also while another thread receives."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def until(self, text: bytes) -> int:
        """Read until *text* has come; return how many bytes came in all."""
        return until(self.receive, text)


def until(receive: Callable[[], bytes], text: bytes) -> int:
    """Receive until *text* has come; return how many bytes came in all."""
    end, count = b"", 0
    while True:
        chunk = receive()
        count += len(chunk)
        # most output has not even its first byte, which is the quickest to know
        if (text[0] in chunk and text in chunk) or text in end + chunk[: len(text)]:
            return count
        end = (end + chunk[-len(text) :])[-len(text) :]
