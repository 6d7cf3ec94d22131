"""Processes on terminals: signalled and waited for, whoever started them."""

import asyncio
import os
import signal
from contextlib import suppress
from typing import NamedTuple, Protocol

from .spawn import exit_code_of

_HANG_UP_S = 2.0
"""What a process gets to leave after SIGHUP, before SIGKILL."""
_KILL_S = 5.0


class Child(Protocol):
    """A process that leads the session on a terminal, whoever started it."""

    pid: int

    @property
    def exit_code(self) -> int | None:
        """How it ended, a signal as 128 + its number; None before that, and if nobody could learn it."""
        ...

    def signal(self, number: int) -> None:
        """Send its process group a signal; nothing happens if it has ended."""
        ...

    async def ended(self, within_s: float) -> bool:
        """Wait until it has ended, *within_s* seconds at most; False if it still runs."""
        ...


class Started(NamedTuple):
    """A new process and the master side of its terminal, which does not block."""

    master: int
    child: Child


async def hang_up(child: Child) -> None:
    """End *child*, by force if it does not listen."""
    for number, within_s in ((signal.SIGHUP, _HANG_UP_S), (signal.SIGKILL, _KILL_S)):
        child.signal(number)
        if await child.ended(within_s):
            return


class OwnChild:
    """A child of this process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._is_gone = False
        self._exit_code: int | None = None

    @property
    def exit_code(self) -> int | None:
        """How it ended."""
        return self._exit_code

    def signal(self, number: int) -> None:
        """Send its process group a signal."""
        if not self._reap():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def ended(self, within_s: float) -> bool:
        """Wait until it has ended; this reaps it."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + within_s
        pause_s = 0.001
        while not self._reap():
            if loop.time() > give_up_at:
                return False
            await asyncio.sleep(pause_s)
            pause_s = min(0.05, 2 * pause_s)
        return True

    def _reap(self) -> bool:
        if not self._is_gone:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                self._is_gone = True
            else:
                if pid == self.pid:
                    self._is_gone, self._exit_code = True, exit_code_of(status)
        return self._is_gone
