"""The holder process as the keeper, where no service manager keeps file descriptors."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from .child import Started
from .keeper import Kept
from .proc import is_running
from .record import Record

log = structlog.stdlib.get_logger(__name__)

ANSWER_S = 15.0
"""Longest wait for the holder; a loaded machine needs a moment to start a process."""
_PATH_BYTES = 100
"""Longest path that surely fits into a unix socket's address (108 bytes on Linux, 104 elsewhere)."""
_FDS = 16
_UNSENT_BYTES = 16 << 20
"""Of requests; one has an argv of 1 MiB at most."""


class HeldChild:
    """A child of the holder."""

    def __init__(self, pid: int, key: str, holder: "HolderKeeper") -> None:
        self.pid = pid
        self._key = key
        self._holder = holder
        self.exit_code: int | None = None
        self.told = asyncio.Event()
        """Set when its end is known."""
        self.is_orphan = False
        """Whether the holder that started it has gone."""

    def signal(self, number: int) -> None:
        """Send its process group a signal."""
        if self.is_orphan and not self.told.is_set():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)
        elif not self.told.is_set():
            self._holder.signal(self._key, number)

    async def ended(self, within_s: float) -> bool:
        """Wait until it has ended; without a holder that is seen, and how it ended stays unknown."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not self.told.is_set():
                    if not self.is_orphan:
                        await self._holder.news(self.told)
                    elif not await asyncio.to_thread(is_running, self.pid):
                        self.told.set()
                    else:
                        await asyncio.sleep(0.02)
        return self.told.is_set()


class HolderKeeper:
    """Speaks with the holder of *directory*, and starts one when the first terminal is opened.

    Args:
        directory: Where its socket is.
        orphan_s: How long it keeps terminals without an agent.
    """

    survives = True

    def __init__(self, directory: Path, *, orphan_s: float) -> None:
        self._directory = directory
        self._orphan_s = orphan_s
        self._socket: socket.socket | None = None
        self._received = bytearray()
        self._unsent = bytearray()
        self._fds: deque[int] = deque()
        self._children: dict[str, HeldChild] = {}
        self._starting: dict[str, asyncio.Future[tuple[int, int]]] = {}
        self._listing: asyncio.Future[None] | None = None
        self._listed: dict[str, tuple[int, dict[str, Any]]] = {}
        self._lost = asyncio.Event()
        self._connecting = asyncio.Lock()

    @property
    def is_connected(self) -> bool:
        """Whether a holder listens."""
        return self._socket is not None

    async def adopt(self, records: Sequence[Record]) -> dict[str, Kept]:
        """Return what an earlier agent's holder has; hang up what nobody knows."""
        connection = await asyncio.to_thread(_connect, self._directory)
        if connection is None:
            return {}
        self._use(connection)
        self._listing = asyncio.get_running_loop().create_future()
        self._ask({"do": "list"})
        async with asyncio.timeout(ANSWER_S):
            await self._listing
        known = {record.key for record in records}
        kept = {}
        for key, (fd, about) in self._listed.items():
            child = self._children[key] = HeldChild(about["pid"], key, self)
            if about["exit_code"] is not None:
                child.exit_code = about["exit_code"]
                child.told.set()
            if key in known:
                kept[key] = Kept(fd, child)
            else:
                child.signal(signal.SIGHUP)
                os.close(fd)
                await self.forget(key)
        self._listed = {}
        return kept

    async def start(
        self, key: str, argv: Sequence[str], *, rows: int, cols: int, env: Mapping[str, str]
    ) -> Started:
        """Have the holder start *argv*. Raises OSError."""
        request = {
            "do": "start",
            "key": key,
            "argv": list(argv),
            "rows": rows,
            "cols": cols,
            "env": dict(env),
        }
        await self._connected()
        answer = self._starting[key] = asyncio.get_running_loop().create_future()
        self._ask(request)
        try:
            async with asyncio.timeout(ANSWER_S):
                master, pid = await answer
        finally:
            self._starting.pop(key, None)
        return Started(master, self._children.setdefault(key, HeldChild(pid, key, self)))

    async def forget(self, key: str) -> None:
        """Have the holder let go."""
        self._children.pop(key, None)
        self._ask({"do": "forget", "key": key})

    async def close(self) -> None:
        """Leave the holder alone with what it holds."""
        self._drop()

    def signal(self, key: str, number: int) -> None:
        """Send the process group of a child a signal."""
        self._ask({"do": "signal", "key": key, "number": int(number)})

    async def news(self, event: asyncio.Event) -> None:
        """Wait for *event* or the loss of the holder."""
        waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self._lost.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _connected(self) -> None:
        async with self._connecting:
            if self._socket is None:
                connection = await asyncio.to_thread(_connect_or_start, self._directory, self._orphan_s)
                self._use(connection)

    def _use(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._received.clear()
        self._unsent.clear()
        self._lost = asyncio.Event()
        asyncio.get_running_loop().add_reader(connection.fileno(), self._readable)

    def _ask(self, request: dict[str, Any]) -> None:
        """Send a request after those that wait; a holder that reads none of it for long is given up."""
        if self._socket is None:
            return
        self._unsent += json.dumps(request).encode() + b"\n"
        if len(self._unsent) > _UNSENT_BYTES:
            self._drop()
        else:
            self._send()

    def _send(self) -> None:
        if self._socket is None:
            return
        loop, at = asyncio.get_running_loop(), self._socket.fileno()
        try:
            del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop()
            return
        if self._unsent:
            loop.add_writer(at, self._send)
        else:
            loop.remove_writer(at)

    def _readable(self) -> None:
        if self._socket is None:
            return
        try:
            data, fds, _, _ = socket.recv_fds(self._socket, 1 << 16, _FDS)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        for fd in fds:
            os.set_inheritable(fd, False)
            self._fds.append(fd)
        if not data:
            log.warning("terminal.holder_lost", advice="running terminals go on but end with the agent")
            self._drop()
            return
        self._received += data
        while (at := self._received.find(b"\n")) >= 0:
            answer = json.loads(self._received[:at])
            del self._received[: at + 1]
            self._hear(answer, self._fds.popleft() if answer["fd"] else -1)

    def _hear(self, answer: dict[str, Any], fd: int) -> None:
        key = answer.get("key", "")
        match answer["told"]:
            case "held":
                self._listed[key] = (fd, answer)
            case "all" if self._listing is not None and not self._listing.done():
                self._listing.set_result(None)
            case "started" if key in self._starting and not self._starting[key].done():
                self._children[key] = HeldChild(
                    answer["pid"], key, self
                )  # its end may be the next thing told
                self._starting[key].set_result((fd, answer["pid"]))
            case "started":  # nobody waits for it any more
                os.close(fd)
                self._ask({"do": "signal", "key": key, "number": int(signal.SIGHUP)})
                self._ask({"do": "forget", "key": key})
            case "refused" if key in self._starting and not self._starting[key].done():
                self._starting[key].set_exception(OSError(answer["errno"] or 0, answer["why"]))
            case "ended" if (child := self._children.get(key)) is not None:
                child.exit_code = answer["exit_code"]
                child.told.set()

    def _drop(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            asyncio.get_running_loop().remove_writer(self._socket.fileno())
            self._socket.close()
            self._socket = None
        self._lost.set()
        for child in self._children.values():
            child.is_orphan = True
        self._children.clear()
        waiting: list[asyncio.Future[Any]] = [*self._starting.values()]
        if self._listing is not None:
            waiting.append(self._listing)
        for future in waiting:
            if not future.done():
                future.set_exception(ConnectionResetError("the holder of terminals has gone"))


def _address(directory: Path, at: int) -> str:
    path = str(directory / "holder.sock")
    return path if len(os.fsencode(path)) < _PATH_BYTES else f"/proc/self/fd/{at}/holder.sock"


def _connect(directory: Path) -> socket.socket | None:
    at = os.open(directory, os.O_RDONLY)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(ANSWER_S)
        connection.connect(_address(directory, at))
    except OSError:
        connection.close()
        return None
    finally:
        os.close(at)
    return connection


def _connect_or_start(directory: Path, orphan_s: float) -> socket.socket:
    if (connection := _connect(directory)) is None:
        _start_holder(directory, orphan_s)
        if (connection := _connect(directory)) is None:
            raise ConnectionRefusedError("the holder of terminals does not listen")
    return connection


def _start_holder(directory: Path, orphan_s: float) -> None:
    (directory / "holder.sock").unlink(missing_ok=True)
    at = os.open(directory, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(_address(directory, at))
            listener.listen(4)
            argv = [sys.executable, "-P", "-m", "batwa_agent.terminals.holder", str(directory), str(orphan_s)]
            os.posix_spawn(
                sys.executable,
                argv,
                {name: value for name, value in os.environ.items() if name.startswith(("PYTHON", "LANG"))},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, listener.fileno(), 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
                setsid=True,
                setsigmask=[],
            )
    finally:
        os.close(at)
