"""The shells of this machine's VMs. A terminal is the agent's; a viewer only looks at it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import structlog

from batwa_common.errors import DriverUnavailable, Unavailable, VmStateConflict
from batwa_common.wire.vm import Vm

from .pty import Pty
from .turns import Turns

log = structlog.stdlib.get_logger(__name__)


class Ending(NamedTuple):
    """Why a terminal is over, as its viewer's socket tells it (RFC 6455, 7.4)."""

    code: int
    reason: str


EXITED = Ending(1000, "exited")
STOPPING = Ending(1001, "stopping")


class Viewer(Protocol):
    """Where output goes."""

    def show(self, chunk: bytes) -> bool:
        """Take *chunk*. False: no more, until the viewer calls `Terminal.resume`."""
        ...

    def over(self, ending: Ending) -> None:
        """Know that nothing more comes."""
        ...


class Terminal:
    """One shell in one VM. Without a viewer it is paused, and nothing it says is lost."""

    def __init__(self, vm_name: str) -> None:
        self.vm_name = vm_name
        self.ending: Ending | None = None
        self._viewer: Viewer | None = None
        self._pty: Pty | None = None

    async def start(
        self, argv: Sequence[str], *, rows: int, cols: int, env: Mapping[str, str], turns: Turns
    ) -> None:
        """Start the shell. Raises `DriverUnavailable` if its program is not there."""
        try:
            self._pty = await Pty.open(
                argv, rows=rows, cols=cols, env=env, turns=turns, on_output=self._show, on_end=self._exited
            )
        except OSError as err:
            raise DriverUnavailable(f"the shell cannot be started: {err}") from err

    def attach(self, viewer: Viewer) -> None:
        """Let *viewer* see what comes from now on."""
        self._viewer = viewer
        self.resume()

    def resume(self) -> None:
        """Go on after `Viewer.show` said no."""
        if self._pty is not None:
            self._pty.resume()

    def write(self, data: memoryview) -> memoryview:
        """Type *data*; return what the shell does not take now."""
        return data[:0] if self._pty is None else self._pty.write(data)

    async def writable(self) -> None:
        """Wait until the shell takes input again, or is gone."""
        if self._pty is not None:
            await self._pty.writable()

    def resize(self, *, rows: int, cols: int) -> None:
        """Change the size, in character cells."""
        if self._pty is not None:
            self._pty.resize(rows=rows, cols=cols)

    async def close(self, ending: Ending = EXITED) -> None:
        """Hang up; returns once the shell is gone."""
        self._end(ending)
        if self._pty is not None:
            await self._pty.close()

    def _show(self, chunk: bytes) -> None:
        if self._pty is not None and (self._viewer is None or not self._viewer.show(chunk)):
            self._pty.pause()

    def _exited(self) -> None:
        self._end(EXITED)

    def _end(self, ending: Ending) -> None:
        if self.ending is None:
            self.ending = ending
            if self._viewer is not None:
                self._viewer.over(ending)


class Terminals:
    """All terminals that are open.

    Args:
        shell: Returns the argv of a shell in the VM of that name.
        env: The whole environment of these shells.
        limit: Most terminals at once.

    """

    def __init__(self, *, shell: Callable[[str], Sequence[str]], env: Mapping[str, str], limit: int) -> None:
        self._shell = shell
        self._env = env
        self._limit = limit
        self._turns = Turns()
        self._open: set[Terminal] = set()
        self._stopping = False

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    async def open(self, vm: Vm, *, rows: int, cols: int) -> Terminal:
        """Start a shell in *vm*. Raises `VmStateConflict`, `Unavailable`, `DriverUnavailable`."""
        _must_run(vm)
        if self._stopping:
            raise Unavailable("The agent is stopping; try again in a minute.")
        if len(self._open) >= self._limit:
            raise Unavailable(f"{self._limit} terminals are open here, the most allowed; close one first.")
        terminal = Terminal(vm.name)
        self._open.add(terminal)
        try:
            await terminal.start(self._shell(vm.name), rows=rows, cols=cols, env=self._env, turns=self._turns)
        except BaseException:
            self._open.discard(terminal)
            raise
        log.info("terminal.opened", vm=vm.name, open=len(self._open))
        return terminal

    async def close(self, terminal: Terminal) -> None:
        """Hang *terminal* up and forget it."""
        try:
            await terminal.close()
        finally:
            self._open.discard(terminal)
        log.info("terminal.closed", vm=terminal.vm_name, open=len(self._open))

    async def stop(self) -> None:
        """Hang all up, and open no more."""
        self._stopping = True
        await asyncio.gather(*(terminal.close(STOPPING) for terminal in list(self._open)))


def _must_run(vm: Vm) -> None:
    match vm.state:
        case "Running" | "Delayed Shutdown":
            return
        case "Deleted":
            raise VmStateConflict(f"VM '{vm.name}' is in the trash; recover and start it first.")
        case "Stopped" | "Suspended":
            raise VmStateConflict(f"VM '{vm.name}' is {vm.state}; start it first.")
        case _:
            raise VmStateConflict(f"VM '{vm.name}' is {vm.state}; wait until it is Running.")
