"""What ours is measured beside, one shell behind all: a raw terminal, terminado, and ttyd if it is here."""

import contextlib
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.fleet import free_port

from .sockets import Terminal, until

WAIT_S = 15.0


class Raw:
    """A terminal without any server: what the machine itself can do."""

    def __init__(self, argv: list[str], env: dict[str, str]) -> None:
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.execvpe(argv[0], argv, env)  # noqa: S606 -- the bench's own shell

    def send(self, data: bytes) -> None:
        os.write(self._fd, data)

    def receive(self) -> bytes:
        return os.read(self._fd, 1 << 16)

    def until(self, text: bytes) -> int:
        return until(self.receive, text)

    def close(self) -> None:
        os.close(self._fd)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGHUP)
        os.waitpid(self._pid, 0)


class TerminadoTerminal(Terminal):
    """terminado's protocol: JSON lists in text frames."""

    def send(self, data: bytes) -> None:
        self.send_text(json.dumps(["stdin", data.decode()]))

    def receive(self) -> bytes:
        kind, *rest = json.loads(super().receive() or b'["none"]')
        return rest[0].encode() if kind == "stdout" else b""


class TtydTerminal(Terminal):
    """ttyd's protocol: a one-byte tag before the bytes, and a greeting."""

    def __init__(self, url: str) -> None:
        super().__init__(url, {}, protocol="tty")
        super().send(json.dumps({"AuthToken": "", "columns": 80, "rows": 24}).encode())

    def send(self, data: bytes) -> None:
        super().send(b"0" + data)

    def receive(self) -> bytes:
        frame = super().receive()
        return frame[1:] if frame[:1] == b"0" else b""


@contextlib.contextmanager
def process(argv: list[str], env: dict[str, str], port: int, log: Path) -> Iterator[None]:
    """Run a server until the block ends."""
    with log.open("ab") as out:
        server = subprocess.Popen(argv, env=env, stdout=out, stderr=out, start_new_session=True)
        try:
            _wait_for(port, server)
            yield
        finally:
            server.kill()
            server.wait()


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise RuntimeError("the server beside ours did not start; see its log")


@contextlib.contextmanager
def terminado(argv: list[str], env: dict[str, str], directory: Path) -> Iterator[str]:
    """Serve *argv* with terminado; yields the WebSocket's address."""
    port = free_port()
    server = [sys.executable, "-m", "tests.bench.terminado_server", str(port), *argv]
    with process(server, env, port, directory / "terminado.log"):
        yield f"http://127.0.0.1:{port}/websocket"


@contextlib.contextmanager
def ttyd(argv: list[str], env: dict[str, str], directory: Path) -> Iterator[str | None]:
    """Serve *argv* with ttyd; yields the WebSocket's address, None where ttyd is not on PATH."""
    if (program := shutil.which("ttyd")) is None:
        yield None
        return
    port = free_port()
    server = [program, "-p", str(port), "-i", "127.0.0.1", "-W", *argv]
    with process(server, env, port, directory / "ttyd.log"):
        yield f"http://127.0.0.1:{port}/ws"


@contextlib.contextmanager
def behind_nginx(url: str | None, directory: Path) -> Iterator[str | None]:
    """Put nginx in front of *url*: as many hops as ours has. Yields the address; None without either."""
    program = shutil.which("nginx")
    if url is None or program is None:
        yield None
        return
    port, file = free_port(), directory / "nginx.conf"
    passed = (
        "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade"
    )
    file.write_text(
        f"daemon off; master_process off; pid {directory}/nginx.pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; server {{ listen 127.0.0.1:{port};"
        f" location / {{ proxy_pass {url.removesuffix('/ws')}; {passed}; }} }} }}\n"
    )
    server = [program, "-e", "stderr", "-p", str(directory), "-c", str(file)]
    with process(server, dict(os.environ), port, directory / "nginx.log"):
        yield f"http://127.0.0.1:{port}/ws"
