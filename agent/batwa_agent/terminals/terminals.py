"""All terminals of this machine: opened, adopted from an earlier agent, ended when nobody wants them."""

import asyncio
import os
import secrets
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import structlog

from batwa_common.errors import DriverUnavailable, NotFound, Unavailable, VmStateConflict
from batwa_common.supervisor import Supervisor
from batwa_common.wire.base import utc_now
from batwa_common.wire.terminal import OpenTerminal
from batwa_common.wire.vm import Vm

from .child import Child, hang_up
from .keeper import Keeper, Kept
from .log_file import create_log, open_log
from .output_log import OutputLog
from .proc import began
from .record import Record, load_records, log_path, remove
from .terminal import Terminal
from .turns import Turns
from .viewer import REMOVED, STOPPING, TERMINATED, Ending

log = structlog.stdlib.get_logger(__name__)

ENDED_S = 600.0
"""How long an ended terminal stays listed, with its last output."""
_MOST_ENDED = 200
_CALM_BYTES = 128 << 10
"""A terminal that puts out less a second is calm: its screen can be kept up to date on the side."""
_LOOK_S = 1.0


@dataclass(frozen=True)
class Shells:
    """How commands are run in a VM."""

    shell: Callable[[str], Sequence[str]]
    """Returns the argv of a login shell in the VM of that name."""
    command: Callable[[str, Sequence[str]], Sequence[str]]
    """Returns the argv that runs a command there."""
    told: Callable[[int], int]
    """Returns the remote exit code from that of either."""
    env: Mapping[str, str]
    """The whole environment of these programs."""


@dataclass(frozen=True)
class Bounds:
    """What an operator sets."""

    limit: int
    """Most terminals that run at once."""
    linger_s: float
    """How long one lives with nobody attached, unless it says otherwise."""
    keep_bytes: int
    """How much of its output is kept."""


class Terminals:
    """The one owner of terminals.

    Args:
        directory: Where they are kept.
        tasks: Owns what goes on in the background.
    """

    def __init__(
        self,
        agent_id: str,
        directory: Path,
        keeper: Keeper,
        shells: Shells,
        bounds: Bounds,
        tasks: Supervisor,
    ) -> None:
        self._agent_id = agent_id
        self._directory = directory
        self._keeper = keeper
        self._shells = shells
        self.bounds = bounds
        self._tasks = tasks
        self._turns = Turns()
        self._all: dict[str, Terminal] = {}
        self._opening = 0
        self._saving = asyncio.Lock()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._watched: Counter[str] = Counter()
        """Who watches, or is on the way: a screen may take a while to be drawn."""
        self._stopping = False
        self.on_opened: Callable[[Terminal, bool | None], None] = lambda _terminal, _record: None
        """Called with each terminal that is opened or adopted before it is read, and whether to record it."""

    def __len__(self) -> int:
        """How many run."""
        return sum(terminal.ending is None for terminal in self._all.values())

    def all(self) -> list[Terminal]:
        """Return all, the ended ones that are still listed included."""
        return list(self._all.values())

    def get(self, terminal_id: str) -> Terminal:
        """Return one. Raises `NotFound`."""
        if (terminal := self._all.get(terminal_id)) is None:
            raise NotFound(
                f"There is no terminal {terminal_id!r} here; it ended more than a while ago, or never was."
            )
        return terminal

    async def begin(self) -> None:
        """Adopt what an earlier agent left. Call it once, before anything else."""
        await asyncio.to_thread(self._directory.mkdir, mode=0o700, parents=True, exist_ok=True)
        records = await asyncio.to_thread(load_records, self._directory)
        running = [record for record in records if record.ended_at is None]
        kept = await self._keeper.adopt(running)
        for record in records:
            await self._adopt(record, kept.get(record.key) if record in running else None)
        self._tasks.spawn(self._follow_screens(), name="screens")

    async def open(self, vm: Vm, order: OpenTerminal, *, by: str, ends_with_viewer: bool = False) -> Terminal:
        """Start a shell or command in *vm*. Raises `VmStateConflict`, `Unavailable`, `DriverUnavailable`."""
        _must_run(vm)
        if self._stopping:
            raise Unavailable("The agent is stopping; try again in a minute.")
        if len(self) + self._opening >= self.bounds.limit:
            raise Unavailable(
                f"{self.bounds.limit} terminals are open here, the most allowed; close one first."
            )
        linger_s = self.bounds.linger_s if order.linger_s is None else order.linger_s
        record = Record(
            id=f"{self._agent_id}~{secrets.token_hex(8)}",
            vm_name=vm.name,
            command=order.command,
            rows=order.rows,
            cols=order.cols,
            created_at=utc_now(),
            created_by=by,
            linger_s=linger_s,
            record_input=order.record_input,
            ends_with_viewer=ends_with_viewer,
        )
        self._opening += 1
        try:
            terminal = await self._start(record, wants_recording=order.record)
        finally:
            self._opening -= 1
        self._linger(terminal)
        log.info("terminal.opened", terminal=record.id, vm=vm.name, open=len(self))
        return terminal

    def comes(self, terminal: Terminal) -> None:
        """Somebody is about to watch *terminal*: it does not end before that one has `left`."""
        self._watched[terminal.record.id] += 1
        self._stop_timer(terminal)

    async def left(self, terminal: Terminal, *, on_purpose: bool) -> None:
        """Somebody who came has gone, or never saw it."""
        self._watched[terminal.record.id] -= 1
        if not self._watched[terminal.record.id]:
            del self._watched[terminal.record.id]
        if terminal.record.id in self._watched or terminal.ending is not None or self._stopping:
            return
        if on_purpose and terminal.record.ends_with_viewer:
            await self.end(terminal)
            await self._forget(terminal)
        else:
            self._linger(terminal)

    async def end(self, terminal: Terminal, ending: Ending = TERMINATED) -> None:
        """Hang *terminal* up; it stays listed for a while."""
        self._stop_timer(terminal)
        if terminal.ending is None:
            await terminal.end(ending)
            await self._ended(terminal)

    def remove_viewers(self, terminal: Terminal, key: str) -> int:
        """Close the viewers of that key; return how many there were."""
        found = [viewer for viewer in terminal.viewers if viewer.key == key]
        for viewer in found:
            viewer.over(REMOVED)
        return len(found)

    def close_viewers(self, key: str, ending: Ending) -> int:
        """Close the viewers of that key, whatever they watch; return how many there were."""
        found = [viewer for terminal in self.all() for viewer in terminal.viewers if viewer.key == key]
        for viewer in found:
            viewer.over(ending)
        return len(found)

    async def stop(self) -> None:
        """Open no more; let all go on without this agent if they can, else hang them up."""
        self._stopping = True
        for timer in self._timers.values():
            timer.cancel()
        running = [terminal for terminal in self._all.values() if terminal.ending is None]
        if self._keeper.survives:
            for terminal in running:
                terminal.leave(STOPPING)
        else:
            await asyncio.gather(*(self._stopped(terminal) for terminal in running))
        await self._keeper.close()

    async def _stopped(self, terminal: Terminal) -> None:
        await terminal.end(STOPPING)
        self._all.pop(terminal.record.id, None)
        await self._remove(terminal.record)

    async def _start(self, record: Record, *, wants_recording: bool | None) -> Terminal:
        shells, path = self._shells, log_path(self._directory, record.key)
        name = record.vm_name
        argv = shells.shell(name) if record.command is None else shells.command(name, record.command)
        making = asyncio.to_thread(create_log, path, self.bounds.keep_bytes)
        starting = self._keeper.start(record.key, argv, rows=record.rows, cols=record.cols, env=shells.env)
        output, started = await asyncio.gather(making, starting, return_exceptions=True)
        if isinstance(started, BaseException):
            await self._undo(record, None, started)
        if isinstance(output, BaseException):
            os.close(started.master)
            await self._undo(record, started.child, output)
        pid = started.child.pid
        record = record.model_copy(update={"pid": pid})
        terminal = self._made(record, output, Kept(*started), wants_recording=wants_recording)
        self._tasks.spawn(self._save(terminal), name="terminal record")
        return terminal

    async def _undo(self, record: Record, child: Child | None, failure: BaseException) -> NoReturn:
        if child is not None:
            await hang_up(child)
            await self._keeper.forget(record.key)
        await self._remove(record)
        if isinstance(failure, OSError):
            raise DriverUnavailable(f"the shell cannot be started: {failure}") from failure
        raise failure

    def _made(
        self, record: Record, output: OutputLog, kept: Kept, *, wants_recording: bool | None
    ) -> Terminal:
        terminal = Terminal(record, output, told=self._shells.told)
        self._all[record.id] = terminal
        self.on_opened(terminal, wants_recording)
        terminal.run(kept, turns=self._turns, on_eof=self._eof)
        return terminal

    async def _save(self, terminal: Terminal) -> None:
        record = terminal.record
        if record.pid is not None and record.pid_began is None and record.ended_at is None:
            began_at = await asyncio.to_thread(began, record.pid)
            terminal.record = terminal.record.model_copy(update={"pid_began": began_at})
        async with self._saving:
            if terminal.record.id in self._all:
                try:
                    await asyncio.to_thread(terminal.record.save, self._directory)
                except OSError as err:
                    log.warning("terminal.not_saved", terminal=record.id, why=str(err))

    async def _adopt(self, record: Record, kept: Kept | None) -> None:
        try:
            output = await asyncio.to_thread(open_log, log_path(self._directory, record.key))
        except (OSError, ValueError) as err:
            log.warning("terminal.lost", terminal=record.id, why=str(err))
            if kept is not None:  # nobody could see what it says
                os.close(kept.master)
                await hang_up(kept.child)
                await self._keeper.forget(record.key)
            await self._remove(record)
            return
        if kept is not None:
            self._linger(self._made(record, output, kept, wants_recording=None))
            log.info("terminal.adopted", terminal=record.id, vm=record.vm_name)
        else:
            record = record if record.ended_at is not None else record.ended(None)
            terminal = Terminal(record, output, told=self._shells.told)
            self._all[record.id] = terminal
            await self._save(terminal)
            self._forget_later(terminal)

    def _eof(self, terminal: Terminal) -> None:
        self._tasks.spawn(self._finish(terminal), name="end of a terminal")

    async def _finish(self, terminal: Terminal) -> None:
        await terminal.finish()
        await self._ended(terminal)

    async def _ended(self, terminal: Terminal) -> None:
        record = terminal.record
        self._stop_timer(terminal)
        await self._keeper.forget(record.key)
        if record.id not in self._all:
            return
        log.info(
            "terminal.ended",
            terminal=record.id,
            vm=record.vm_name,
            exit_code=record.exit_code,
            open=len(self),
        )
        await self._save(terminal)
        self._forget_later(terminal)

    def _stop_timer(self, terminal: Terminal) -> None:
        if (timer := self._timers.pop(terminal.record.id, None)) is not None:
            timer.cancel()

    def _linger(self, terminal: Terminal) -> None:
        self._stop_timer(terminal)
        self._after(terminal.record.linger_s, terminal, self._expire)

    def _forget_later(self, terminal: Terminal) -> None:
        self._after(ENDED_S, terminal, self._forget)
        ended = [other for other in self._all.values() if other.ending is not None]
        for other in ended[:-_MOST_ENDED]:
            self._stop_timer(other)
            self._after(0, other, self._forget)

    def _after(
        self, seconds: float, terminal: Terminal, what: Callable[[Terminal], Coroutine[Any, Any, None]]
    ) -> None:
        if not self._stopping:
            loop = asyncio.get_running_loop()
            self._timers[terminal.record.id] = loop.call_later(seconds, self._due, terminal, what)

    def _due(self, terminal: Terminal, what: Callable[[Terminal], Coroutine[Any, Any, None]]) -> None:
        self._timers.pop(terminal.record.id, None)
        self._tasks.spawn(what(terminal), name="terminal timer")

    async def _expire(self, terminal: Terminal) -> None:
        if terminal.record.id not in self._watched and terminal.ending is None:
            log.info("terminal.expired", terminal=terminal.record.id, linger_s=terminal.record.linger_s)
            await self.end(terminal)

    async def _forget(self, terminal: Terminal) -> None:
        self._stop_timer(terminal)
        async with self._saving:
            self._all.pop(terminal.record.id, None)
            await self._remove(terminal.record)

    async def _remove(self, record: Record) -> None:
        try:
            await asyncio.to_thread(remove, self._directory, record.key)
        except OSError as err:
            log.warning("terminal.not_removed", terminal=record.id, why=str(err))

    async def _follow_screens(self) -> None:
        """Keep up with the screens of terminals that fill their logs slowly; let quiet logs rest."""
        ends: dict[str, int] = {}
        resting: set[str] = set()
        while True:
            await asyncio.sleep(_LOOK_S)
            for terminal_id, terminal in list(self._all.items()):
                end = terminal.log.end
                count = end - ends.get(terminal_id, 0)
                ends[terminal_id] = end
                if count:
                    resting.discard(terminal_id)
                elif terminal_id not in resting:
                    resting.add(terminal_id)
                    terminal.log.rest()
                if 0 < count < _CALM_BYTES and terminal.screen.wants_following:
                    await terminal.screen.follow()
            resting &= self._all.keys()
            ends = {terminal_id: end for terminal_id, end in ends.items() if terminal_id in self._all}


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
