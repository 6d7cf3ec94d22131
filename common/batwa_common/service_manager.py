"""What started this process, where that is systemd: told how it fares, and what it gave along.

sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3). Without a service manager what is told goes nowhere.
"""

import asyncio
import os
import re
import socket
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Self

import structlog

log = structlog.stdlib.get_logger(__name__)

LOOK_S = 2.0
"""Time between two looks at what the status says, at most."""
TELL_S = 5.0
"""How long a service manager that takes no message is waited for."""
_RETRY_S = 0.05
_FIRST_FD = 3
_LAST_OF_GROUP = re.compile(r"([^/\n]+)$", re.MULTILINE)
"""`0::/system.slice/batwa-hub.service`, one line for each hierarchy: cgroups(7)."""


class ServiceManager:
    """The service manager of this process.

    Args:
        address: `NOTIFY_SOCKET`; None or empty if nobody listens.
        watchdog_s: Silence after which it ends the process; 0 if it never does.
        fds: What it passed along, by name; whoever uses one takes it out.
        unit: What it calls this process, `batwa-hub.service`; empty if that is not known.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        watchdog_s: float = 0.0,
        fds: Mapping[str, Sequence[int]] = {},
        unit: str = "",
    ) -> None:
        self._address = "\0" + address[1:] if address and address.startswith("@") else address
        self._look_s = min(LOOK_S, watchdog_s / 3 or LOOK_S)
        self._watched = watchdog_s > 0
        self._fds = {name: list(each) for name, each in fds.items()}
        self.unit = unit

    @classmethod
    def of(cls, env: MutableMapping[str, str], pid: int) -> Self:
        """Return what started process *pid*, and take that out of *env*: children are not to speak."""
        fds, address = _inherited(env, pid), env.pop("NOTIFY_SOCKET", None)
        watchdog_us, watched = env.pop("WATCHDOG_USEC", "0"), env.pop("WATCHDOG_PID", str(pid))
        return cls(
            address,
            watchdog_s=int(watchdog_us) / 1e6 if watched == str(pid) and watchdog_us.isdigit() else 0.0,
            fds=fds,
            unit=_unit(pid) if address else "",
        )

    @property
    def listens(self) -> bool:
        """Whether anybody hears what it is told."""
        return bool(self._address)

    def take_fds(self, prefix: str) -> dict[str, int]:
        """Return, by name, the descriptors whose names begin with *prefix*; they are the caller's now."""
        names = [name for name in self._fds if name.startswith(prefix)]
        return {name: self._fds.pop(name)[0] for name in names}

    def take_sockets(self) -> list[socket.socket]:
        """Return the TCP sockets that it listens with for this process; they are the caller's now."""
        found = []
        for name, fds in list(self._fds.items()):
            sockets = [socket.socket(fileno=fd) for fd in fds if _is_listening(fd)]
            if sockets:
                del self._fds[name]
            found += sockets
        return found

    async def ready(self, status: str) -> None:
        """Tell that the start, or a reload, is over."""
        await self.tell(f"READY=1\nSTATUS={status}")

    async def stopping(self) -> None:
        """Tell that the process is about to end."""
        await self.tell("STOPPING=1\nSTATUS=Stopping")

    async def attend(self, status: Callable[[], str]) -> None:
        """Tell it for ever that the event loop turns, and *status* where that has changed."""
        told = ""
        while self._address:
            await asyncio.sleep(self._look_s)
            lines = ["WATCHDOG=1"] if self._watched else []
            if (now := status()) != told:
                lines.append(f"STATUS={now}")
                told = now
            if lines:
                await self.tell("\n".join(lines))

    async def tell(self, message: str, fds: Sequence[int] = ()) -> None:
        """Send *message* with copies of *fds*; that it does not arrive is logged."""
        if not self._address:
            return
        try:
            async with asyncio.timeout(TELL_S):
                await self._send(self._address, message.encode(), fds)
        except OSError as err:  # a TimeoutError is one too
            log.warning("service_manager.deaf", why=str(err) or "it takes no messages")

    async def _send(self, address: str, message: bytes, fds: Sequence[int]) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as notify:
            notify.connect(address)
            while True:
                try:
                    socket.send_fds(notify, [message], fds)
                except BlockingIOError:
                    await asyncio.sleep(_RETRY_S)
                else:
                    return


def _unit(pid: int) -> str:
    try:
        groups = Path("/proc", str(pid), "cgroup").read_text(encoding="utf-8")
    except OSError:
        return ""
    return next((last for last in _LAST_OF_GROUP.findall(groups) if last.endswith(".service")), "")


def _inherited(env: MutableMapping[str, str], pid: int) -> dict[str, list[int]]:
    count, owner = env.pop("LISTEN_FDS", "0"), env.pop("LISTEN_PID", "")
    names = env.pop("LISTEN_FDNAMES", "").split(":")
    if owner != str(pid) or not count.isdigit():
        return {}
    found: dict[str, list[int]] = {}
    for name, fd in zip(names, range(_FIRST_FD, _FIRST_FD + int(count)), strict=False):
        os.set_inheritable(fd, False)
        found.setdefault(name, []).append(fd)
    return found


def _is_listening(fd: int) -> bool:
    try:
        with socket.socket(fileno=os.dup(fd)) as looked_at:
            inet = looked_at.family in {socket.AF_INET, socket.AF_INET6}
            return inet and bool(looked_at.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:  # no socket at all: a terminal
        return False
