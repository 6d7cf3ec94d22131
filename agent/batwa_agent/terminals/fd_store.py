"""systemd as the keeper: it holds the terminals' master sides in its file descriptor store.

sd_notify(3) `FDSTORE=1`, sd_listen_fds(3). The unit needs `NotifyAccess=main`, `FileDescriptorStoreMax=` (a
terminal each) and `KillMode=process`, else systemd itself ends the shells when it stops the agent.
"""

import asyncio
import os
import select
from collections.abc import Mapping, Sequence
from contextlib import suppress

from batwa_common.service_manager import ServiceManager

from .child import Started
from .keeper import Kept, NoKeeper, close_fds
from .proc import began
from .record import Record

_NAME = "terminal-"


class Orphan:
    """A process whose parent was an earlier agent: that it has ended can be seen, how cannot."""

    exit_code: int | None = None

    def __init__(self, pid: int, pidfd: int | None) -> None:
        self.pid = pid
        self._pidfd = pidfd

    @classmethod
    def find(cls, pid: int, began_at: str | None) -> "Orphan":
        """Return process *pid* if it is the one that began then, else one that has ended. Blocks."""
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return cls(pid, None)
        if began_at is None or began(pid) != began_at:
            os.close(pidfd)
            return cls(pid, None)
        return cls(pid, pidfd)

    def signal(self, number: int) -> None:
        """Send its process group a signal."""
        if self._is_there():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def ended(self, within_s: float) -> bool:
        """Wait until it has ended."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + within_s
        while self._is_there():
            if loop.time() > give_up_at:
                return False
            await asyncio.sleep(0.02)
        return True

    def _is_there(self) -> bool:
        """Look at its pidfd, which is readable once it has ended (pidfd_open(2)) and then of no more use."""
        if self._pidfd is None:
            return False
        look = select.poll()
        look.register(self._pidfd, select.POLLIN)
        if look.poll(0):
            os.close(self._pidfd)
            self._pidfd = None
        return self._pidfd is not None


class FdStore(NoKeeper):
    """Starts children of the agent and gives copies of their terminals to systemd.

    Args:
        manager: Has the store, and what it held before this agent.
    """

    survives = True

    def __init__(self, manager: ServiceManager) -> None:
        self._manager = manager
        self._inherited = manager.take_fds(_NAME)

    async def adopt(self, records: Sequence[Record]) -> dict[str, Kept]:
        """Return what systemd held; have it drop what nobody knows."""
        kept = {}
        for record in records:
            if record.pid is not None and (fd := self._inherited.pop(_NAME + record.key, None)) is not None:
                os.set_blocking(fd, False)
                child = await asyncio.to_thread(Orphan.find, record.pid, record.pid_began)
                kept[record.key] = Kept(fd, child)
        for name in self._inherited:
            await self.forget(name.removeprefix(_NAME))
        close_fds(list(self._inherited.values()))
        self._inherited.clear()
        return kept

    async def start(
        self, key: str, argv: Sequence[str], *, rows: int, cols: int, env: Mapping[str, str]
    ) -> Started:
        """Start a child of the agent."""
        started = await super().start(key, argv, rows=rows, cols=cols, env=env)
        # without FDPOLL=0 systemd drops a terminal whose process has ended, and with it the last output
        await self._manager.tell(f"FDSTORE=1\nFDNAME={_NAME}{key}\nFDPOLL=0", (started.master,))
        return started

    async def forget(self, key: str) -> None:
        """Have systemd drop its copy."""
        await self._manager.tell(f"FDSTOREREMOVE=1\nFDNAME={_NAME}{key}")
