"""The holder: a tiny process that starts the agent's shells and keeps them while agents come and go.

`python -m batwa_agent.terminals.holder DIRECTORY ORPHAN_S`, started by the agent with the listening socket
as standard input. One client at a time, JSON lines over a unix socket; an answer with `"fd": true` brings a
descriptor (SCM_RIGHTS). It ends when it holds nothing and nobody is connected, when its socket's file is
gone (the data directory was removed), or after ORPHAN_S without a client; then it hangs up what it holds.
"""

import json
import os
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from .spawn import exit_code_of, spawn

LOOK_EVERY_S = 2.0
HANG_UP_S = 2.0
_NO_REQUEST = (ValueError, LookupError, TypeError, AttributeError)
"""What comes of a line that is no request: whoever sends it is no agent of ours, and is dropped."""
_LINE_BYTES = 4 << 20
"""Longest request: an environment and an argv fit (Linux allows 2 MiB for both)."""


class Held(NamedTuple):
    """A terminal and the process on it."""

    master: int
    pid: int


class Holder:
    """Everything the process knows."""

    def __init__(self, listener: socket.socket, path: Path, orphan_s: float) -> None:
        self._listener = listener
        self._path = path
        self._orphan_s = orphan_s
        self._selector = selectors.DefaultSelector()
        self._client: socket.socket | None = None
        self._received = bytearray()
        self._held: dict[str, Held] = {}
        self._exit_codes: dict[str, int] = {}
        self._alone_since = time.monotonic()
        self._is_told_to_end = False

    def end(self) -> None:
        """Hang up what is held, and end."""
        self._is_told_to_end = True

    def run(self, wakeup: socket.socket) -> None:
        """Serve until there is nothing left to do."""
        for sock in (self._listener, wakeup):
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ)
        while self._is_wanted():
            for key, _ in self._selector.select(LOOK_EVERY_S):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is wakeup:
                    wakeup.recv(4096)
                else:
                    self._read()
            self._reap()
        self._hang_up_all()

    def _is_wanted(self) -> bool:
        if self._is_told_to_end or not self._path.exists():
            return False
        alone_s = 0.0 if self._client is not None else time.monotonic() - self._alone_since
        return alone_s < (self._orphan_s if self._held else LOOK_EVERY_S)

    def _accept(self) -> None:
        with suppress(OSError):
            client, _ = self._listener.accept()
            self._drop_client()
            self._client = client
            client.settimeout(HANG_UP_S)
            self._selector.register(client, selectors.EVENT_READ)

    def _drop_client(self) -> None:
        if self._client is not None:
            self._selector.unregister(self._client)
            self._client.close()
            self._client = None
            self._received.clear()
            self._alone_since = time.monotonic()

    def _read(self) -> None:
        if self._client is None:
            return
        try:
            data = self._client.recv(1 << 16)
        except OSError:
            data = b""
        self._received += data
        if not data or len(self._received) > _LINE_BYTES:
            self._drop_client()
            return
        while (at := self._received.find(b"\n")) >= 0:
            line = bytes(self._received[:at])
            del self._received[: at + 1]
            try:
                self._obey(json.loads(line))
            except _NO_REQUEST:
                self._drop_client()
                return

    def _obey(self, request: dict[str, Any]) -> None:
        key = request.get("key", "")
        match request["do"]:
            case "start":
                self._start(key, request)
            case "list":
                for key, held in self._held.items():
                    answer = {"key": key, "pid": held.pid, "exit_code": self._exit_codes.get(key)}
                    self._tell({"told": "held", **answer}, held.master)
                self._tell({"told": "all"})
            case "signal":
                if key in self._held and key not in self._exit_codes:
                    self._signal(self._held[key], request["number"])
            case "forget":
                self._exit_codes.pop(key, None)
                if key in self._held:
                    os.close(self._held.pop(key).master)
            case unknown:
                raise ValueError(f"no such request: {unknown}")

    def _start(self, key: str, request: dict[str, Any]) -> None:
        try:
            master, pid = spawn(
                request["argv"], rows=request["rows"], cols=request["cols"], env=request["env"]
            )
        except OSError as err:
            self._tell({"told": "refused", "key": key, "errno": err.errno, "why": err.strerror or str(err)})
            return
        self._held[key] = Held(master, pid)
        self._tell({"told": "started", "key": key, "pid": pid}, master)

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                for key, held in self._held.items():
                    if held.pid == found[0] and key not in self._exit_codes:
                        self._exit_codes[key] = exit_code_of(found[1])
                        self._tell({"told": "ended", "key": key, "exit_code": self._exit_codes[key]})

    def _tell(self, answer: dict[str, Any], fd: int | None = None) -> None:
        if self._client is None:
            return
        line = json.dumps(answer | {"fd": fd is not None}).encode() + b"\n"
        try:
            if fd is None:
                self._client.sendall(line)
            else:
                sent = socket.send_fds(self._client, [line], [fd])
                self._client.sendall(line[sent:])
        except OSError:
            self._drop_client()

    def _signal(self, held: Held, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(held.pid, number)

    def _hang_up_all(self) -> None:
        running = [held for key, held in self._held.items() if key not in self._exit_codes]
        for number in (signal.SIGHUP, signal.SIGKILL):
            for held in running:
                self._signal(held, number)
            if number == signal.SIGHUP and running:
                time.sleep(HANG_UP_S)


def main() -> int:
    """Hold what the agent starts."""
    directory, orphan_s = Path(sys.argv[1]), float(sys.argv[2])
    listener = socket.socket(fileno=os.dup(0))
    wakeup, alarm = socket.socketpair()
    alarm.setblocking(False)
    signal.set_wakeup_fd(alarm.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    holder = Holder(listener, directory / "holder.sock", orphan_s)
    signal.signal(signal.SIGTERM, lambda *_: holder.end())
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)  # it ends by what it holds, not with whoever started it
    holder.run(wakeup)
    return 0


if __name__ == "__main__":
    sys.exit(main())
